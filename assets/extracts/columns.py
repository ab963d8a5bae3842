"""Names of the columns a staged row has, and the few column operations that every step of the load shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SEQUENCE = "__seq"
"""Order in which rows of a delivery were read (int64)."""

GONE = "__gone"
"""Whether the agency takes the row back (bool)."""

RECORD_KEY = "record_key"
ROW_KEY = "row_key"
DIGEST = "digest"

KEY = pa.binary(16)
"""Type of record keys, row keys and digests."""

Flags = npt.NDArray[np.bool_]


def combined(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one contiguous array."""
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def flags(values: pa.Array | pa.ChunkedArray) -> Flags:
    """Return a boolean column as numpy booleans, null as False."""
    answer: Flags = combined(values).fill_null(False).to_numpy(zero_copy_only=False)
    return answer.astype(bool, copy=False)


def stated(values: pa.Array | pa.ChunkedArray) -> Flags:
    """Return which values of a column are there."""
    return flags(combined(values).is_valid())


def is_in(values: pa.Array, among: pa.Array) -> Flags:
    """Return which of `values` are among a set; null never is."""
    return flags(pc.is_in(values, value_set=among, skip_nulls=True))


def as_record_keys(keys: pa.Array | pa.ChunkedArray | set[bytes]) -> pa.Array:
    """Return record keys (an Arrow array or a set of 16 bytes each) as one fixed_size_binary(16) array."""
    if isinstance(keys, set | frozenset):
        return pa.array(sorted(keys), KEY)
    return combined(keys).cast(KEY)


def key_array(matrix: npt.NDArray[np.uint8]) -> pa.Array:
    """Return n keys, given as a uint8 matrix of shape (n, 16), as fixed_size_binary(16)."""
    return pa.Array.from_buffers(KEY, len(matrix), [None, pa.py_buffer(np.ascontiguousarray(matrix))])
