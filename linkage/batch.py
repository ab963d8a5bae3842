"""Tokens on their way: what one encoding of n records is, whether made in this process or at an agency.

Tags are exact composites that settle most pairs at once, anchors are blocking rules, features are comparable only
under the anchor they belong to. Which there are is `linkage.rules`; how they are made is `linkage.tokens`. A batch is
under K1 only: nothing of it is kept as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import pyarrow as pa

from linkage.rules import HANDLES, ROUND, TAGS

TOKEN_BYTES: Final = 16
FEATURE_BYTES: Final = 2

SCHEMA: Final = pa.schema(
    [
        ("record_key", pa.binary(TOKEN_BYTES)),
        ("tags", pa.binary(len(TAGS) * TOKEN_BYTES)),
        ("anchors", pa.binary((HANDLES - len(TAGS)) * TOKEN_BYTES)),
        ("features", pa.binary(len(ROUND.features) * FEATURE_BYTES)),
        ("digest", pa.binary(TOKEN_BYTES)),
    ]
)
"""The columns of a batch as an Arrow table: fixed-size binary, no nulls."""


@dataclass(frozen=True)
class TokenBatch:
    """The tokens of n records, every row of one shape.

    `keys` uint8 (n, 16) record keys; `tags` uint8 (n, tags, 16); `anchors` uint8 (n, anchors and asked anchors, 16);
    `features` uint16 (n, features); `digests` uint8 (n, 16), a keyed digest of record and raw identifiers, the same
    only for the same. Gaps hold a keyed function of record and column. `unlinkable` says how many of the n records have
    no tag and no anchor of their own: a count, since a row does not show it; some rows of a batch have none.
    """

    keys: np.ndarray
    tags: np.ndarray
    anchors: np.ndarray
    features: np.ndarray
    digests: np.ndarray
    unlinkable: int = 0

    def __len__(self) -> int:
        return len(self.keys)

    def column(self, number: int) -> np.ndarray:
        """Return the tokens of one column, uint8 (n, 16): tags, then anchors, then those of whoever asks."""
        part, at = (self.tags, number) if number < len(TAGS) else (self.anchors, number - len(TAGS))
        return np.ascontiguousarray(part[:, at])

    def words(self, number: int) -> np.ndarray:
        """Return the first half of the tokens of one column, uint64 (n,)."""
        part, at = (self.tags, number) if number < len(TAGS) else (self.anchors, number - len(TAGS))
        return np.ascontiguousarray(part.view("<u8")[:, at, 0])

    def rows(self, rows: slice) -> Self:
        """Return the batch of neighbouring rows, without copying them."""
        return self._of(part[rows] for part in self._parts())

    def take(self, rows: np.ndarray) -> Self:
        """Return the batch of some rows, by number or by flag."""
        return self._of(part[rows] for part in self._parts())

    @classmethod
    def _of(cls, parts: Iterable[np.ndarray]) -> Self:
        keys, tags, anchors, features, digests = parts
        return cls(keys, tags, anchors, features, digests)

    @classmethod
    def empty(cls, n: int) -> Self:
        """Return a batch of n records to be filled by `put`."""
        return cls(
            np.empty((n, TOKEN_BYTES), np.uint8),
            np.empty((n, len(TAGS), TOKEN_BYTES), np.uint8),
            np.empty((n, HANDLES - len(TAGS), TOKEN_BYTES), np.uint8),
            np.empty((n, len(ROUND.features)), np.uint16),
            np.empty((n, TOKEN_BYTES), np.uint8),
        )

    def put(self, rows: slice, other: Self) -> None:
        """Write the records of another batch into these rows."""
        for mine, its in zip(self._parts(), other._parts(), strict=True):
            mine[rows] = its

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        """Return several batches as one."""
        whole, at = cls.empty(sum(len(batch) for batch in batches)), 0
        for batch in batches:
            whole.put(slice(at, at + len(batch)), batch)
            at += len(batch)
        return replace(whole, unlinkable=sum(batch.unlinkable for batch in batches))

    def to_table(self) -> pa.Table:
        """Return the batch as an Arrow table of `SCHEMA`."""
        return pa.table({name: _fixed(rows) for name, rows in zip(SCHEMA.names, self._parts(), strict=True)})

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Undo `to_table`."""
        keys, tags, anchors, features, digests = (_rows(table.column(name)) for name in SCHEMA.names)
        n = len(keys)
        return cls(
            keys,
            tags.reshape(n, tags.shape[1] // TOKEN_BYTES, TOKEN_BYTES),
            anchors.reshape(n, anchors.shape[1] // TOKEN_BYTES, TOKEN_BYTES),
            np.ascontiguousarray(features).view("<u2").reshape(n, features.shape[1] // FEATURE_BYTES),
            digests,
        )

    def _parts(self) -> tuple[np.ndarray, ...]:
        return self.keys, self.tags, self.anchors, self.features, self.digests


def _fixed(rows: np.ndarray) -> pa.Array:
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
    return pa.Array.from_buffers(pa.binary(flat.shape[1]), len(rows), [None, pa.py_buffer(flat)])


def _rows(column: pa.ChunkedArray) -> np.ndarray:
    width = column.type.byte_width
    parts = [np.empty(0, np.uint8)]
    for chunk in column.chunks:
        start = chunk.offset * width
        parts.append(np.frombuffer(chunk.buffers()[1], np.uint8)[start : start + len(chunk) * width])
    flat = parts[1] if len(parts) == 2 else np.concatenate(parts)
    return np.asarray(flat).reshape(-1, width)
