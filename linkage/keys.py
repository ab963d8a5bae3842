"""The key ring of a workspace: who holds which secret, and one derived key per use.

Three roots and one signing key, each in a file of its own that only its owner may read:

* ``k1.key``: the agencies' token key. In *agency-tokenised* mode the hub never holds it.
* ``k2.key``: the hub's re-keying key, kept away from the disk that holds the vault.
* ``hub.key``: the hub's master: record keys, content digests, pseudonyms, child IDs, manifests.
* ``release_signing.pem``: the Ed25519 key that signs releases.

Every use derives its own key by HKDF-SHA256 (RFC 5869) from one root, so that no key does two jobs.
What does not belong here: any encryption or hashing of data with these keys.
"""

import hashlib
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from linkage.errors import KeyRingError

HUB_TOKENISED: Final = "hub-tokenised"
"""The mode in which the hub holds K1 as well as K2, so that its operator could read everything."""

ROOT_BYTES: Final = 32
_ROOT_FILES: Final = {"k1": "k1.key", "k2": "k2.key", "hub": "hub.key"}
_SIGNING_FILE: Final = "release_signing.pem"
_ABOUT_FILE: Final = "keyring.json"
_OWNER_ONLY: Final = 0o600
_VERSION: Final = 1


@dataclass(frozen=True)
class KeyRing:
    """The secrets of one workspace, in memory.

    `repr` shows the fingerprint only. Build one with `create` or `load`.
    """

    _roots: dict[str, bytes] = field(repr=False)
    signing_key: Ed25519PrivateKey = field(repr=False)
    mode: str = HUB_TOKENISED

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Write a new key ring into `folder` (created when absent, 0700) and return it.

        Raises KeyRingError when the folder already holds a key: a key is never overwritten.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = [*_ROOT_FILES.values(), _SIGNING_FILE, _ABOUT_FILE]
        if existing := [name for name in names if (folder / name).exists()]:
            raise KeyRingError(
                f"{folder}: found {', '.join(existing)}, expected no keys here; "
                "use the existing ring, or move it away and keep it: its child IDs die with it"
            )
        for name in _ROOT_FILES.values():
            _write_private(folder / name, secrets.token_bytes(ROOT_BYTES).hex().encode() + b"\n")
        signing = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write_private(folder / _SIGNING_FILE, signing)
        _write_private(folder / _ABOUT_FILE, _about(HUB_TOKENISED))
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the key ring of `folder`.

        Raises KeyRingError when a file is missing, is readable by others than its owner, is short, or is
        no key.
        """
        roots = {name: _read_root(folder / file) for name, file in _ROOT_FILES.items()}
        if len(set(roots.values())) < len(roots):
            raise KeyRingError(f"{folder}: two key files hold the same key; restore each from its own backup")
        return cls(roots, _read_signing(folder / _SIGNING_FILE), _read_mode(folder / _ABOUT_FILE))

    def derive(self, use: str, length: int = ROOT_BYTES) -> bytes:
        """Return the `length`-byte key of one use, for instance ``content.digest``.

        Uses that begin with ``token.`` derive from K1, with ``rekey.`` from K2, all others from the hub
        master.
        """
        return self._derive_from(_root_of(use), use, length)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that name this ring and reveal nothing of it: safe to print and to sign."""
        parts = [self._derive_from(root, "fingerprint", ROOT_BYTES) for root in sorted(self._roots)]
        public = self.signing_key.public_key().public_bytes_raw()
        return hashlib.sha256(b"".join(parts) + public).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"KeyRing(fingerprint={self.fingerprint!r}, mode={self.mode!r})"

    def _derive_from(self, root: str, use: str, length: int) -> bytes:
        info = b"cradlepath/v1/" + use.encode()
        return HKDF(hashes.SHA256(), length, salt=None, info=info).derive(self._roots[root])


def _root_of(use: str) -> str:
    return {"token": "k1", "rekey": "k2"}.get(use.split(".", 1)[0], "hub")


def _about(mode: str) -> bytes:
    return json.dumps({"version": _VERSION, "mode": mode}, indent=2).encode() + b"\n"


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _read_private(path: Path) -> bytes:
    if not path.is_file():
        raise KeyRingError(f"{path}: no such key file; run `cradlepath keys init`, or restore it from escrow")
    permissions = path.stat().st_mode & 0o777
    if permissions & 0o077:
        raise KeyRingError(
            f"{path}: permissions are {permissions:04o}, expected 0600 (owner only); run `chmod 600 {path}`"
        )
    try:
        return path.read_bytes()
    except PermissionError:
        raise KeyRingError(f"{path}: this user may not read the key; run as its owner") from None


def _read_root(path: Path) -> bytes:
    text = _read_private(path).strip()
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise KeyRingError(f"{path}: not a key, expected 64 hex digits; restore it from escrow") from None
    if len(key) != ROOT_BYTES:
        raise KeyRingError(f"{path}: found {len(key)} bytes, expected {ROOT_BYTES}; restore it from escrow")
    return key


def _read_signing(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(_read_private(path), password=None)
    except (ValueError, TypeError):
        raise KeyRingError(f"{path}: not a private key in PEM; restore it from escrow") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRingError(f"{path}: found another kind of key, expected Ed25519; restore it from escrow")
    return key


def _read_mode(path: Path) -> str:
    try:
        about = json.loads(_read_private(path))
    except ValueError:
        about = None
    if not isinstance(about, dict) or about.get("version") != _VERSION or about.get("mode") != HUB_TOKENISED:
        raise KeyRingError(
            f"{path}: expected version {_VERSION} and mode {HUB_TOKENISED!r}; "
            "this version of Cradlepath cannot use this key ring"
        )
    return HUB_TOKENISED
