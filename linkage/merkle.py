"""A Merkle tree over batches of rows: one hash that changes when anything in the past does (RFC 6962, section 2.1).

A leaf is the hash of one batch; the root goes wherever an outsider should be able to check it. What a batch is, is
not decided here.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf(rows: pa.Table) -> bytes:
    """Return the 32-byte hash of one batch of fixed-width columns without nulls: names, types and bytes, in order."""
    hashed = hashlib.sha256(_LEAF)
    for field, column in zip(rows.schema, rows.columns, strict=True):
        hashed.update(f"{field.name} {field.type} {len(column)}\n".encode())
        for chunk in column.chunks:
            hashed.update(_bytes(chunk))
    return hashed.digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over all leaves; of none, the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(_NODE + root(leaves[:split]) + root(leaves[split:])).digest()


def _bytes(chunk: pa.Array) -> memoryview:
    width = chunk.type.bit_width // 8
    values = np.frombuffer(chunk.buffers()[1], np.uint8)
    return values[chunk.offset * width : (chunk.offset + len(chunk)) * width].data
