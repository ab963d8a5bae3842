"""Counts of the whole city that a night's summary shows: rounded, once a month, and only when they have moved.

What belongs here: the table of what was shown (`reports.duckdb`, only ever added to, so that it can be audited) and
the rule by which a new month is answered. The first night of a month that reports a count fixes what is shown of it
until the month is over, whatever is delivered meanwhile; and it stays what it was before until the count has moved by a
whole step since, the rounding or more (`holding`). What does not: the counts, the words around them (`pipelines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from assets.release.holding import step

BASE: Final = 20

_TABLE = """
    create table if not exists shown_count (report varchar, name varchar, month varchar, night date, behind bigint)
"""

_NEW = """
    with latest as (
        select name, arg_max(behind, month) as behind, max(month) as month
        from shown_count
        where report = $report and month <= $month
        group by name
    )
    insert into shown_count
    select
        $report, asked.name, $month, $night,
        case when abs(asked.count - coalesce(latest.behind, 0)) >= $step then asked.count else latest.behind end
    from asked
    left join latest using (name)
    where latest.month is distinct from $month
"""
"""A count that was never shown counts zero: the first few of anything do not bring a number."""

_SHOWN = """
    select name, arg_max(behind, month)
    from shown_count
    where report = $report and ($month is null or month <= $month)
    group by name
    order by name
"""


def note_counts(path: Path, report: str, counts: Mapping[str, int], night: date, threshold: int) -> None:
    """Fix what a report shows of its counts in the month of `night`, unless it is fixed already."""
    asked = pa.table({"name": pa.array(counts, pa.string()), "count": pa.array(counts.values(), pa.int64())})
    given = {"report": report, "month": f"{night:%Y-%m}", "night": night, "step": step(BASE, threshold)}
    with duckdb.connect(str(path)) as con:
        con.execute(_TABLE)
        con.register("asked", asked)
        con.execute(_NEW, given)


def shown_counts(path: Path, report: str, night: date | None = None) -> dict[str, int]:
    """Return what a report shows of its counts in the month of `night` (None: newest), rounded half up to `BASE`.

    A count that never came to a step is not there.
    """
    if not path.is_file():
        return {}
    with duckdb.connect(str(path), read_only=True) as con:
        found = con.execute(_SHOWN, {"report": report, "month": f"{night:%Y-%m}" if night else None}).fetchall()
    return {name: (behind + BASE // 2) // BASE * BASE for name, behind in found if behind is not None}


def in_words(count: int | None, threshold: int) -> str:
    """Return a shown count for people: about so many, or fewer than a step."""
    return f"about {count:,}" if count else f"fewer than {step(BASE, threshold)}"
