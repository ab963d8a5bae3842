"""Tokens of any type as 64-bit words, and which words occur more than once.

Only equality of tokens matters to an attack, so that every token becomes one word: integers are their own, binary
tokens of more than eight bytes are folded (two of a million different ones meet with a chance of 3e-8), anything else
is numbered. Nothing here knows what a token is of.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))
_AT_ONCE: Final = 1 << 23


def scramble(values: np.ndarray) -> np.ndarray:
    """Mix 64 bits (SplitMix64; Steele, Lea and Flood 2014): sums of scrambled values stand for multisets."""
    mixed = values + _GOLDEN
    mixed ^= mixed >> _SHIFTS[0]
    mixed *= _MIX[0]
    mixed ^= mixed >> _SHIFTS[1]
    mixed *= _MIX[1]
    mixed ^= mixed >> _SHIFTS[2]
    return mixed


def words(columns: Sequence[pa.Array]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the row, int64, and the word, uint64, of every token of each column; a null is no token.

    Columns are scalars or lists of scalars, and their tokens are comparable: equal tokens of two columns get equal
    words. A token that a list holds twice counts twice.
    """
    tokens = [_tokens(column) for column in columns]
    if not all(_is_word(values.type) for _, values in tokens):
        tokens = _numbered(tokens)
    return [(rows, _words(values)) for rows, values in tokens]


def repeated(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the words that occur more than once in all parts together, sorted, uint64.

    Looks at a share of all words at a time, chosen by their highest bits, so that memory does not grow with the parts.
    """
    total = sum(len(part) for part in parts)
    bits = max(0, int(np.ceil(np.log2(max(total, 1) / _AT_ONCE))))
    found = []
    for number in range(1 << bits):
        some = np.concatenate([_bucket(part, number, bits) for part in parts]) if parts else np.empty(0, np.uint64)
        some.sort()
        again = some[1:][some[1:] == some[:-1]]
        found.append(again[np.concatenate([[True], again[1:] != again[:-1]])] if len(again) else again)
    return np.concatenate(found)


def _bucket(part: np.ndarray, number: int, bits: int) -> np.ndarray:
    return part[part >> np.uint64(64 - bits) == np.uint64(number)] if bits else part


def _tokens(column: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Return the row of every token of a column, and the tokens, without nulls."""
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    rows = np.arange(len(flat))
    if pa.types.is_list(flat.type) or pa.types.is_large_list(flat.type):
        rows = np.repeat(rows, pc.fill_null(pc.list_value_length(flat), 0).to_numpy(zero_copy_only=False))
        flat = flat.flatten()
    if flat.null_count:
        rows, flat = rows[np.asarray(flat.is_valid())], flat.drop_null()
    return rows, flat


def _is_word(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_fixed_size_binary(kind))


def _numbered(tokens: list[tuple[np.ndarray, pa.Array]]) -> list[tuple[np.ndarray, pa.Array]]:
    """Return tokens as numbers, equal for equal tokens of all columns; those of two types are never equal."""
    texts = [
        values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values for _, values in tokens
    ]
    numbers: list[pa.Array] = [None] * len(tokens)
    first = 0
    for kind in {str(values.type) for values in texts}:
        places = [place for place, values in enumerate(texts) if str(values.type) == kind]
        coded = pa.chunked_array([texts[place] for place in places]).combine_chunks().dictionary_encode()
        ends = np.cumsum([0, *(len(texts[place]) for place in places)])
        codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64) + first
        for place, start, end in zip(places, ends[:-1], ends[1:], strict=True):
            numbers[place] = pa.array(codes[start:end])
        first += len(coded.dictionary)
    return [(rows, numbers[place]) for place, (rows, _) in enumerate(tokens)]


def _words(values: pa.Array) -> np.ndarray:
    if pa.types.is_integer(values.type):
        numbers = values.to_numpy(zero_copy_only=False)
        return np.asarray(numbers if numbers.dtype == np.uint64 else numbers.astype(np.int64).view(np.uint64))
    width = values.type.byte_width
    start = values.offset * width
    flat = np.frombuffer(values.buffers()[1], np.uint8)[start : start + len(values) * width].reshape(-1, width)
    padded = np.zeros((len(values), -(-width // 8) * 8), np.uint8)
    padded[:, :width] = flat
    parts = padded.view("<u8")
    folded = parts[:, 0].copy()
    for number in range(1, parts.shape[1]):
        folded = scramble(folded) + parts[:, number]
    return folded
