"""Days as whole numbers since 1970-01-01, their written forms, the city's nights and its school years.

Belongs here: calendar facts. Does not belong here: who was where on which day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.demo.draw import Ints, Mask


def day(text: str) -> int:
    """Return the number of days from 1970-01-01 to an ISO date."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


_FIRST = day("1950-01-01")
_LAST = day("2032-12-31")
FIRST_NIGHT = day("2026-09-01")
NIGHT_LIMIT = 3
FIRST_BIRTH = day("2008-01-01")
YEAR = 365.25
MONTH = YEAR / 12


@dataclass(frozen=True)
class SchoolYear:
    """A school year: its label (`2025-26`), first and last day of school, first day of the fiscal year."""

    label: str
    start: int
    end: int
    july: int
    cutoff: int


SCHOOL_YEARS = (
    SchoolYear("2024-25", day("2024-09-03"), day("2025-06-12"), day("2024-07-01"), day("2024-09-01")),
    SchoolYear("2025-26", day("2025-09-02"), day("2026-06-18"), day("2025-07-01"), day("2025-09-01")),
    SchoolYear("2026-27", day("2026-08-31"), day("2027-06-08"), day("2026-07-01"), day("2026-09-01")),
)

_HOLIDAYS = (
    ("10-03", 1), ("10-13", 1), ("11-04", 1), ("11-11", 1), ("11-27", 2), ("12-24", 9),
    ("01-19", 1), ("01-30", 1), ("02-16", 5), ("03-13", 1), ("04-03", 1), ("04-13", 5), ("05-25", 1),
)  # fmt: skip


def night_date(night: int) -> str:
    """Return the ISO date of night 1, 2 or 3."""
    return (date(2026, 9, 1) + timedelta(days=night - 1)).isoformat()


def instructional_days(year: SchoolYear) -> Ints:
    """Return the days on which the district teaches: weekdays of the year without its holidays."""
    every = np.arange(year.start, year.end + 1)
    closed = np.zeros(every.size, dtype=bool)
    for start, length in _HOLIDAYS:
        first = day(f"{int(year.label[:4]) + (start < '07')}-{start}")
        closed |= (every >= first) & (every < first + length)
    weekday = (every + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    return every[~closed & (weekday < 5)].astype(np.int64)


# The pieces of an ISO date that make a style, and what follows each.
_CUTS = {
    "iso": ((0, 10, ""),),
    "us": ((5, 7, "/"), (8, 10, "/"), (0, 4, "")),
    "compact": ((0, 4, ""), (5, 7, ""), (8, 10, "")),
    "month": ((0, 7, ""),),
}


@cache
def _written(style: str) -> pa.Array:
    stamps = np.arange(_FIRST, _LAST + 1).astype("datetime64[D]").astype(str)
    cut = _CUTS[style]
    return pa.array(["".join(stamp[start:end] + after for start, end, after in cut) for stamp in stamps.tolist()])


def written(days: Ints | NDArray[np.int32], style: str = "iso", missing: Mask | None = None) -> pa.Array:
    """Return days as text in a style (iso, us, compact or month); missing rows are null."""
    index = np.clip(np.asarray(days, dtype=np.int64), _FIRST, _LAST) - _FIRST
    return _written(style).take(pa.array(index, mask=missing))


def parts(days: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the years, months (1-12) and days of month (1-31)."""
    stamps = np.asarray(days).astype("datetime64[D]")
    months = stamps.astype("datetime64[M]")
    years = stamps.astype("datetime64[Y]").astype(np.int64) + 1970
    return years, months.astype(np.int64) % 12 + 1, (stamps - months).astype(np.int64) + 1


def from_parts(years: Ints, months: Ints, of_month: Ints) -> Ints:
    """Return days from parts; a day past the end of its month runs into the next."""
    whole = ((years - 1970) * 12 + (months - 1)).astype("datetime64[M]")
    return whole.astype("datetime64[D]").astype(np.int64) + of_month - 1
