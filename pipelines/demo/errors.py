"""Clerical errors: typing, reading and hearing mistakes in text and dates, vectorised over the affected rows.

Belongs here: how a value goes wrong. Does not belong here: how often (data/noise.csv) or in which source
(identity).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.demo.days import from_parts, parts
from pipelines.demo.draw import Ints, weighted

_WIDTH = 40
_NEIGHBOURS = {
    "a": "sqz", "b": "vn", "c": "xv", "d": "sfe", "e": "wr", "f": "dg", "g": "fh",
    "h": "gj", "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm",
    "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi",
    "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "xa",
}  # fmt: skip
_HEARD = (
    ("ph", "f"),
    ("ie", "y"),
    ("ck", "k"),
    ("ee", "i"),
    ("ei", "ie"),
    ("ll", "l"),
    ("th", "t"),
    ("z", "s"),
)
_READ = (("rn", "m"), ("m", "rn"), ("l", "i"), ("cl", "d"), ("vv", "w"), ("u", "v"))


def _keyboard() -> NDArray[np.uint32]:
    table = np.tile(np.arange(0x2100, dtype=np.uint32)[:, None], (1, 3))
    for letter, near in _NEIGHBOURS.items():
        table[ord(letter)] = [ord(near[i % len(near)]) for i in range(3)]
        table[ord(letter.upper())] = [ord(near[i % len(near)].upper()) for i in range(3)]
    return table


def misspell(rng: np.random.Generator, values: pa.Array) -> pa.Array:
    """Return the texts with one mistake each; those of fewer than three letters stay as they are.

    Mistakes: a neighbouring key, a dropped, doubled or swapped letter, one misheard or misread.
    """
    if not len(values):
        return values
    text = np.array([value or "" for value in values.to_pylist()], dtype=f"U{_WIDTH}")
    lengths = np.strings.str_len(text)
    kind = weighted(rng, (0.27, 0.20, 0.12, 0.18, 0.14, 0.09), text.size)
    place = 1 + np.floor(rng.random(text.size) * np.maximum(lengths - 2, 1)).astype(np.int64)
    letters = np.ascontiguousarray(text).view(np.uint32).reshape(text.size, _WIDTH)
    columns = np.arange(_WIDTH)[None, :]
    shift = np.where((kind == 1)[:, None] & (columns >= place[:, None]), 1, 0)
    shift = np.where((kind == 2)[:, None] & (columns > place[:, None]), -1, shift)
    shift = np.where((kind == 3)[:, None] & (columns == place[:, None]), 1, shift)
    shift = np.where((kind == 3)[:, None] & (columns == place[:, None] + 1), -1, shift)
    moved = np.take_along_axis(letters, np.clip(columns + shift, 0, _WIDTH - 1), axis=1)
    row = np.flatnonzero(kind == 0)
    hit = np.minimum(moved[row, place[row]], 0x20FF)
    moved[row, place[row]] = _keyboard()[hit, rng.integers(0, 3, row.size)]
    out = np.ascontiguousarray(moved).view(f"U{_WIDTH}").reshape(text.size)
    out = np.where(kind == 4, _sound(rng, text, _HEARD), np.where(kind == 5, _sound(rng, text, _READ), out))
    return pa.array(np.where(lengths < 3, text, out).tolist(), pa.string())


def _sound(rng: np.random.Generator, text: NDArray[np.str_], rules: Sequence[tuple[str, str]]) -> NDArray[np.str_]:
    """Apply the first rule that changes a text, in an order that starts at a random rule."""
    out = text.copy()
    start = rng.integers(0, len(rules), text.size)
    for turn in range(len(rules)):
        for number, (old, new) in enumerate(rules):
            due = (out == text) & ((start + turn) % len(rules) == number)
            changed = np.strings.replace(text, old, new, 1)
            out = np.where(due, changed, out).astype(f"U{_WIDTH}")
    return out


def misdate(rng: np.random.Generator, days: Ints) -> Ints:
    """Return days with one mistake each: day and month swapped, a digit off, a neighbouring month or year."""
    years, months, of_month = parts(days)
    kind = weighted(rng, (0.28, 0.30, 0.17, 0.15, 0.10), days.size)
    step = np.where(rng.random(days.size) < 0.5, -1, 1)
    swappable = (of_month <= 12) & (of_month != months)
    kind = np.where((kind == 0) & ~swappable, 1, kind)
    swapped = from_parts(years, np.where(swappable, of_month, months), np.where(swappable, months, of_month))
    month = np.clip(months + step, 1, 12)
    return np.choose(
        kind,
        [
            swapped,
            from_parts(years, months, np.clip(of_month + step, 1, 28)),
            from_parts(years, months, np.clip(of_month + 10 * step, 1, 28)),
            from_parts(years + step, months, np.minimum(of_month, 28)),
            from_parts(years, month, np.minimum(of_month, 28)),
        ],
    ).astype(np.int64)


def misnumber(rng: np.random.Generator, numbers: Ints, width: int = 9) -> Ints:
    """Return numbers with one digit replaced or two neighbours swapped."""
    power = 10 ** rng.integers(0, width - 1, numbers.size)
    digit = numbers // power % 10
    above = numbers // (power * 10) % 10
    swapped = numbers + (above - digit) * power + (digit - above) * power * 10
    replaced = numbers + ((digit + rng.integers(1, 10, numbers.size)) % 10 - digit) * power
    keep = (above != digit) & ((power * 100 <= 10 ** (width - 1)) | (digit > 0))
    return np.where((rng.random(numbers.size) < 0.5) & keep, swapped, replaced).astype(np.int64)
