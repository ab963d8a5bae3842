"""FHIR resources from templates (data/fhir/*.json): columns are put into the places a template names.

Belongs here: filling templates and writing NDJSON with a few unusable lines.
Does not belong here: what is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo import rates
from pipelines.demo.draw import Ints
from pipelines.demo.text import Part, write_lines


@cache
def _template(kind: str) -> tuple[str, ...]:
    """Return a template on one line, cut at its places: text, place, text, place, ..."""
    return tuple(re.split(r"<<(\w+)>>", rates.text(f"fhir/{kind}.json").replace("\n", "")))


def filled(kind: str, **values: Part) -> list[Part]:
    """Return the parts of a resource with every place filled; KeyError when a place has no value."""
    pieces = _template(kind)
    return [piece if number % 2 == 0 else values[piece] for number, piece in enumerate(pieces)]


def piece(kind: str, **values: Part) -> pa.Array:
    """Return the filled template as one column, null where one of its values is null."""
    return pc.binary_join_element_wise(*filled(kind, **values), "")


def maybe(before: str, values: pa.Array, after: str) -> pa.Array:
    """Return before + value + after, null where the value is null."""
    return pc.binary_join_element_wise(before, values, after, "")


def save_ndjson(path: Path, parts: Sequence[Part], rows: Ints, bad: Sequence[str] = ()) -> None:
    """Write the rows of a resource one a line, with the bad lines in the middle."""
    index = pa.array(rows)
    chosen = [part if isinstance(part, str) else part.take(index) for part in parts] + ["\n"]
    half = rows.size // 2
    with path.open("wb") as handle:
        for start, size in ((0, half), (half, rows.size - half)):
            write_lines(handle, [p if isinstance(p, str) else p.slice(start, size) for p in chosen], size)
            handle.write("".join(line + "\n" for line in bad).encode() if start == 0 and half else b"")
