"""Sorted fixed rows on disk: columns of equal length in one file, ordered by a 64-bit key that means nothing.

Reading maps the file, so that looking up a few thousand keys in tens of millions of rows reads a few pages. A change
writes a whole new file beside the old one, in the same order, and moves it over: no row tells when it came, and no
freed block keeps a row that is gone. What the columns hold is not decided here.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import numpy as np

from linkage.errors import VaultError

MAGIC: Final = b"cradlepath rows 1\n"
_ALIGN: Final = 64


class SortedRows:
    """The columns of one file, mapped read-only; the first column, uint64, is the key that orders the rows."""

    def __init__(self, columns: Mapping[str, np.ndarray]):
        self.columns = dict(columns)
        self.key = next(iter(self.columns.values()))

    def __len__(self) -> int:
        return len(self.key)

    @classmethod
    def read(cls, path: Path, shapes: Mapping[str, tuple[str, int]]) -> Self:
        """Map the file at `path`; an absent file has no rows.

        `shapes` gives every column its numpy type and how many values a row has (0 for one, without an axis). Raises
        VaultError for a file that was cut or has other columns.
        """
        if not path.exists():
            return cls({name: np.empty(_shape(0, width), dtype) for name, (dtype, width) in shapes.items()})
        head, start = _header(path)
        expected = [[name, dtype, width] for name, (dtype, width) in shapes.items()]
        if head.get("columns") != expected:
            raise VaultError(
                f"{path}: holds other columns than this version's; move the vault away and load every source again: "
                "child IDs are in the ledger and survive"
            )
        rows, columns = int(str(head["rows"])), {}
        for name, (dtype, width) in shapes.items():
            shape = _shape(rows, width)
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            if path.stat().st_size < start + size:
                raise VaultError(f"{path}: the file is cut short; restore the state from a backup")
            columns[name] = np.memmap(path, dtype, "r", start, shape) if rows else np.empty(shape, dtype)
            start = _aligned(start + size)
        return cls(columns)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the row of each key, int64, -1 where it is not there; of equal keys the first."""
        if not len(self) or not len(keys):
            return np.full(len(keys), -1, np.int64)
        order = np.argsort(keys)
        at = np.empty(len(keys), np.int64)
        at[order] = np.searchsorted(self.key, keys[order])
        near = np.minimum(at, len(self) - 1)
        return np.where(self.key[near] == keys, near, -1)

    def rewrite(self, path: Path, drop: np.ndarray, add: Mapping[str, np.ndarray]) -> None:
        """Write to `path` these rows without those numbered in `drop`, and with `add`, in the order of the key.

        A failure leaves the file at `path` as it was.
        """
        keep = np.ones(len(self), bool)
        keep[drop] = False
        order = np.argsort(next(iter(add.values())))
        new_key = next(iter(add.values()))[order]
        at = np.searchsorted(self.key[keep] if len(drop) else self.key, new_key) + np.arange(len(order))
        rows = int(keep.sum()) + len(order)
        is_new = np.zeros(rows, bool)
        is_new[at] = True
        fresh = path.with_name(f"{path.name}.new")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._write(fresh, rows, keep, is_new, {name: add[name][order] for name in self.columns})
            os.replace(fresh, path)  # noqa: PTH105 - atomic on one file system, unlike a copy
        finally:
            fresh.unlink(missing_ok=True)

    def _write(
        self, path: Path, rows: int, keep: np.ndarray, is_new: np.ndarray, add: Mapping[str, np.ndarray]
    ) -> None:
        shapes = [[name, _typename(c.dtype), c.shape[1] if c.ndim > 1 else 0] for name, c in self.columns.items()]
        head = json.dumps({"rows": rows, "columns": shapes}).encode()
        everything = bool(keep.all())
        with path.open("wb") as file:
            file.write(MAGIC + len(head).to_bytes(4, "big") + head)
            for name, column in self.columns.items():
                file.write(bytes(_aligned(file.tell()) - file.tell()))
                merged = np.empty(_shape(rows, column.shape[1] if column.ndim > 1 else 0), column.dtype)
                merged[is_new] = add[name]
                merged[~is_new] = column if everything else column[keep]
                file.write(merged.data.cast("B") if merged.size else b"")
            file.flush()
            os.fsync(file.fileno())


def _shape(rows: int, width: int) -> tuple[int, ...]:
    return (rows, width) if width else (rows,)


def _typename(dtype: np.dtype[np.generic]) -> str:
    return dtype.str


def _aligned(position: int) -> int:
    return -(-position // _ALIGN) * _ALIGN


def _header(path: Path) -> tuple[dict[str, object], int]:
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise VaultError(f"{path}: not a file of this version; restore the state from a backup")
        head = file.read(int.from_bytes(file.read(4), "big"))
        return json.loads(head), _aligned(file.tell())
