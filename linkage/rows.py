"""Sorted fixed rows on disk: columns of equal length in one file, ordered by a 64-bit key that means nothing.

Reading maps the file, so that looking up a few thousand keys in tens of millions of rows reads a few pages. A change
writes a whole new file beside the old one, in the same order, and moves it over: no row tells when it came, and no
freed block keeps a row that is gone. What the columns hold is not decided here.
"""

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from linkage.errors import VaultError

Giving = Callable[[np.ndarray], np.ndarray]
"""Of some new rows, by number: what a column holds."""
Column = np.ndarray | Giving

MAGIC: Final = b"cradlepath rows 1\n"
_ALIGN: Final = 64
_WINDOW_BYTES: Final = 1 << 24
_TOP_BITS: Final = 12


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
        order = ordered(keys)
        at = np.empty(len(keys), np.int64)
        at[order] = np.searchsorted(self.key, keys[order])
        near = np.minimum(at, len(self) - 1)
        return np.where(self.key[near] == keys, near, -1)

    def rewrite(
        self,
        path: Path,
        drop: np.ndarray,
        key: np.ndarray,
        add: Mapping[str, Column],
        after: Callable[[], object] = lambda: None,
    ) -> None:
        """Write to `path` these rows without those numbered in `drop`, and with new ones, in the order of the key.

        `key` uint64 (n,) are the keys of the new rows, `add` their other columns. `after` is called once the new file
        is whole, before it takes the place of the old one. A failure leaves the file at `path` as it was.
        """
        columns = {next(iter(self.columns)): lambda at: key[at]} | {n: _giving(c) for n, c in add.items()}
        fresh = path.with_name(f"{path.name}.new")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._write(fresh, _Merge.of(self.key, np.unique(drop), key), columns)
            after()
            os.replace(fresh, path)  # noqa: PTH105 - atomic on one file system, unlike a copy
        finally:
            fresh.unlink(missing_ok=True)

    def _write(self, path: Path, merge: "_Merge", columns: Mapping[str, Giving]) -> None:
        shapes = [[name, _typename(c.dtype), c.shape[1] if c.ndim > 1 else 0] for name, c in self.columns.items()]
        head = json.dumps({"rows": len(merge.is_new), "columns": shapes}).encode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(MAGIC + len(head).to_bytes(4, "big") + head)
            for name, old in self.columns.items():
                file.write(bytes(_aligned(file.tell()) - file.tell()))
                for window in merge.windows(_WINDOW_BYTES // (old.itemsize * int(np.prod(old.shape[1:])))):
                    file.write(window.merged(np.asarray(old), columns[name]).data.cast("B"))
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True)
class _Window:
    """Rows of a new file that are written together: which are new, which new ones, and which old ones but for some."""

    is_new: np.ndarray
    new: np.ndarray
    old: slice
    without: np.ndarray

    def merged(self, column: np.ndarray, giving: Giving) -> np.ndarray:
        """Return one column of these rows."""
        kept = column[self.old]
        if len(self.without):
            keep = np.ones(len(kept), bool)
            keep[self.without] = False
            kept = kept[keep]
        if not len(self.new):
            return np.ascontiguousarray(kept)
        rows = np.empty((len(self.is_new), *column.shape[1:]), column.dtype)
        rows[self.is_new] = giving(self.new)
        if len(kept):
            rows[~self.is_new] = kept
        return rows


@dataclass(frozen=True)
class _Merge:
    """How old and new rows follow one another: `order` of the new ones, `is_new` bool (rows,), `drop` of the old ones.

    `drop` int64 (d,) is sorted.
    """

    order: np.ndarray
    is_new: np.ndarray
    drop: np.ndarray

    @classmethod
    def of(cls, old: np.ndarray, drop: np.ndarray, new: np.ndarray) -> Self:
        """Return how rows of these keys follow one another; a new row stands before old ones of its key."""
        order = ordered(new)
        at = np.searchsorted(old, new[order])
        is_new = np.zeros(len(old) - len(drop) + len(new), bool)
        is_new[at - np.searchsorted(drop, at) + np.arange(len(new))] = True
        return cls(order, is_new, drop)

    def windows(self, rows: int) -> Iterator[_Window]:
        """Yield the file in windows of so many rows."""
        new, old, dropped = 0, 0, 0
        kept_before = self.drop - np.arange(len(self.drop))
        for start in range(0, len(self.is_new), rows):
            here = self.is_new[start : start + rows]
            more = int(np.count_nonzero(here))
            kept = start - new + len(here) - more
            gone = int(np.searchsorted(kept_before, kept, side="right"))
            end = kept + gone
            yield _Window(here, self.order[new : new + more], slice(old, end), self.drop[dropped:gone] - old)
            new, old, dropped = new + more, end, gone


def ordered(keys: np.ndarray) -> np.ndarray:
    """Return the order of keys, uint64 (n,), that are spread evenly: first by their top bits, then part by part."""
    if len(keys) < 1 << _TOP_BITS:
        return np.argsort(keys)
    top = (keys >> np.uint64(64 - _TOP_BITS)).astype(np.uint16)
    order = np.argsort(top, kind="stable")
    ends = np.cumsum(np.bincount(top, minlength=1 << _TOP_BITS)).tolist()
    for start, end in itertools.pairwise([0, *ends]):
        part = order[start:end]
        order[start:end] = part[np.argsort(keys[part])]
    return order


def _giving(column: Column) -> Giving:
    return column if callable(column) else lambda at: column[at]


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
