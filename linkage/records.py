"""Record keys: what an agency's record is called at the hub.

A record key is a keyed hash of the agency's own record id inside a namespace (the source id, or the source
an agreement names under `records_of`). It is stable from night to night, it says nothing about the record,
and it sorts in an order that means nothing. Tokens and identifiers do not belong here.
"""

import hashlib
import hmac
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.keys import KeyRing

RECORD_KEY_BYTES: Final = 16
RECORD_KEY_TYPE: Final = pa.binary(RECORD_KEY_BYTES)


def record_keys(ids: pa.Array | pa.ChunkedArray, namespace: str, ring: KeyRing) -> pa.Array:
    """Return the 16-byte record key of each raw record id; null stays null.

    `ids` is any string array of n raw ids; the result is fixed_size_binary(16), n long.
    """
    flat = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    coded = flat.cast(pa.string()).dictionary_encode()
    secret = ring.derive(f"record.{namespace}")
    digests = [_digest(secret, value) for value in coded.dictionary.to_pylist()]
    return pa.array(digests, RECORD_KEY_TYPE).take(coded.indices)


def key_matrix(keys: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return n record keys as a uint8 matrix of shape (n, 16); raises ValueError on a null key."""
    flat = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    if flat.null_count:
        raise ValueError(f"{flat.null_count} record keys are null, expected none")
    fixed = flat.cast(RECORD_KEY_TYPE)
    if not len(fixed):
        return np.empty((0, RECORD_KEY_BYTES), np.uint8)
    start = fixed.offset * RECORD_KEY_BYTES
    raw = np.frombuffer(fixed.buffers()[1], np.uint8)[start : start + len(fixed) * RECORD_KEY_BYTES]
    return raw.reshape(-1, RECORD_KEY_BYTES)


def key_order(keys: np.ndarray) -> np.ndarray:
    """Return the stable order in which n record keys (n, 16) sort by their bytes."""
    words = np.ascontiguousarray(keys).view(">u8")
    return np.lexsort((words[:, 1], words[:, 0]))


def find_keys(haystack: np.ndarray, needles: np.ndarray) -> np.ndarray:
    """Return the position in `haystack` of each needle (both (n, 16)), -1 where it is not there."""
    at = pc.index_in(_key_array(needles), value_set=_key_array(haystack))
    return np.asarray(at.fill_null(-1)).astype(np.int64)


def _key_array(keys: np.ndarray) -> pa.Array:
    return pa.Array.from_buffers(RECORD_KEY_TYPE, len(keys), [None, pa.py_buffer(np.ascontiguousarray(keys))])


def _digest(secret: bytes, value: str | None) -> bytes | None:
    if value is None:
        return None
    return hmac.digest(secret, value.encode(), hashlib.sha256)[:RECORD_KEY_BYTES]
