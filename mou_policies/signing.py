"""Making signers and signing: a private key with its owner, an Ed25519 signature beside the agreement.

A signature covers the meaning of the agreement (`canonical`), the signer's id, role, agency and office, and the date.
What the signatures of an agreement amount to is in `signatures`, who is trusted in `trust`.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mou_policies.agreement import Agreement
from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement
from mou_policies.sidecar import read_sidecar, sidecar_of, signed_entry, write_sidecar
from mou_policies.signatures import SIGNED, SignatureStatus, needs, signs_for, status_of
from mou_policies.trust import ROLES, Signer, TrustStore, add_signer, load_trust

__all__ = [
    "SIGNED",
    "SignatureStatus",
    "TrustStore",
    "cautions",
    "load_trust",
    "needs",
    "new_signer",
    "sidecar_of",
    "sign",
    "status_of",
    "verify",
]


def new_signer(
    folder: Path, name: str, role: str, agency: str, *, office: str | None = None, key_folder: Path | None = None
) -> Path:
    """Make a signer: the private key as a file, the public one in the trust store of `folder`.

    `folder` is the agreements folder, `name` a person, `role` provider, hub or recipient, `agency` whom they sign for,
    `office` what they hold there, where an agreement's `signatories` ask for it. The key (PEM, readable by its owner
    only) goes to `key_folder`, by default ``signers`` beside the agreements folder; in a city it belongs on the
    signer's own machine. Returns the key file.
    """
    if role not in ROLES:
        raise AgreementError(folder, 1, 1, f"unknown role {role!r}", f"use one of: {', '.join(ROLES)}")
    if office is not None and not office.strip():
        raise AgreementError(folder, 1, 1, "the office is empty", "name it as the agreement's signatories do")
    signer_id = re.sub(r"[^a-z0-9]+", "-", f"{agency}-{name}".lower()).strip("-")[:60]
    keys = key_folder if key_folder is not None else folder.parent / "signers"
    file = keys / f"{signer_id}.key.pem"
    if file.exists():
        raise AgreementError(file, 1, 1, "this key exists", "choose another name; a key is never overwritten")
    key = Ed25519PrivateKey.generate()
    keys.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    add_signer(folder, Signer(signer_id, name, role, agency, _public_text(key.public_key()), office))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(pem)
    return file


def sign(file: Path, signer_key_file: Path, on: date) -> SignatureStatus:
    """Sign an agreement as it stands, on behalf of the signer whose key this is; return the new status.

    The signer must be in the trust store beside the agreement, sign for one of its parties, and hold an office that
    must sign, where the agreement names offices. Signatures of an earlier wording are dropped: every party signs a
    changed agreement anew. Raises AgreementError.
    """
    agreement = load_agreement(file)
    trust = load_trust(file.parent)
    key = _private_key(signer_key_file)
    signer = trust.by_key(_public_text(key.public_key()))
    if signer is None:
        what = "the signer of this key is not in the trust store"
        raise AgreementError(trust.file, 1, 1, what, "add their public key to signers.yaml first")
    _may_sign(file, agreement, signer, on)
    sidecar = sidecar_of(file)
    held = read_sidecar(sidecar) if sidecar.exists() else None
    kept = held["signatures"] if held and held["clauses"] == dict(agreement.clauses) else []
    others = [entry for entry in kept if entry["signer"] != signer.id]
    write_sidecar(sidecar, agreement, [*others, signed_entry(agreement, signer, on.isoformat(), key)])
    return status_of(agreement, sidecar, trust)


def verify(file: Path, trust: TrustStore | None = None) -> SignatureStatus:
    """Say whether every party signed a file as it stands. Raises AgreementError if it does not load."""
    return status_of(load_agreement(file), sidecar_of(file), trust or load_trust(file.parent))


def cautions(agreement: Agreement, on: date, today: date) -> Iterator[str]:
    """Yield what a signer should know of the date they sign with: neither is wrong, both may surprise."""
    if on > today:
        yield f"the signature is dated {on}, after today, and counts from that day"
    if on < agreement.starts:
        yield f"the signature is dated {on}, and the agreement is in force from {agreement.starts}"


def _may_sign(file: Path, agreement: Agreement, signer: Signer, on: date) -> None:
    """Raise AgreementError for a signature that would count for nothing."""
    party = agreement.party(signer.agency)
    if party is None or not signs_for(signer.role, party):
        expected = ", ".join(f"{p.role} {p.agency}" for p in agreement.parties)
        what = f"{signer.name} signs as {signer.role} for {signer.agency}, but the parties are {expected}"
        raise AgreementError(file, agreement.lines.get("parties", 1), 1, what, "sign with a key of one of them")
    offices = agreement.provisions.signatories.get(party.role, ())
    if offices and signer.office not in offices:
        holds = f"holds the office {signer.office}" if signer.office else "holds no office in signers.yaml"
        what = f"{signer.name} {holds}, and for the {party.role}, {party.name}, sign: {', '.join(offices)}"
        remedy = "sign with the key of one of them, made with new-signer --office"
        raise AgreementError(file, agreement.lines.get("signatories", 1), 1, what, remedy)
    if on > agreement.ends:
        what = f"the agreement ends on {agreement.ends}, before the signature of {on}"
        raise AgreementError(file, agreement.lines.get("term", 1), 1, what, "agree on a new term, and sign that")
    if signer.until is not None and on > signer.until:
        what = f"{signer.name} could sign until {signer.until}"
        raise AgreementError(file, 1, 1, what, "have their successor sign, or change `until` in signers.yaml")


def _private_key(file: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        what = "this is no Ed25519 signing key"
        remedy = "use the .key.pem file that `cradlepath mou new-signer` made"
        raise AgreementError(file, 1, 1, what, remedy) from None
    return key


def _public_text(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()
