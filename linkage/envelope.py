"""Envelopes: files that an agency seals to the hub's public key, so that only the hub opens them.

Layout of an envelope: a line that names the format and its version; four bytes of length and a JSON header, which is
readable by all and changeable by none; a fresh content key, sealed to the hub's X25519 key by HPKE (RFC 9180: base
mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM) with everything before it as `info`; and the content in
chunks of 16 MiB under that key (AES-256-GCM). A chunk's nonce holds its number and whether it is the last, and all
chunks are bound to the header, so that an envelope cut, changed, spliced or put in another order does not open (STREAM;
Hoang, Reyhanitabar, Rogaway, Vizár 2015). An envelope is refused as a whole: all of it is checked before the first byte
is handed out. HPKE's base mode tells nobody who sealed it; whoever has the hub's public key could.

What the content means is not decided here: the caller brings bytes. What the hub keeps for itself is sealed by
`linkage.sealing`.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from linkage.errors import SealError
from linkage.keys import KeyRing

Header = dict[str, str | int | bool]
"""What an envelope says of itself: flat, and no secret."""

VERSION: Final = 1
CHUNK_BYTES: Final = 1 << 24
FIELDS: Final = ("city", "k1_fingerprint", "source", "layout", "delivery")
"""What every header must say, as text: for which city, with which K1, of which source, layout and delivery."""

_MARK: Final = b"cradlepath envelope "
_MAGIC: Final = _MARK + f"{VERSION}\n".encode()
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_TAG_BYTES: Final = 16
_WRAPPED_BYTES: Final = 32 + 32 + _TAG_BYTES
_MAX_HEADER: Final = 1 << 16
_NAME: Final = re.compile(r"[0-9a-f]{16}")


def seal_to(public: X25519PublicKey, header: Mapping[str, str | int | bool], parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of an envelope for the hub with this public key, in order.

    `header` says at least `FIELDS`; `parts` are the content, in pieces of any size, and need not fit in memory
    together. Raises SealError at once for a header that lacks something.
    """
    head = _head(public, header)
    key = os.urandom(32)
    start = head + _SUITE.encrypt(key, public, info=head)
    return _sealed(start, AESGCM(key), parts)


def write_envelope(
    path: Path, public: X25519PublicKey, header: Mapping[str, str | int | bool], parts: Iterable[bytes]
) -> None:
    """Write an envelope to `path`, whole or not at all; only its owner may read it."""
    pieces = seal_to(public, header, parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def read_header(path: Path) -> Header:
    """Return what an envelope says of itself, unproven: anyone can read it, and only `open_with` checks it."""
    with _opened(path) as file:
        return _parse(path, _read_head(path, file))


def open_with(ring: KeyRing, path: Path) -> tuple[Header, Iterator[bytes]]:
    """Return the header and the content of an envelope that was sealed to this hub, the content in chunks.

    The whole file is opened once before this returns, without keeping it, and again as the chunks are taken. Raises
    SealError for a file of another version, hub or city, made with a K1 that the ring does not accept, cut, or changed.
    """
    with _opened(path) as file:
        head = _read_head(path, file)
        header = _parse(path, head)
        _check(path, header, ring)
        wrapped = file.read(_WRAPPED_BYTES)
        try:
            key = _SUITE.decrypt(wrapped, ring.seal_key, info=head)
        except (InvalidTag, ValueError):
            raise _spoilt(path) from None
        start, cipher = head + wrapped, AESGCM(key)
        for _ in _chunks_of(path, file, start, cipher):
            pass
    del header["hub"]
    return header, _again(path, start, cipher)


def _head(public: X25519PublicKey, header: Mapping[str, str | int | bool]) -> bytes:
    if missing := [name for name in FIELDS if not isinstance(header.get(name), str) or not header[name]]:
        raise SealError(f"an envelope's header lacks {', '.join(missing)}; expected text for {', '.join(FIELDS)}")
    if not all(isinstance(value, str | int | bool) for value in header.values()) or "hub" in header:
        raise SealError("an envelope's header may hold text, whole numbers and truth values, and not the name `hub`")
    text = json.dumps({**header, "hub": _name_of(public)}, sort_keys=True).encode()
    if len(text) > _MAX_HEADER:
        raise SealError(f"an envelope's header has {len(text)} bytes, expected at most {_MAX_HEADER}; say less in it")
    return _MAGIC + len(text).to_bytes(4, "big") + text


def _sealed(start: bytes, cipher: AESGCM, parts: Iterable[bytes]) -> Iterator[bytes]:
    yield start
    bound, number, held = hashlib.sha256(start).digest(), 0, bytearray()
    for part in parts:
        held += part
        while len(held) > CHUNK_BYTES:
            yield cipher.encrypt(_nonce(number, last=False), bytes(held[:CHUNK_BYTES]), bound)
            del held[:CHUNK_BYTES]
            number += 1
    yield cipher.encrypt(_nonce(number, last=True), bytes(held), bound)


def _chunks_of(path: Path, file: BinaryIO, start: bytes, cipher: AESGCM) -> Iterator[bytes]:
    """Yield the content of the chunks that follow `start`, where `file` stands."""
    bound, number, last = hashlib.sha256(start).digest(), 0, False
    following = file.read(CHUNK_BYTES + _TAG_BYTES)
    while not last:
        sealed, following = following, file.read(CHUNK_BYTES + _TAG_BYTES)
        last = not following
        try:
            yield cipher.decrypt(_nonce(number, last=last), sealed, bound)
        except (InvalidTag, ValueError):
            raise _spoilt(path) from None
        number += 1


def _again(path: Path, start: bytes, cipher: AESGCM) -> Iterator[bytes]:
    with _opened(path) as file:
        if file.read(len(start)) != start:
            raise _spoilt(path)
        yield from _chunks_of(path, file, start, cipher)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise SealError(f"{path}: cannot be read ({error.strerror}); have it delivered again") from None


def _read_head(path: Path, file: BinaryIO) -> bytes:
    """Return everything before the wrapped key: the mark, the header's length and the header."""
    magic = file.read(len(_MAGIC))
    if not magic.startswith(_MARK):
        raise SealError(f"{path}: not a sealed token file; have the agency make it again with `cradlepath tokenise`")
    if magic != _MAGIC:
        raise SealError(
            f"{path}: sealed in another version of the format, expected version {VERSION}; "
            "use the same version of Cradlepath at the agency and at the hub"
        )
    length = file.read(4)
    size = int.from_bytes(length, "big")
    text = file.read(size) if size <= _MAX_HEADER else b""
    if len(length) < 4 or not text or len(text) < size:
        raise _spoilt(path)
    return magic + length + text


def _parse(path: Path, head: bytes) -> Header:
    try:
        header = json.loads(head[len(_MAGIC) + 4 :])
    except (ValueError, RecursionError):
        raise _spoilt(path) from None
    fields = (*FIELDS, "hub")
    if not isinstance(header, dict) or not all(isinstance(header.get(name), str) for name in fields):
        raise _spoilt(path)
    return header


def _check(path: Path, header: Header, ring: KeyRing) -> None:
    """Say why an envelope is not for this ring; nothing of it is proven yet, so only well-formed names are quoted."""
    if header["city"] != ring.city:
        raise SealError(
            f"{path}: made for another city{_quoted(header['city'])}, expected city {ring.city}; "
            "have the agency make it with this city's kit"
        )
    if header["hub"] != _name_of(ring.seal_key.public_key()):
        raise SealError(
            f"{path}: sealed to another public key than this hub's; give the agency a new kit "
            "(`cradlepath keys agency-kit`) and have it make the file again"
        )
    if header["k1_fingerprint"] not in ring.accepted_k1:
        expected = " or ".join(ring.accepted_k1) or "none yet: accept the agencies' with `cradlepath keys accept-k1`"
        raise SealError(
            f"{path}: made with another K1{_quoted(header['k1_fingerprint'])}, expected {expected}; "
            "have the agency make it with the K1 that all agencies share"
        )


def _quoted(name: str | int | bool) -> str:
    return f" ({name})" if _NAME.fullmatch(str(name)) else ""


def _name_of(public: X25519PublicKey) -> str:
    return hashlib.sha256(b"cradlepath hub " + public.public_bytes_raw()).hexdigest()[:16]


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _spoilt(path: Path) -> SealError:
    return SealError(f"{path}: does not open: it was cut or changed on its way; have the agency deliver it again")
