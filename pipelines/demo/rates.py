"""The assumptions of the demo city, read from `data/rates.csv` and `data/noise.csv`.

Every rate carries its basis: a citation, or the words `demo choice`. Code asks for a rate by name and holds
none itself.
"""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib.resources import files

_DATA = files("pipelines.demo") / "data"


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a data file of this package."""
    return list(csv.DictReader(io.StringIO(text(name), newline="")))


def text(name: str) -> str:
    """Return the text of a data file of this package."""
    return (_DATA / name).read_text(encoding="utf-8")


@cache
def _rates() -> dict[str, tuple[float, ...]]:
    return {row["rate"]: tuple(float(part) for part in row["value"].split("|")) for row in rows("rates.csv")}


@cache
def _noise() -> dict[str, dict[str, float]]:
    return {
        row["rate"]: {source: float(value) for source, value in row.items() if source not in {"rate", "basis"}}
        for row in rows("noise.csv")
    }


def rate(name: str) -> float:
    """Return a single rate; KeyError when `data/rates.csv` does not list it."""
    (value,) = _rates()[name]
    return value


def rates(name: str) -> tuple[float, ...]:
    """Return a rate given per class (income class, age, month), in the order of the table."""
    return _rates()[name]


def noise(kind: str, source: str) -> float:
    """Return how often a source's records carry this kind of error."""
    return _noise()[kind][source]
