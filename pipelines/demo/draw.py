"""Seeded drawing: named random streams, weighted choices and made-up identifiers, all vectorised.

Belongs here: everything that turns (seed, stream name) into numbers or identifier strings.
Does not belong here: what the numbers mean (population, circumstances, agencies).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_DASHED = [*range(8), -1, *range(8, 12), -1, *range(12, 16), -1, *range(16, 20), -1, *range(20, 32)]


def stream(seed: int, *name: str) -> np.random.Generator:
    """Return the random stream of that name; streams of different names are independent."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32("/".join(name).encode())]))


def chance(rng: np.random.Generator, probability: ArrayLike, size: int) -> Mask:
    """Return `size` booleans, each true with its probability (scalar or one a row)."""
    return rng.random(size) < np.asarray(probability)


def weighted(rng: np.random.Generator, weights: ArrayLike, size: int) -> Ints:
    """Return `size` indices drawn with those weights (which need not sum to one)."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn: Ints = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right").astype(np.int64)
    return drawn


def by_row(rng: np.random.Generator, table: ArrayLike, rows: Ints) -> Ints:
    """Return for each row an index drawn from `table[rows]`, a matrix of weights (rows x choices)."""
    cumulative = np.cumsum(np.asarray(table, dtype=np.float64), axis=1)
    cumulative /= cumulative[:, -1:]
    points = rng.random(rows.size)
    drawn: Ints = (points[:, None] >= cumulative[rows]).sum(axis=1).astype(np.int64)
    return drawn


def between(rng: np.random.Generator, low: ArrayLike, high: ArrayLike) -> Ints:
    """Return whole numbers uniform in [low, high) row by row; rows with high <= low give low."""
    start, end = np.broadcast_arrays(np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64))
    width = np.maximum(end - start, 0)
    drawn: Ints = np.floor(start + rng.random(start.shape) * width).astype(np.int64)
    return drawn


def distinct(rng: np.random.Generator, size: int, low: int, high: int) -> Ints:
    """Return `size` distinct whole numbers of [low, high) in random order."""
    found: Ints = np.empty(0, dtype=np.int64)
    while found.size < size:
        found = np.unique(np.concatenate([found, rng.integers(low, high, size + 64 - found.size)]))
    return rng.permutation(found)[:size]


def hex_ids(rng: np.random.Generator, size: int) -> pa.Array:
    """Return `size` random 32-character hexadecimal identifiers."""
    return _fixed(_hex_matrix(rng, size), size, 32)


def uuids(rng: np.random.Generator, size: int, prefix: str = "") -> pa.Array:
    """Return `size` random identifiers in UUID form, each with the prefix."""
    digits = _hex_matrix(rng, size)
    out = np.full((size, 36), ord("-"), dtype=np.uint8)
    for position, digit in enumerate(_DASHED):
        if digit >= 0:
            out[:, position] = digits[:, digit]
    made = _fixed(out, size, 36)
    return pc.binary_join_element_wise(prefix, made, "") if prefix else made


def numbered(prefix: str, numbers: Ints, width: int) -> pa.Array:
    """Return prefix + number padded with zeros to `width`."""
    return pc.binary_join_element_wise(prefix, digits(numbers, width), "")


def digits(numbers: Ints | Sequence[int], width: int = 0) -> pa.Array:
    """Return whole numbers as text padded with zeros to `width`."""
    text = pc.cast(pa.array(np.asarray(numbers, dtype=np.int64)), pa.string())
    return pc.ascii_lpad(text, width=width, padding="0") if width else text


def _hex_matrix(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    raw = rng.integers(0, 256, (size, 16), dtype=np.uint8)
    out = np.empty((size, 32), dtype=np.uint8)
    out[:, 0::2] = _HEX[raw >> 4]
    out[:, 1::2] = _HEX[raw & 15]
    return out


def _fixed(matrix: NDArray[np.uint8], size: int, width: int) -> pa.Array:
    offsets = np.arange(size + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(size, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix)))
