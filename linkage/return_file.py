"""Return files: what a hub seals to one agency's public key, so that only that agency opens it.

Layout: a line that names the format; four bytes of length and a JSON header, which is readable by all and changeable by
none; the content, sealed to the agency's X25519 key by HPKE (RFC 9180: base mode, DHKEM(X25519, HKDF-SHA256),
HKDF-SHA256, AES-256-GCM) with everything before it as `info`. The agency makes its key pair itself; the private half
never leaves it, and both sides compare the public half's fingerprint by another way than the one it was sent.

What the content means is not decided here. What agencies seal to the hub is `linkage.envelope`.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from linkage.errors import SealError
from linkage.key_files import KEY_BYTES, checked_city, read_key, refuse_existing, write_key

KIND: Final = "agency_return"
_MAGIC: Final = b"cradlepath return 1\n"
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PUBLIC: Final = re.compile(
    r"cradlepath-return-key 1 city=([0-9a-f]{16}) agency=([a-z0-9_-]{1,64}) public=([0-9a-f]{64})"
)
_MAX_HEADER: Final = 1 << 16


def new_key(path: Path, city: str, agency: str) -> str:
    """Write a key pair for one agency: the private half to `path`, the public one beside it (`.pub`).

    Returns the fingerprint of the public half. Raises KeyRingError when a file is there: no key is overwritten.
    """
    beside = path.with_name(f"{path.name}.pub")
    refuse_existing(beside)
    secret = secrets.token_bytes(KEY_BYTES)
    write_key(path, KIND, checked_city(city), secret)
    public = X25519PrivateKey.from_private_bytes(secret).public_key()
    text = f"cradlepath-return-key 1 city={city} agency={agency} public={public.public_bytes_raw().hex()}\n"
    beside.write_text(text, encoding="ascii")
    return fingerprint(public)


def read_public(path: Path, city: str, agency: str) -> X25519PublicKey:
    """Read an agency's public key. Raises SealError for a file that is none, or of another city or agency."""
    try:
        found = _PUBLIC.fullmatch(path.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        raise SealError(
            f"{path}: not a public key for returns; have the agency make one with `cradlepath return new-key`"
        )
    if (found[1], found[2]) != (city, agency):
        raise SealError(f"{path}: the key of {found[2]} for city {found[1]}, expected {agency} and city {city}")
    return X25519PublicKey.from_public_bytes(bytes.fromhex(found[3]))


def fingerprint(public: X25519PublicKey) -> str:
    """Return sixteen hex digits that name a public key, to be compared by phone."""
    return hashlib.sha256(b"cradlepath return " + public.public_bytes_raw()).hexdigest()[:16]


def seal(public: X25519PublicKey, header: Mapping[str, str], content: bytes) -> bytes:
    """Return a return file: `content` for the holder of the private half alone, `header` for everybody."""
    text = json.dumps({**header, "key": fingerprint(public)}, sort_keys=True).encode()
    head = _MAGIC + len(text).to_bytes(4, "big") + text
    return head + _SUITE.encrypt(content, public, info=head)


def open_file(path: Path, key_path: Path) -> tuple[dict[str, str], bytes]:
    """Return header and content of a return file, at the agency.

    Raises SealError for a file of another key or version, cut or changed; KeyRingError for a key that is unusable.
    """
    _, secret = read_key(key_path, KIND)
    private = X25519PrivateKey.from_private_bytes(secret)
    sealed = path.read_bytes()
    start = len(_MAGIC) + 4
    end = start + int.from_bytes(sealed[len(_MAGIC) : start], "big")
    if not sealed.startswith(_MAGIC) or not start < end <= min(len(sealed), start + _MAX_HEADER):
        raise SealError(f"{path}: not a return file of this version; ask the hub to make it again")
    try:
        content = _SUITE.decrypt(sealed[end:], private, info=sealed[:end])
    except (InvalidTag, ValueError):
        raise SealError(
            f"{path}: does not open with this key: it was sealed to another, cut, or changed on its way; compare the "
            "key's fingerprint with the hub's, and have the file made again"
        ) from None
    return dict(json.loads(sealed[start:end])), content
