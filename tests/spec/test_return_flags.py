"""What each flag of a return file says, as readable tables."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.hub import Hub

from assets.outcomes.run import OutcomePlace
from assets.returns.licensed import flags
from assets.spine.build import build_spine, content_tables
from assets.spine.exposure import CONTENT_PREFIX, Columns, expose, run_into
from assets.spine.periods import make_periods

NIGHT = date(2026, 10, 15)
DAYS = "\n".join(f"Elm | {day} | 2026-27 | true" for day in range(1, 21)) + "\nElm | 21 | 2026-27 | false"
SHORT = "\n".join(f"Oak | {day} | 2026-27 | true" for day in range(1, 9))
YEAR_BEFORE = "\n".join(f"Elm | {day} | 2025-26 | true" for day in range(1, 200))


def absent(child: str, days: str, status: str = "absent-excused", year: str = "2026-27", school: str = "Elm") -> str:
    return "\n".join(f"{child} | {school} | {day} | {year} | {status} | -" for day in days.split())


FLAGS = {
    "chronically_absent": (
        {
            "attendance.calendar": f"school | day | day_year | instructional\n{DAYS}\n{SHORT}\n{YEAR_BEFORE}",
            "attendance.events": "record | school | absent | absent_year | status | portion\n"
            + "\n".join(
                [
                    absent("two of twenty", "3 20"),
                    absent("one of twenty", "3"),
                    absent("the same day twice", "3 3"),
                    absent("two records", "3"),
                    absent("two records.2", "4"),
                    absent("tardy", "3 4 5", "tardy"),
                    absent("last year", "3 4 5 6", year="2025-26"),
                    absent("a short calendar", "3 4 5 6", school="Oak"),
                    "half days | Elm | 3 | 2026-27 | absent | 0.5\nhalf days | Elm | 4 | 2026-27 | absent | 0.5",
                ]
            ),
        },
        {
            "two of twenty": True,
            "one of twenty": False,
            "the same day twice": False,
            "two records": True,
            "half days": False,
        },
    ),
    "no_well_child_visit": (
        {
            "health.Patient": "record | birth_year\nseen | 2018\nnever | 2018\nplanned | 2018\nother | 2018",
            "health.Encounter": "record | status | type_code\nseen | - | 410620009\nplanned | Planned | 410620009\n"
            "other | finished | 185349003\nstranger | finished | 410620009",
        },
        {"seen": False, "never": True, "planned": True, "other": True},
    ),
    "homeless_services_contact": (
        {
            "hmis.Enrollment": "record | entry_month\nnow | 2026-07\nnow | 2026-09\nbefore | 2026-06\nunknown | -",
        },
        {"now": True},
    ),
}


def test_every_flag_has_its_table():
    assert {file.name for file in flags()} == set(FLAGS)
    assert all({"version", "title", "definition", "source"} <= set(file.header) for file in flags())


@pytest.mark.parametrize("name", FLAGS)
def test_what_a_flag_says(tmp_path: Path, name: str):
    tables, expected = FLAGS[name]
    night = Hub(tmp_path / "state", tables).night(NIGHT)
    build_spine(night)
    (file,) = (file for file in flags() if file.name == name)
    with duckdb.connect() as con:
        con.execute(f"attach '{night.paths.spine}' as spine (read_only)")
        con.execute("create schema memory.lake")
        make_periods(con, "memory.lake", NIGHT, ("2026-27",))
        columns = Columns(night.policy, content_tables(con, "spine", CONTENT_PREFIX))
        run_into(con, file, expose(con, file, columns, OutcomePlace(night="memory.lake")), "memory.main.told")
        assert dict(con.execute("select child_id, flag from told").fetchall()) == expected
