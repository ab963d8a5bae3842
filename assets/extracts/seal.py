"""Sealed landing files: AES-256-GCM, streamed, under a key of its own use.

Layout of a sealed file: 8 bytes of mark, 12 bytes of nonce, the ciphertext, 16 bytes of tag. The mark and the
file's name are authenticated with it, so that a sealed file cannot be passed off as another. Opening one again is
for disputes with an agency; the load never reads sealed files.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SUFFIX = ".sealed"
_MARK = b"CPSEAL1\n"
_NONCE = 12
_TAG = 16
_PIECE = 1 << 20


class SealError(Exception):
    """A sealed file that cannot be opened: one line, what was found and what to do."""


def seal(source: Path, target: Path, key: bytes) -> None:
    """Write `source`, encrypted under a 32-byte key, to `target`, whole or not at all; `source` stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    nonce = secrets.token_bytes(_NONCE)
    encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(_MARK + source.name.encode())
    unfinished = target.with_name(f".{target.name}.part")
    with source.open("rb") as plain, unfinished.open("wb") as sealed:
        sealed.write(_MARK + nonce)
        while piece := plain.read(_PIECE):
            sealed.write(encryptor.update(piece))
        sealed.write(encryptor.finalize() + encryptor.tag)
        sealed.flush()
        os.fsync(sealed.fileno())
    unfinished.replace(target)


def unseal(sealed: Path, key: bytes) -> bytes:
    """Return what a sealed file holds. Raises SealError if the key is another or the file was changed."""
    content = sealed.read_bytes()
    mark, nonce = content[: len(_MARK)], content[len(_MARK) : len(_MARK) + _NONCE]
    body, tag = content[len(_MARK) + _NONCE : -_TAG], content[-_TAG:]
    try:
        decryptor = Cipher(algorithms.AES(key), modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(mark + sealed.name.removesuffix(SUFFIX).encode())
        plain: bytes = decryptor.update(body) + decryptor.finalize()
    except (InvalidTag, ValueError):
        raise SealError(
            f"{sealed.name}: does not open: it was changed or renamed, or sealed under another key; "
            "use the key ring of the night it was sealed in"
        ) from None
    return plain
