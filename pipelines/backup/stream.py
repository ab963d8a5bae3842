"""The sealed stream: bytes of any length in one file, in chunks that cannot be changed, cut, moved or mixed.

Layout: a mark, the length of the head (4 bytes), the head (JSON, readable by anybody), then the chunks. The head holds
what the file is and its own random key, wrapped with AES-256-GCM under the city's key for backups; the rest of the head
is authenticated with it. A chunk is 1 MiB (the last one may be shorter), sealed with AES-256-GCM; its nonce is its
number and whether it is the last (STREAM; Hoang, Reyhanitabar, Rogaway, Vizár 2015), so that a file cut at any place
does not open. Nothing is held in memory but the chunk in hand. What is in the stream is not decided here.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mou_policies.canonical import canonical_json
from pipelines.backup.errors import BackupError

MARK = b"cradlepath backup 1\n"
CHUNK_BYTES = 1 << 20
TAG_BYTES = 16
_NONCE_BYTES = 12
_MOST_HEAD = 1 << 16
_WRAPPED = "key"


class SealedWriter:
    """A file object to write to; `finish` seals the last chunk. What was written without it does not open."""

    def __init__(self, file: BinaryIO, master: bytes, about: Mapping[str, Any]) -> None:
        key, nonce = secrets.token_bytes(32), secrets.token_bytes(_NONCE_BYTES)
        wrapped = nonce + AESGCM(master).encrypt(nonce, key, canonical_json(about))
        self._head = canonical_json({**about, _WRAPPED: wrapped.hex()})
        self._file, self._cipher, self._number, self._hand = file, AESGCM(key), 0, bytearray()
        self._given_up = False
        file.write(MARK + len(self._head).to_bytes(4, "big") + self._head)

    def write(self, data: bytes | memoryview) -> int:
        """Take some bytes, of any length; a full chunk is held back until it is known whether it is the last."""
        left = memoryview(data).cast("B")
        taken = len(left)
        while len(left) and not self._given_up:
            if len(self._hand) == CHUNK_BYTES:
                self._seal(last=False)
            room = CHUNK_BYTES - len(self._hand)
            self._hand += left[:room]
            left = left[room:]
        return taken

    def give_up(self) -> None:
        """Take no byte more: something failed, and whoever still holds this file may try to close it."""
        self._given_up = True

    def finish(self) -> None:
        """Seal the last chunk and see that all is on the disk."""
        self._seal(last=True)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _seal(self, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), bytes(self._hand), self._head))
        self._number += 1
        self._hand.clear()


class SealedReader:
    """A file object to read from; every byte it returns is authenticated. `finish` says that nothing was cut off."""

    def __init__(self, file: BinaryIO, master: bytes, city: str, name: str) -> None:
        self._file, self._name = file, name
        self._head = _head_of(file, name)
        self.about = _parsed(self._head, name)
        if self.about.get("city") != city:
            raise BackupError(
                f"{name}: a backup of another city ({self.about.get('city')}), expected {city}; name the keys of its "
                "own city with --keys"
            )
        self._cipher = AESGCM(self._unwrapped(master))
        self._number, self._plain, self._at, self._ended = 0, b"", 0, False
        self._ahead = file.read(CHUNK_BYTES + TAG_BYTES)

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end. Raises BackupError for a file that was cut or changed."""
        parts, wanted = [], size
        while wanted and self._filled():
            part = self._plain[self._at : self._at + wanted]
            parts.append(part)
            self._at += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def finish(self) -> None:
        """Read on to the end, where nothing but zeros may follow what was read."""
        while piece := self.read(CHUNK_BYTES):
            if piece.strip(b"\0"):
                raise BackupError(f"{self._name}: holds more than its list of contents names; make another backup")

    def _filled(self) -> bool:
        while self._at == len(self._plain) and not self._ended:
            sealed, self._ahead = self._ahead, self._file.read(CHUNK_BYTES + TAG_BYTES)
            self._ended = not self._ahead
            try:
                self._plain = self._cipher.decrypt(_nonce(self._number, self._ended), sealed, self._head)
            except (InvalidTag, ValueError):
                raise BackupError(
                    f"{self._name}: was cut or changed at its chunk {self._number + 1}; take another copy of it"
                ) from None
            self._number, self._at = self._number + 1, 0
        return self._at < len(self._plain)

    def _unwrapped(self, master: bytes) -> bytes:
        wrapped = self.about.pop(_WRAPPED, "")
        try:
            raw = bytes.fromhex(wrapped)
            return AESGCM(master).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], canonical_json(self.about))
        except (InvalidTag, ValueError, TypeError):
            raise BackupError(
                f"{self._name}: does not open with these keys: its head was changed, or it was made with other keys; "
                "take another copy of it, or recover the keys of its day from escrow (docs/keys.md)"
            ) from None


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(_NONCE_BYTES - 1, "big") + bytes([last])


def _head_of(file: BinaryIO, name: str) -> bytes:
    start = file.read(len(MARK) + 4)
    length = int.from_bytes(start[len(MARK) :], "big")
    head = file.read(length) if start.startswith(MARK) and length <= _MOST_HEAD else b""
    if not head or len(head) < length:
        raise BackupError(f"{name}: found no backup of this version; name a file that `cradlepath backup` has made")
    return head


def _parsed(head: bytes, name: str) -> dict[str, Any]:
    try:
        about = json.loads(head)
        if isinstance(about, dict) and canonical_json(about) == head:
            return about
    except ValueError:
        pass
    raise BackupError(f"{name}: its head was changed; take another copy of it")
