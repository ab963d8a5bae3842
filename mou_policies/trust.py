"""The trust store: `signers.yaml` beside the agreements, with the public key of everyone who may sign.

It holds no secret. Whoever can change it can add a signer, so a night records its fingerprint.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mou_policies.agreement import HUB, PROVIDER, RECIPIENT
from mou_policies.canonical import sha256
from mou_policies.errors import AgreementError
from mou_policies.language import SIGNERS_FILE
from mou_policies.nodes import Node, read_yaml

ROLES = (PROVIDER, HUB, RECIPIENT)

_ID = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_HEADER = """\
# Who may sign agreements: public keys only. A provider's signer and one of the hub's sign each agreement.
# `office`: what a signer holds, where agreements say which offices sign. Signatures dated after `until` do not count.
# Whoever can change this file can add a signer: keep it reviewed, and compare its fingerprint each night.
signers:
"""


@dataclass(frozen=True)
class Signer:
    """One person that may sign for an agency, as provider, hub or recipient.

    `office` is what they hold, where it matters; signatures dated after `until` do not count.
    """

    id: str
    name: str
    role: str
    agency: str
    public_key: str
    office: str | None = None
    until: date | None = None

    def key(self) -> Ed25519PublicKey:
        """Return the public key as an object that verifies."""
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(self.public_key))


@dataclass(frozen=True)
class TrustStore:
    """The signers of a folder, by id; `file` is where they stand."""

    file: Path
    signers: dict[str, Signer]

    def by_key(self, public_key: str) -> Signer | None:
        """Return the signer with this public key (base64), if one is trusted."""
        return next((s for s in self.signers.values() if s.public_key == public_key), None)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all signers: changes when anyone is added, removed or changed."""
        return sha256({s.id: _facts(s) for s in self.signers.values()})


def _facts(signer: Signer) -> list[object]:
    """Return what a fingerprint covers; an entry without the optional keys has the fingerprint it always had."""
    optional = {"office": signer.office, "until": signer.until and signer.until.isoformat()}
    given = {key: value for key, value in optional.items() if value}
    return [signer.name, signer.role, signer.agency, signer.public_key, *([given] if given else [])]


def load_trust(folder: Path) -> TrustStore:
    """Load the trust store of an agreements folder; an absent file is an empty store.

    Raises AgreementError with line and column when it is malformed or lists a key twice.
    """
    file = folder / SIGNERS_FILE
    if not file.exists():
        return TrustStore(file, {})
    listing = read_yaml(file).keys_of(["signers"])["signers"]
    signers: dict[str, Signer] = {}
    for name, key, body in listing.entries():
        signer = _signer(name, key, body)
        if any(s.public_key == signer.public_key for s in signers.values()):
            raise key.error(f"signer {name} has the key of another", "give each signer a key of their own")
        signers[name] = signer
    return TrustStore(file, signers)


def _signer(name: str, key: Node, node: Node) -> Signer:
    if not _ID.fullmatch(name):
        raise key.error(f"{name!r} cannot be a signer's id", "use lower case, digits, - and _")
    keys = node.keys_of(["name", "role", "agency", "public_key"], ["office", "until"])
    public = keys["public_key"].text()
    try:
        raw = base64.b64decode(public, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise keys["public_key"].error("this is no Ed25519 public key", "write its 32 bytes in base64")
    role = keys["role"].word(ROLES, "role")
    office = keys["office"].text() if "office" in keys else None
    until = keys["until"].day() if "until" in keys else None
    return Signer(name, keys["name"].text(), role, keys["agency"].text(), public, office, until)


def add_signer(folder: Path, signer: Signer) -> TrustStore:
    """Add a signer to the trust store of a folder (made if absent). Raises AgreementError for an id taken."""
    trust = load_trust(folder)
    if signer.id in trust.signers:
        raise AgreementError(
            trust.file, 1, 1, f"signer {signer.id} exists", "choose another name, or remove the old entry"
        )
    text = trust.file.read_text(encoding="utf-8") if trust.file.exists() else _HEADER
    ending = "" if text.endswith("\n") else "\n"
    office = f"office: {_quoted(signer.office)}, " if signer.office else ""
    entry = (
        f"  {signer.id}: {{name: {_quoted(signer.name)}, role: {signer.role}, "
        f'agency: {signer.agency}, {office}public_key: "{signer.public_key}"}}\n'
    )
    trust.file.write_text(text + ending + entry, encoding="utf-8")
    return load_trust(folder)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
