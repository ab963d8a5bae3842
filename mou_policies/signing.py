"""Signatures of agreements: an Ed25519 sidecar ``<file>.yaml.sig.json`` with a digest for every clause.

A signature covers the meaning of the agreement (`canonical`), the signer's id, role and agency, and the
date. A signer of every party must have signed the agreement as it stands (an EMOU binds those who have); when it was
changed afterwards, `verify` names the changed clauses and their lines. Who is trusted
is in `trust`.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mou_policies.agreement import HUB, MEMBER, PROVIDER, RECIPIENT, Agreement, Party
from mou_policies.canonical import canonical_json, digest_of
from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement
from mou_policies.trust import ROLES, Signer, TrustStore, add_signer, load_trust

__all__ = [
    "SignatureStatus",
    "TrustStore",
    "load_trust",
    "new_signer",
    "sidecar_of",
    "sign",
    "status_of",
    "verify",
]

FORMAT = "cradlepath-agreement-signature/1"
SIGNED, UNSIGNED, INCOMPLETE, CHANGED, INVALID = "signed", "unsigned", "incomplete", "changed", "invalid"

_MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class Signature:
    """One verified signature."""

    signer: str
    name: str
    role: str
    agency: str
    signed_on: date


@dataclass(frozen=True)
class SignatureStatus:
    """Whether an agreement is signed as it stands.

    `state` is signed, unsigned, incomplete (a role is missing), changed (after signing) or invalid (the
    sidecar is not what was signed). `line` is where to look in the agreement; `changed` are clause paths.
    """

    state: str
    reason: str
    remedy: str
    line: int
    signatures: tuple[Signature, ...] = ()
    changed: tuple[str, ...] = ()

    def holds_for_hub(self, agreement: Agreement, on: date) -> bool:
        """Whether the hub has signed the wording as it stands by a date: an EMOU then binds those who signed too."""
        stands = self.state in {SIGNED, INCOMPLETE}
        return stands and any(s.role == HUB and s.signed_on <= on for s in self.signatures)

    @property
    def signed_on(self) -> date | None:
        """The day on which the last needed signature was given."""
        return max((s.signed_on for s in self.signatures), default=None)


def sidecar_of(file: Path) -> Path:
    """Return the path of an agreement's signatures."""
    return file.with_name(file.name + ".sig.json")


def new_signer(folder: Path, name: str, role: str, agency: str, *, key_folder: Path | None = None) -> Path:
    """Make a signer: the private key as a file, the public one in the trust store of `folder`.

    `folder` is the agreements folder, `name` a person or office, `role` provider or hub, `agency` whom they
    sign for. The key (PEM, readable by its owner only) goes to `key_folder`, by default ``signers`` beside
    the agreements folder; in a city it belongs on the signer's own machine. Returns the key file.
    """
    if role not in ROLES:
        raise AgreementError(folder, 1, 1, f"unknown role {role!r}", f"use one of: {', '.join(ROLES)}")
    signer_id = re.sub(r"[^a-z0-9]+", "-", f"{agency}-{name}".lower()).strip("-")[:60]
    keys = key_folder if key_folder is not None else folder.parent / "signers"
    file = keys / f"{signer_id}.key.pem"
    if file.exists():
        raise AgreementError(file, 1, 1, "this key exists", "choose another name; a key is never overwritten")
    key = Ed25519PrivateKey.generate()
    keys.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    add_signer(folder, Signer(signer_id, name, role, agency, _public_text(key.public_key())))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(pem)
    return file


def sign(file: Path, signer_key_file: Path, on: date) -> SignatureStatus:
    """Sign an agreement as it stands, on behalf of the signer whose key this is; return the new status.

    The signer must be in the trust store beside the agreement, and sign for one of its two parties.
    Signatures of an earlier wording are dropped: every party signs a changed agreement anew. Raises
    AgreementError.
    """
    agreement = load_agreement(file)
    trust = load_trust(file.parent)
    key = _private_key(signer_key_file)
    signer = trust.by_key(_public_text(key.public_key()))
    if signer is None:
        what = "the signer of this key is not in the trust store"
        raise AgreementError(trust.file, 1, 1, what, "add their public key to signers.yaml first")
    party = agreement.party(signer.agency)
    if party is None or not signs_for(signer.role, party):
        expected = ", ".join(f"{p.role} {p.agency}" for p in agreement.parties)
        what = f"{signer.name} signs as {signer.role} for {signer.agency}, but the parties are {expected}"
        line = agreement.lines.get("parties", 1)
        raise AgreementError(file, line, 1, what, "sign with a key of one of them")
    held = _read_sidecar(sidecar_of(file)) if sidecar_of(file).exists() else None
    kept = held["signatures"] if held and held["clauses"] == dict(agreement.clauses) else []
    entry: dict[str, Any] = {
        "signer": signer.id,
        "role": signer.role,
        "agency": signer.agency,
        "signed_on": on.isoformat(),
        "public_key": signer.public_key,
    }
    entry["signature"] = base64.b64encode(key.sign(_payload(agreement.agreement_id, agreement.sha256, entry))).decode()
    body = {
        "format": FORMAT,
        "agreement": agreement.agreement_id,
        "sha256": agreement.sha256,
        "signatures": [*(s for s in kept if s["signer"] != signer.id), entry],
        "clauses": dict(agreement.clauses),
    }
    _write(sidecar_of(file), body)
    return status_of(agreement, sidecar_of(file), trust)


def verify(file: Path, trust: TrustStore | None = None) -> SignatureStatus:
    """Say whether both parties signed a file as it stands. Raises AgreementError if it does not load."""
    return status_of(load_agreement(file), sidecar_of(file), trust or load_trust(file.parent))


def status_of(agreement: Agreement, sidecar: Path, trust: TrustStore) -> SignatureStatus:
    """Say whether a loaded agreement is signed as it stands by a trusted signer of each party."""
    name = sidecar.name.removesuffix(".sig.json")
    if not sidecar.exists():
        remedy = f"have both parties sign it: cradlepath mou sign {name} --key ..."
        return SignatureStatus(UNSIGNED, "the agreement is not signed", remedy, 1)
    try:
        held = _read_sidecar(sidecar)
    except AgreementError as error:
        return SignatureStatus(INVALID, f"{sidecar.name}: {error.what}", error.remedy, 1)
    signatures = _verified(held, trust)
    if isinstance(signatures, str):
        remedy = "restore the signature file, or have both parties sign again"
        return SignatureStatus(INVALID, f"{sidecar.name}: {signatures}", remedy, 1)
    if held["sha256"] != agreement.sha256 or held["agreement"] != agreement.agreement_id:
        return _changed(agreement, held["clauses"], signatures)
    for party in agreement.parties:
        if not any(s.agency == party.agency and signs_for(s.role, party) for s in signatures):
            reason = f"no trusted signer has signed for the {party.role}, {party.name}"
            remedy = f"a signer of {party.agency} in signers.yaml must sign: cradlepath mou sign {name} --key ..."
            return SignatureStatus(INCOMPLETE, reason, remedy, agreement.lines.get("parties", 1), signatures)
    return SignatureStatus(SIGNED, "signed by every party", "", 1, signatures)


def assumed(agreement: Agreement) -> SignatureStatus:
    """Return the status an agreement would have if each party had signed it on the day its term begins."""
    given = tuple(Signature(p.agency, p.represented_by, p.role, p.agency, agreement.starts) for p in agreement.parties)
    return SignatureStatus(SIGNED, "signed by every party", "", 1, given)


def signs_for(role: str, party: Party) -> bool:
    """Say whether a signer of an agency, in this role, can sign for the part it has in an agreement."""
    return role == party.role or (role == PROVIDER and party.role in {MEMBER, RECIPIENT})


def _changed(agreement: Agreement, signed: Mapping[str, str], signatures: Sequence[Signature]) -> SignatureStatus:
    paths = sorted(
        set(signed.items()) ^ set(agreement.clauses.items()), key=lambda item: agreement.lines.get(item[0], 0)
    )
    changed = tuple(dict.fromkeys(path for path, _ in paths))
    words = [_change(path, signed, agreement) for path in changed]
    shown = ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
    line = min((agreement.lines[p] for p in changed if p in agreement.lines), default=1)
    reason = f"changed after signing: {shown}" if words else "the signatures are of another agreement"
    remedy = "undo the change, or have both parties sign the new wording"
    return SignatureStatus(CHANGED, reason, remedy, line, tuple(signatures), changed)


def _change(path: str, signed: Mapping[str, str], agreement: Agreement) -> str:
    if path not in agreement.clauses:
        return f"{path} removed"
    word = "changed" if path in signed else "added"
    return f"{path} {word} (line {agreement.lines[path]})"


def _verified(held: Mapping[str, Any], trust: TrustStore) -> tuple[Signature, ...] | str:
    """Return the signatures by trusted signers, or what is wrong with the sidecar.

    A signature by someone the trust store does not list counts for nothing; a listed one that does not
    verify, or a clause list that is not what was signed, spoils the sidecar.
    """
    if digest_of(held["clauses"]) != held["sha256"]:
        return "its list of clauses is not the one that was signed"
    good = []
    for entry in held["signatures"]:
        signer = trust.signers.get(entry["signer"])
        if signer is None or signer.public_key != entry["public_key"]:
            continue
        try:
            signer.key().verify(
                base64.b64decode(entry["signature"], validate=True),
                _payload(held["agreement"], held["sha256"], entry),
            )
            signed_on = date.fromisoformat(entry["signed_on"])
        except (InvalidSignature, ValueError):
            return f"the signature of {signer.id} does not verify"
        if (entry["role"], entry["agency"]) != (signer.role, signer.agency):
            return f"{signer.id} signed in a role the trust store does not give them"
        good.append(Signature(signer.id, signer.name, signer.role, signer.agency, signed_on))
    return tuple(good)


def _payload(agreement_id: str, digest: str, entry: Mapping[str, Any]) -> bytes:
    said = {key: entry[key] for key in ("signer", "role", "agency", "signed_on", "public_key")}
    return canonical_json({"format": FORMAT, "agreement": agreement_id, "sha256": digest, **said})


def _read_sidecar(file: Path) -> dict[str, Any]:
    remedy = "restore the signature file, or remove it and have both parties sign again"
    wrong = AgreementError(file, 1, 1, "this is no signature file", remedy)
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise wrong
        held = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise wrong from None
    entry_keys = {"signer", "role", "agency", "signed_on", "public_key", "signature"}
    good = (
        isinstance(held, dict)
        and set(held) == {"format", "agreement", "sha256", "signatures", "clauses"}
        and held["format"] == FORMAT
        and isinstance(held["clauses"], dict)
        and isinstance(held["signatures"], list)
        and all(isinstance(e, dict) and set(e) == entry_keys for e in held["signatures"])
        and all(isinstance(v, str) for e in held["signatures"] for v in e.values())
        and all(isinstance(v, str) for v in [held["agreement"], held["sha256"], *held["clauses"].values()])
    )
    if not good:
        raise wrong
    return dict(held)


def _write(file: Path, body: Mapping[str, Any]) -> None:
    partial = file.with_name(file.name + ".part")
    partial.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(file)


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
