"""The reporting periods of a night as relations: school and fiscal years, 1 July to 30 June.

What belongs here: which periods are closed and the tables `period` and `period_month` that every SQL file may
read. What does not: which periods are published (the workspace's calendar, `assets.release`).
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

import re
from datetime import date

import duckdb

_LABEL = re.compile(r"(\d{4})-(\d{2})\Z")


def label(first_year: int) -> str:
    """Return the label of the period that begins on 1 July of `first_year`: 2025 -> '2025-26'."""
    return f"{first_year}-{(first_year + 1) % 100:02d}"


def first_year(period: str) -> int:
    """Return the calendar year in which a period begins. Raises ValueError for another label."""
    found = _LABEL.match(period)
    if found is None or (int(found[1]) + 1) % 100 != int(found[2]):
        raise ValueError("a period is written as two following years, such as 2025-26")
    return int(found[1])


def closed_periods(night: date, count: int = 2) -> tuple[str, ...]:
    """Return the last `count` periods that had ended before `night`, oldest first."""
    last = night.year - (1 if night.month >= 7 else 2)
    return tuple(label(year) for year in range(last - count + 1, last + 1))


def make_periods(
    connection: duckdb.DuckDBPyConnection, place: str, night: date, periods: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Create `period` and `period_month` in the schema `place` (such as `spine.main`); return the labels.

    `period(period, first_year, previous)`: one row a period; `previous` is the label of the year before.
    `period_month(period, month)`: its twelve months as 'YYYY-MM', also for the year before the first period.
    """
    chosen = closed_periods(night) if periods is None else periods
    years = [first_year(item) for item in chosen]
    connection.execute("begin")
    connection.execute(f"create table {place}.period (period varchar, first_year integer, previous varchar)")
    connection.execute(f"create table {place}.period_month (period varchar, month varchar)")
    connection.executemany(
        f"insert into {place}.period values (?, ?, ?)",
        [(label(year), year, label(year - 1)) for year in years],
    )
    spans = sorted({year for first in years for year in (first - 1, first)})
    connection.executemany(
        f"insert into {place}.period_month values (?, ?)",
        [
            (label(year), f"{year + (month <= 6)}-{month:02d}")
            for year in spans
            for month in (7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6)
        ],
    )
    connection.execute("commit")
    return chosen
