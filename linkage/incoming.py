"""Tokens that wait for tonight's linking, and who was withdrawn since: sealed files of a folder, one a source.

A thief of the disk sees how many bytes wait, nothing else. What becomes of them is `linkage.vault`.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from linkage.batch import TokenBatch
from linkage.records import RECORD_KEY_BYTES, RECORD_KEY_TYPE, find_keys, key_matrix, key_order
from linkage.sealing import SealedTables

_GONE: Final = "gone"
_KEYS: Final = "keys"
_TOKENS: Final = "tokens"


class Incoming:
    """The waiting files of one vault, sealed under one key. Sources are numbers here."""

    def __init__(self, folder: Path, key: bytes):
        self._folder = folder
        self._key = key

    def __bool__(self) -> bool:
        return any(self._folder.glob("*.sealed"))

    def batch(self, number: int) -> TokenBatch:
        """Return what waits of one source, ordered by record key."""
        tables = self._file(f"source-{number}").read()
        return TokenBatch.from_table(tables[_TOKENS]) if tables else TokenBatch.empty(0)

    def keys(self, number: int) -> np.ndarray:
        """Return the record keys of what waits of one source, uint8 (n, 16), ordered."""
        return _keys_in(self._file(f"source-{number}"))

    def add(self, number: int, batch: TokenBatch) -> None:
        """Let a batch, ordered by key, wait; it replaces what waits of its records, none of which is withdrawn now."""
        held, fresh = self.batch(number), batch.keys
        if len(held):
            batch = TokenBatch.joined([held.take(find_keys(batch.keys, held.keys) < 0), batch])
            batch = batch.take(key_order(batch.keys))
        self._write(number, batch)
        gone = self.gone()
        if len(gone):
            self._write_gone(gone[find_keys(fresh, gone) < 0])

    def drop(self, number: int, keys: np.ndarray) -> None:
        """Forget what waits of some records, uint8 (n, 16)."""
        held = self.batch(number)
        if len(held):
            self._write(number, held.take(find_keys(keys, held.keys) < 0))

    def gone(self) -> np.ndarray:
        """Return the record keys that were withdrawn and are still stored, uint8 (n, 16)."""
        return _keys_in(self._file(_GONE))

    def withdraw(self, keys: np.ndarray) -> None:
        """Note that stored records are to be taken out, uint8 (n, 16)."""
        self._write_gone(np.concatenate([self.gone(), keys]))

    def clear(self) -> None:
        """Forget everything: it has been linked and stored."""
        for file in self._folder.glob("*.sealed"):
            file.unlink()

    def _write(self, number: int, batch: TokenBatch) -> None:
        file = self._file(f"source-{number}")
        if len(batch):
            file.write({_KEYS: _key_table(batch.keys), _TOKENS: batch.to_table()})
        else:
            file.remove()

    def _write_gone(self, keys: np.ndarray) -> None:
        file = self._file(_GONE)
        if len(keys):
            file.write({_KEYS: _key_table(keys)})
        else:
            file.remove()

    def _file(self, name: str) -> SealedTables:
        return SealedTables(self._folder / f"{name}.sealed", self._key)


def _key_table(keys: np.ndarray) -> pa.Table:
    flat = np.ascontiguousarray(keys)
    return pa.table({"key": pa.Array.from_buffers(RECORD_KEY_TYPE, len(flat), [None, pa.py_buffer(flat)])})


def _keys_in(file: SealedTables) -> np.ndarray:
    """Return the record keys of a file; they are its first table, so that no token need be opened for them."""
    tables = file.read(first=1)
    return key_matrix(tables[_KEYS].column("key")) if tables else np.empty((0, RECORD_KEY_BYTES), np.uint8)
