"""The file beside an agreement that holds its signatures, ``<file>.yaml.sig.json``: its form, and what is signed.

Here are bytes and keys only: what a signature covers and whether it verifies. Whose signature is needed, and what those
that are there amount to, is in `signatures`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mou_policies.agreement import Agreement
from mou_policies.canonical import canonical_json, digest_of
from mou_policies.errors import AgreementError
from mou_policies.trust import Signer

FORMAT = "cradlepath-agreement-signature/1"

_MAX_BYTES = 10_000_000
_FACTS = ("signer", "role", "agency", "signed_on", "public_key")

Entry = Mapping[str, str]


def sidecar_of(file: Path) -> Path:
    """Return the path of an agreement's signatures."""
    return file.with_name(file.name + ".sig.json")


def read_sidecar(file: Path) -> dict[str, Any]:
    """Return the content of a signature file. Raises AgreementError when it has not the form of one."""
    remedy = "restore the signature file, or remove it and have every party sign again"
    wrong = AgreementError(file, 1, 1, "this is no signature file", remedy)
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise wrong
        held = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise wrong from None
    good = (
        isinstance(held, dict)
        and set(held) == {"format", "agreement", "sha256", "signatures", "clauses"}
        and held["format"] == FORMAT
        and isinstance(held["clauses"], dict)
        and isinstance(held["signatures"], list)
        and all(isinstance(e, dict) and set(e) - {"office"} == {*_FACTS, "signature"} for e in held["signatures"])
        and all(isinstance(v, str) for e in held["signatures"] for v in e.values())
        and all(isinstance(v, str) for v in [held["agreement"], held["sha256"], *held["clauses"].values()])
    )
    if not good:
        raise wrong
    return dict(held)


def write_sidecar(file: Path, agreement: Agreement, signatures: Sequence[Entry]) -> None:
    """Write the signatures of an agreement as it stands; the file is replaced as a whole."""
    body = {
        "format": FORMAT,
        "agreement": agreement.agreement_id,
        "sha256": agreement.sha256,
        "signatures": signatures,
        "clauses": dict(agreement.clauses),
    }
    partial = file.with_name(file.name + ".part")
    partial.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(file)


def signed_entry(agreement: Agreement, signer: Signer, signed_on: str, key: Ed25519PrivateKey) -> Entry:
    """Return the signature of an agreement as it stands: by whom, in which role and office, on which day."""
    facts = (signer.id, signer.role, signer.agency, signed_on, signer.public_key)
    entry = dict(zip(_FACTS, facts, strict=True)) | ({"office": signer.office} if signer.office else {})
    signature = key.sign(payload(agreement.agreement_id, agreement.sha256, entry))
    return entry | {"signature": base64.b64encode(signature).decode()}


def clauses_hold(held: Mapping[str, Any]) -> bool:
    """Say whether a file's list of clauses is the one its signatures cover."""
    return digest_of(held["clauses"]) == str(held["sha256"])


def verifies(held: Mapping[str, Any], entry: Entry, signer: Signer) -> bool:
    """Say whether a signature of the file is one by this signer's key."""
    try:
        signature = base64.b64decode(entry["signature"], validate=True)
        signer.key().verify(signature, payload(held["agreement"], held["sha256"], entry))
    except (InvalidSignature, ValueError):
        return False
    return True


def payload(agreement_id: str, digest: str, entry: Entry) -> bytes:
    """Return the bytes that are signed: the agreement, its digest, and what the signature says of itself."""
    said = {key: entry[key] for key in (*_FACTS, "office") if key in entry}
    return canonical_json({"format": FORMAT, "agreement": agreement_id, "sha256": digest, **said})
