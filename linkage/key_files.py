"""Key files: one secret a file, with a header line that says what it is and whose.

A key file is text. Its first line reads ``cradlepath-key 1 kind=k1 city=0123456789abcdef check=89abcdef``: the version
of the format, the kind of key, the city it belongs to, and eight hex digits by which a damaged key is recognised. The
key follows: 64 hex digits, or PKCS #8 in PEM for the two private keys that other programs read too. On POSIX systems
only the file's owner may read it; Windows has no such mode bits, so there the folder's access list must see to it.

Which keys a city has, and what they are for, is not decided here: see `linkage.keys`.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from linkage.errors import KeyRingError

KEY_BYTES: Final = 32
VERSION: Final = 1
OWNER_ONLY: Final = 0o600
PEM_KINDS: Final[dict[str, type[Ed25519PrivateKey] | type[X25519PrivateKey]]] = {
    "release_signing": Ed25519PrivateKey,
    "hub_seal": X25519PrivateKey,
    "agency_return": X25519PrivateKey,
}
"""The kinds of key that are kept as PEM, and what they are; all others are 64 hex digits."""

_CITY: Final = re.compile(r"[0-9a-f]{16}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
_VERSIONED: Final = re.compile(r"cradlepath-key (\d{1,4}) (.*)")
_HEADER: Final = re.compile(r"kind=([a-z0-9_]{1,32}) city=([0-9a-f]{16}) check=([0-9a-f]{8})")
_PLAIN: Final = re.compile(rb"[0-9a-f]{64}")
_MAX_BYTES: Final = 1 << 20


def derive_from(root: bytes, use: str, length: int = KEY_BYTES) -> bytes:
    """Return the `length`-byte key of one use from a 32-byte root, by HKDF-SHA256 (RFC 5869)."""
    return HKDF(hashes.SHA256(), length, salt=None, info=b"cradlepath/v1/" + use.encode()).derive(root)


def fingerprint_of(root: bytes) -> str:
    """Return sixteen hex digits that name a 32-byte key and reveal nothing of it."""
    return hashlib.sha256(derive_from(root, "fingerprint")).hexdigest()[:16]


def new_city() -> str:
    """Return a fresh city id: sixteen random hex digits."""
    return secrets.token_hex(8)


def checked_city(city: str) -> str:
    """Return `city` if it has the form of a city id; raises KeyRingError otherwise."""
    if not _CITY.fullmatch(city):
        raise KeyRingError("this is no city id, expected 16 hex digits; `cradlepath keys show-fingerprint` prints it")
    return city


def checked_fingerprint(fingerprint: str) -> str:
    """Return `fingerprint` if it has the form of one; raises KeyRingError otherwise."""
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise KeyRingError("this is no fingerprint of a K1, expected 16 hex digits; `cradlepath keys new-k1` prints it")
    return fingerprint


def key_text(kind: str, city: str, key: bytes) -> bytes:
    """Return the content of a key file."""
    header = f"cradlepath-key {VERSION} kind={kind} city={checked_city(city)} check={fingerprint_of(key)[:8]}\n"
    if kind not in PEM_KINDS:
        return f"{header}{key.hex()}\n".encode()
    private = PEM_KINDS[kind].from_private_bytes(key)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return header.encode() + private.private_bytes(*form)


def write_key(path: Path, kind: str, city: str, key: bytes) -> None:
    """Write a key file whole or not at all; raises KeyRingError when something is there: no key is overwritten."""
    refuse_existing(path)
    replace_private(path, key_text(kind, city, key))


def read_key(path: Path, kind: str, city: str | None = None) -> tuple[str, bytes]:
    """Return the city and the 32 bytes of a key file.

    Raises KeyRingError when the file is missing, is readable by others than its owner, is no key file, is of another
    version, kind or city, or is short or damaged.
    """
    header, _, body = read_private(path).partition(b"\n")
    if not body and kind not in PEM_KINDS and _PLAIN.fullmatch(header.strip()):
        return city or "", _hex(path, header)  # a key made before key files had a header
    versioned = _VERSIONED.fullmatch(header.decode("ascii", "replace").strip())
    if versioned and int(versioned[1]) != VERSION:
        raise KeyRingError(
            f"{path}: found version {int(versioned[1])} of the key format, expected {VERSION}; "
            "use the version of Cradlepath that wrote it"
        )
    found = _HEADER.fullmatch(versioned[2]) if versioned else None
    if found is None:
        raise KeyRingError(
            f"{path}: not a key file: expected a first line `cradlepath-key {VERSION} kind={kind} city=...`; "
            "restore it from a backup or from its shares"
        )
    its_kind, its_city, check = found.groups()
    if its_kind != kind:
        raise KeyRingError(f"{path}: found a key of kind {its_kind}, expected {kind}; put that key's own file there")
    if city is not None and its_city != city:
        raise KeyRingError(
            f"{path}: found a key of another city ({its_city}), expected city {city}; put this city's key file there"
        )
    key = _pem(path, kind, body) if kind in PEM_KINDS else _hex(path, body)
    if not fingerprint_of(key).startswith(check):
        raise KeyRingError(f"{path}: the key is damaged: its check digits do not fit; restore it from a backup")
    return its_city, key


def _hex(path: Path, body: bytes) -> bytes:
    try:
        key = bytes.fromhex(body.strip().decode("ascii"))
    except ValueError:
        raise KeyRingError(f"{path}: not a key, expected 64 hex digits; restore it from a backup") from None
    if len(key) != KEY_BYTES:
        raise KeyRingError(f"{path}: found {len(key)} bytes, expected {KEY_BYTES}; restore it from a backup")
    return key


def _pem(path: Path, kind: str, body: bytes) -> bytes:
    try:
        key = serialization.load_pem_private_key(body, password=None)
    except (ValueError, TypeError):
        raise KeyRingError(f"{path}: not a private key in PEM; restore it from a backup") from None
    if not isinstance(key, Ed25519PrivateKey | X25519PrivateKey) or not isinstance(key, PEM_KINDS[kind]):
        expected = PEM_KINDS[kind].__name__.removesuffix("PrivateKey")
        raise KeyRingError(f"{path}: found another sort of key, expected {expected}; restore it from a backup")
    return key.private_bytes_raw()


def read_private(path: Path) -> bytes:
    """Return the content of a file that only its owner may read; raises KeyRingError otherwise."""
    if not path.is_file():
        raise KeyRingError(
            f"{path}: no such key file, expected one; restore it from a backup or from its shares, or make a "
            "new city's with `cradlepath keys init`"
        )
    permissions = path.stat().st_mode & 0o777
    if os.name == "posix" and permissions & 0o077:
        raise KeyRingError(
            f"{path}: permissions are {permissions:04o}, expected 0600 (owner only); run `chmod 600 {path}`, and "
            "change the key if others may have read it"
        )
    if path.stat().st_size > _MAX_BYTES:
        raise KeyRingError(f"{path}: found {path.stat().st_size} bytes, too many for a key file; restore the right one")
    try:
        return path.read_bytes()
    except PermissionError:
        raise KeyRingError(f"{path}: this user may not read the key; run as its owner") from None


def check_folder(folder: Path) -> None:
    """Raise KeyRingError when others than its owner may look into a folder of keys; Windows has no such mode bits."""
    permissions = folder.stat().st_mode & 0o777 if os.name == "posix" and folder.is_dir() else 0
    if permissions & 0o077:
        raise KeyRingError(
            f"{folder}: permissions are {permissions:04o}, expected 0700 (owner only); run `chmod 700 {folder}`"
        )


def refuse_existing(path: Path) -> None:
    """Raise KeyRingError when `path` exists: nothing secret is ever overwritten by accident."""
    if path.exists():
        raise KeyRingError(f"{path}: found a file, expected none; name another, or move this one away and keep it")


def replace_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; a failure leaves what was there before."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` last through a power cut; Windows offers no such call and needs none."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
