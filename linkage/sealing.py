"""Sealed tables: Arrow tables in one file that says nothing without the key, not even how its rows are ordered.

What the hub must keep for later nights but a thief of its disk must not read (the ledger, evidence of links, tokens
that wait for tonight's linking) is kept this way: Arrow IPC streams, cut into chunks, each sealed with AES-256-GCM
under a key of one use. Chunks carry their number and whether they are the last, so that a file cut short, spliced or
taken from another use or city does not open (STREAM; Hoang, Reyhanitabar, Rogaway, Vizár 2015). A change writes a new
file beside the old one and moves it over: readers see one or the other, whole.

What is in a table is not decided here. Token files of agencies are sealed to a public key instead.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linkage.errors import SealError

MAGIC: Final = b"cradlepath sealed 1\n"
PREFIX_BYTES: Final = 7
TAG_BYTES: Final = 16
CHUNK_BYTES: Final = 1 << 24


class SealedTables:
    """Named Arrow tables in one sealed file, under one 32-byte key that serves this use alone."""

    def __init__(self, path: Path, key: bytes):
        self._path = path
        self._cipher = AESGCM(key)

    @property
    def path(self) -> Path:
        """Where the file is, or will be at the first writing."""
        return self._path

    def exists(self) -> bool:
        """Say whether anything has been written yet."""
        return self._path.exists()

    def read(self) -> dict[str, pa.Table]:
        """Return all tables by name; an absent file holds none.

        Raises SealError for a file that was cut, changed, or sealed under another key.
        """
        if not self._path.exists():
            return {}
        plain = memoryview(self._opened())
        head = int.from_bytes(plain[:8], "big")
        index: list[list[str | int]] = json.loads(bytes(plain[8 : 8 + head]))
        tables, at = {}, 8 + head
        for name, size in index:
            part = plain[at : at + int(size)]
            with pa.ipc.open_stream(pa.py_buffer(part)) as stream:
                tables[str(name)] = stream.read_all()
            at += int(size)
        return tables

    def write(self, tables: Mapping[str, pa.Table]) -> None:
        """Replace all tables by these; a failure leaves the old file as it was."""
        streams = [(name, _stream(table)) for name, table in tables.items()]
        index = json.dumps([[name, stream.size] for name, stream in streams]).encode()
        parts: list[bytes | memoryview] = [
            len(index).to_bytes(8, "big") + index,
            *(memoryview(stream).cast("B") for _, stream in streams),
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(self._sealed(parts))
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._path)  # noqa: PTH105 - atomic on one file system, unlike a copy
        finally:
            fresh.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self._path.unlink(missing_ok=True)

    def _sealed(self, parts: Sequence[bytes | memoryview]) -> Iterator[bytes]:
        prefix = os.urandom(PREFIX_BYTES)
        yield MAGIC + prefix
        pieces = [part[at : at + CHUNK_BYTES] for part in parts for at in range(0, max(len(part), 1), CHUNK_BYTES)]
        for number, piece in enumerate(pieces):
            sealed = self._cipher.encrypt(_nonce(prefix, number, number == len(pieces) - 1), piece, MAGIC)
            yield len(sealed).to_bytes(4, "big") + sealed

    def _opened(self) -> bytearray:
        start = len(MAGIC) + PREFIX_BYTES
        size, filled, number = self._path.stat().st_size, 0, 0
        with self._path.open("rb") as file:
            head = file.read(start)
            if not head.startswith(MAGIC) or size <= start:
                raise SealError(f"{self._path}: not a sealed table of this version; restore it from a backup")
            plain = bytearray(size)
            while start < size:
                length = int.from_bytes(file.read(4), "big")
                start += 4 + length
                nonce = _nonce(head[len(MAGIC) :], number, start == size)
                try:
                    piece = self._cipher.decrypt(nonce, file.read(length), MAGIC)
                except (InvalidTag, ValueError):
                    raise SealError(
                        f"{self._path}: does not open with this key ring: it was cut, changed, or is another city's; "
                        "restore it, or the keys it was made with, from a backup"
                    ) from None
                plain[filled : filled + len(piece)] = piece
                filled, number = filled + len(piece), number + 1
        del plain[filled:]
        return plain


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def _stream(table: pa.Table) -> pa.Buffer:
    size = pa.MockOutputStream()
    with pa.ipc.new_stream(size, table.schema) as writer:
        writer.write_table(table)
    whole = pa.allocate_buffer(size.size())
    with pa.ipc.new_stream(pa.FixedSizeBufferWriter(whole), table.schema) as writer:
        writer.write_table(table)
    return whole
