"""Tokens on their way: what one encoding of n records is, whether made in this process or at an agency.

Tags are exact composites that settle most pairs at once, anchors are blocking rules, features are comparable only
under the anchor they belong to. Which there are is `linkage.rules`; how they are made is `linkage.tokens`. A batch is
under K1 only: nothing of it is kept as it is.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pyarrow as pa

TOKEN_BYTES: Final = 16
FEATURE_BYTES: Final = 2


@dataclass(frozen=True)
class TokenBatch:
    """The tokens of n records, every row of one shape.

    `keys` uint8 (n, 16) record keys; `tags` uint8 (n, tags, 16); `anchors` uint8 (n, anchors, 16);
    `features` uint16 (n, features). Gaps hold a keyed function of record and column. `unlinkable` says how many of the
    n records have no tag and no anchor of their own: a count, since a row does not show it.
    """

    keys: np.ndarray
    tags: np.ndarray
    anchors: np.ndarray
    features: np.ndarray
    unlinkable: int = 0

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> Self:
        """Return the batch of some rows, by number or by flag."""
        return type(self)(self.keys[rows], self.tags[rows], self.anchors[rows], self.features[rows])

    def to_table(self) -> pa.Table:
        """Return the batch as an Arrow table of four fixed-size binary columns."""
        parts = {"record_key": self.keys, "tags": self.tags, "anchors": self.anchors, "features": self.features}
        return pa.table({name: _fixed(rows) for name, rows in parts.items()})

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Undo `to_table`."""
        keys, tags, anchors, features = (
            _rows(table.column(name)) for name in ("record_key", "tags", "anchors", "features")
        )
        n = len(keys)
        return cls(
            keys,
            tags.reshape(n, tags.shape[1] // TOKEN_BYTES, TOKEN_BYTES),
            anchors.reshape(n, anchors.shape[1] // TOKEN_BYTES, TOKEN_BYTES),
            np.ascontiguousarray(features).view("<u2").reshape(n, features.shape[1] // FEATURE_BYTES),
        )


def _fixed(rows: np.ndarray) -> pa.Array:
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
    return pa.Array.from_buffers(pa.binary(flat.shape[1]), len(rows), [None, pa.py_buffer(flat)])


def _rows(column: pa.ChunkedArray) -> np.ndarray:
    width = column.type.byte_width
    parts = []
    for chunk in column.chunks:
        start = chunk.offset * width
        parts.append(np.frombuffer(chunk.buffers()[1], np.uint8)[start : start + len(chunk) * width])
    flat = np.concatenate(parts) if parts else np.empty(0, np.uint8)
    return flat.reshape(-1, width)
