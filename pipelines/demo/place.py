"""The city being written: its children, circumstances and landing folders.

Belongs here: what every agency module needs. Does not belong here: anything of one agency.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.demo.circumstances import Circumstances
from pipelines.demo.days import night_date
from pipelines.demo.draw import stream
from pipelines.demo.population import Children
from pipelines.demo.rates import rate
from pipelines.demo.text import Columns, take

STATE = "RI"
CITY = "Providence"


@dataclass(frozen=True)
class City:
    """A demo city on its way to disk."""

    seed: int
    nights: int
    children: Children
    life: Circumstances
    landing: Path

    def stream(self, *name: str) -> np.random.Generator:
        """Return the city's random stream of that name."""
        return stream(self.seed, *name)

    def folder(self, agency: str, night: int) -> Path:
        """Return (and make) the landing folder of an agency for a night."""
        path = self.landing / agency / night_date(night)
        path.mkdir(parents=True, exist_ok=True)
        return path


def bad_lines(
    rng: np.random.Generator,
    columns: Columns,
    *,
    delimiter: str = ",",
    missing: str | None = None,
    orphan: str | None = None,
    duplicate: bool = True,
    short: bool = True,
) -> list[str]:
    """Return a few unusable lines made from real rows.

    They lack the `missing` column, name an unknown `orphan`, repeat a key or are cut short.

    One of each kind, and more in big files (rate `bad_row`).
    """
    rows = next(len(part) for part in columns.values() if not isinstance(part, str))
    if not rows:
        return []
    kinds = [
        k for k, on in (("missing", missing), ("orphan", orphan), ("duplicate", duplicate), ("short", short)) if on
    ]
    count = len(kinds) * max(1, round(rate("bad_row") * rows / len(kinds)))
    picked = rng.integers(0, rows, count)
    sample = take(columns, pa.array(picked))
    cells = [[part] * count if isinstance(part, str) else part.to_pylist() for part in sample.values()]
    names, lines = list(columns), []
    for number, row in enumerate(zip(*cells, strict=True)):
        fields = [_escaped(str(value or ""), delimiter) for value in row]
        kind = kinds[number % len(kinds)]
        if kind == "missing" and missing:
            fields[names.index(missing)] = ""
        elif kind == "orphan" and orphan:
            fields[names.index(orphan)] += f"-unknown-{number}"
        elif kind == "short":
            fields = fields[: max(2, len(fields) // 2)]
        lines.append(delimiter.join(fields))
    return lines


def _escaped(value: str, delimiter: str) -> str:
    return '"' + value.replace('"', '""') + '"' if delimiter in value or '"' in value else value
