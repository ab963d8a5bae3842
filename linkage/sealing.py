"""Sealed tables: Arrow tables in one file that says nothing without the key, not even how its rows are ordered.

What the hub must keep for later nights but a thief of its disk must not read (the ledger, evidence of links, tokens
that wait for tonight's linking) is kept this way: Arrow IPC streams, cut into chunks, each sealed with AES-256-GCM
under a key of one use. Chunks carry their number and whether they are the last, so that a file cut short, spliced or
taken from another use or city does not open (STREAM; Hoang, Reyhanitabar, Rogaway, Vizár 2015). A change writes a new
file beside the old one and moves it over: readers see one or the other, whole.

What is in a table is not decided here. Token files of agencies are sealed to a public key instead.
"""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
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

    def read(self, first: int | None = None) -> dict[str, pa.Table]:
        """Return all tables by name, or only the `first` so many; an absent file holds none.

        Raises SealError for a file that was cut, changed, or sealed under another key.
        """
        if not self._path.exists():
            return {}
        plain, index, at = self._opened(first)
        tables = {}
        for name, size in index:
            with pa.ipc.open_stream(pa.py_buffer(plain[at : at + size])) as stream:
                tables[name] = stream.read_all()
            at += size
        return tables

    def write(self, tables: Mapping[str, pa.Table]) -> None:
        """Replace all tables by these; a failure leaves the old file as it was."""
        index = json.dumps([[name, _size(table)] for name, table in tables.items()]).encode()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                sealer = _Sealer(file, self._cipher)
                sealer.write(len(index).to_bytes(8, "big") + index)
                for table in tables.values():
                    sealer.cut()
                    with pa.ipc.new_stream(pa.PythonFile(sealer, mode="w"), table.schema) as writer:
                        writer.write_table(table)
                sealer.finish()
                os.fsync(file.fileno())
            os.replace(fresh, self._path)  # noqa: PTH105 - atomic on one file system, unlike a copy
        finally:
            fresh.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self._path.unlink(missing_ok=True)

    def _opened(self, first: int | None) -> tuple[memoryview, list[tuple[str, int]], int]:
        """Return what is sealed, as far as it is wanted, the names and sizes of its tables, and where they begin."""
        start = len(MAGIC) + PREFIX_BYTES
        size = self._path.stat().st_size
        filled, number, end = 0, 0, size
        index: list[tuple[str, int]] = []
        with self._path.open("rb") as file:
            head = file.read(start)
            if not head.startswith(MAGIC) or size <= start:
                raise SealError(f"{self._path}: not a sealed table of this version; restore it from a backup")
            plain = np.empty(size, np.uint8).data.cast("B")
            while start < size and filled < end:
                length = int.from_bytes(file.read(4), "big")
                start += 4 + length
                nonce = _nonce(head[len(MAGIC) :], number, start == size)
                try:
                    piece = plain[filled : filled + length - TAG_BYTES]
                    self._cipher.decrypt_into(nonce, file.read(length), MAGIC, piece)
                except (InvalidTag, ValueError):
                    raise SealError(
                        f"{self._path}: does not open with this key ring: it was cut, changed, or is another city's; "
                        "restore it, or the keys it was made with, from a backup"
                    ) from None
                filled, number = filled + length - TAG_BYTES, number + 1
                if not index:
                    begin = 8 + int.from_bytes(plain[:8], "big")
                    index = [(str(name), int(bytes_)) for name, bytes_ in json.loads(bytes(plain[8:begin]))][:first]
                    end = size if first is None else begin + sum(bytes_ for _, bytes_ in index)
        return plain, index, begin


class _Sealer:
    """A file to write to, sealed in chunks. The chunk in hand is held back until it is known whether it is the last."""

    closed = False

    def __init__(self, file: io.RawIOBase, cipher: AESGCM):
        self._file, self._cipher = file, cipher
        self._prefix = os.urandom(PREFIX_BYTES)
        self._hand, self._held, self._number, self._whole = memoryview(bytearray(CHUNK_BYTES)), 0, 0, False
        file.write(MAGIC + self._prefix)

    def write(self, data: bytes | memoryview) -> int:
        """Take some bytes, of any length."""
        left = memoryview(data).cast("B")
        while len(left):
            if self._whole or self._held == CHUNK_BYTES:
                self._seal(last=False)
            taken = min(len(left), CHUNK_BYTES - self._held)
            self._hand[self._held : self._held + taken] = left[:taken]
            self._held, left = self._held + taken, left[taken:]
        return len(memoryview(data).cast("B"))

    def flush(self) -> None:
        """Do nothing: a chunk is sealed when it is full or cut."""

    def cut(self) -> None:
        """Begin another chunk with the next byte."""
        self._whole = True

    def finish(self) -> None:
        """Seal the last chunk."""
        self._seal(last=True)

    def _seal(self, last: bool) -> None:
        sealed = memoryview(bytearray(4 + self._held + TAG_BYTES))
        sealed[:4] = (self._held + TAG_BYTES).to_bytes(4, "big")
        nonce = _nonce(self._prefix, self._number, last)
        self._cipher.encrypt_into(nonce, self._hand[: self._held], MAGIC, sealed[4:])
        written = 0
        while written < len(sealed):
            written += self._file.write(sealed[written:]) or 0
        self._held, self._number, self._whole = 0, self._number + 1, False


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def _size(table: pa.Table) -> int:
    sink = pa.MockOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return int(sink.size())
