"""Files of one record a line (NDJSON, fixed width) as batches of lines with their numbers.

What belongs here: finding line ends and limits. What does not: what a line means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assets.extracts.delivery import DeliveryError, Limits
from assets.extracts.readers.text import Text

_ENDS = b"\r\n\x1a \t"
_NEWLINE = 0x0A
_BATCH = 8 << 20


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of a file: `text` (binary, with their line ends), `numbers` (int64, from 1).

    `unfinished` is true when the last of them ends the file without a line end.
    """

    text: pa.Array
    numbers: np.ndarray
    unfinished: bool


def lines_of(text: Text, limits: Limits) -> Iterator[Lines]:
    """Stream the lines of a file that hold anything. Raises DeliveryError on one that is too long."""
    rest = b""
    number = 1
    for piece in _gathered(text.pieces()):
        data = rest + piece
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if len(rest) > limits.max_row_bytes:
            line = number + data.count(b"\n")
            what = f"line {line} is longer than {limits.max_row_bytes} bytes"
            raise DeliveryError(text.name, what, "deliver one record a line")
        if cut:
            for lines in _split(data[:cut], number, limits, text.name):
                yield lines
                number = int(lines.numbers[-1]) + 1
    if rest.strip(_ENDS):
        yield Lines(pa.array([rest], pa.binary()), np.array([number], dtype=np.int64), unfinished=True)


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces to larger ones, so that a batch of lines is worth its overhead."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _BATCH:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _split(data: bytes, first: int, limits: Limits, name: str) -> Iterator[Lines]:
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _NEWLINE).astype(np.int32) + 1
    longest = int(np.diff(ends, prepend=0).max())
    if longest > limits.max_row_bytes:
        line = first + int(np.argmax(np.diff(ends, prepend=0)))
        what = f"line {line} is longer than {limits.max_row_bytes} bytes"
        raise DeliveryError(name, what, "deliver one record a line")
    offsets = np.concatenate([np.zeros(1, dtype=np.int32), ends])
    whole = pa.Array.from_buffers(pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    for start in range(0, len(ends), limits.batch_rows):
        part = whole.slice(start, limits.batch_rows)
        numbers = np.arange(first + start, first + start + len(part), dtype=np.int64)
        yield Lines(part, numbers, unfinished=False)
