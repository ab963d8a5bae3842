"""Whatever the rows, the values of a breakdown sum to the total, and segments never count a day twice."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.outcomes.cells import CREATE, add_cells
from assets.outcomes.definitions import measures
from assets.outcomes.lookups import load_lookups

ROOT = Path(__file__).resolve().parents[2]
SEGMENT = (ROOT / "assets" / "spine" / "school_segment.sql").read_text(encoding="utf-8")

CHILD = st.tuples(
    st.booleans(), st.sampled_from([None, "Unknown"]), st.sampled_from(["s1", "s2", None]),
    st.sampled_from(["Hispanic", "White", "Unknown"]), st.sampled_from(["Female", "Male"]),
    st.sampled_from(["Disadvantaged", None]),
)  # fmt: skip


@given(st.lists(CHILD, max_size=30))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_breakdowns_partition_the_total(children: list[tuple[object, ...]]):
    definition = next(item for item in measures() if item.key == "grade3_reading 1")
    numerator, excluded, place, race, sex, economic = zip(*children, strict=True) if children else [()] * 6
    names = [f"c{number}" for number in range(len(children))]
    rows = pa.table(
        {
            "child_id": pa.array(names, pa.string()),
            "period": pa.array(["2025-26"] * len(names), pa.string()),
            "numerator": pa.array([a and b is None for a, b in zip(numerator, excluded, strict=True)], pa.bool_()),
            "excluded": pa.array(excluded, pa.string()),
            "place": pa.array(place, pa.string()),
        }
    )
    child = pa.table({"child_id": pa.array(names, pa.string()), "race_ethnicity": pa.array(race, pa.string()),
                      "sex": pa.array(sex, pa.string())})  # fmt: skip
    year = pa.table({"child_id": pa.array(names, pa.string()), "period": rows["period"],
                     "economic_status": pa.array(economic, pa.string())})  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as out")
        connection.execute(CREATE)
        connection.execute("create schema lake")
        load_lookups(connection)
        homes = pa.table({"place": ["s1"], "whole": ["North"]})
        for name, table in (
            ("r", rows),
            ("lake.child", child),
            ("lake.child_year", year),
            ("lake.neighbourhood", homes),
        ):
            connection.register("given", table)
            connection.execute(f"create table {name} as select * from given")
            connection.unregister("given")
        connection.execute("create table lake.child_key as select child_id, hash(child_id) as child_key from r")
        add_cells(connection, definition, "r")
        counted = sum(item is None for item in excluded)
        hits = sum(bool(a) and b is None for a, b in zip(numerator, excluded, strict=True))
        for dimension in ("place", "race_ethnicity", "sex", "economic_status"):
            others = [d for d in ("place", "race_ethnicity", "sex", "economic_status") if d != dimension]
            where = " and ".join(f"{other} = 'All'" for other in others)
            for part in (f"{dimension} = 'All'", f"{dimension} not in ('All', 'North')"):
                found = connection.execute(
                    f"select coalesce(sum(numerator), 0), coalesce(sum(denominator), 0) "
                    f"from out.main.measure where {where} and {part}"
                ).fetchall()
                assert found == [(hits, counted)]
        near = sum(place == "s1" and out is None for out, place in zip(excluded, place, strict=True))
        wider = "select coalesce(sum(denominator), 0) from out.main.measure where place = 'North'"
        assert connection.execute(wider).fetchall() == [(near,)]
        covered = "select coalesce(sum(children), 0) from out.main.measure_coverage where because <> 'All'"
        assert connection.execute(covered).fetchall() == [(len(children),)]


ENROLMENT = st.tuples(
    st.sampled_from("ab"), st.sampled_from(["s1", "s2", "s3"]), st.integers(0, 40), st.integers(-3, 25)
)


@given(st.lists(ENROLMENT, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_segments_cover_every_enrolled_day_once(enrolments: list[tuple[str, str, int, int]]):
    with duckdb.connect() as connection:
        connection.execute(
            "create table period as select '2025-26' as period, 2025 as first_year, '2024-25' as previous"
        )
        connection.execute(
            "create table school__enrollments (child_id varchar, school varchar, class varchar, role varchar, "
            '"begin" integer, begin_year varchar, "end" integer, end_year varchar)'
        )
        for child, school, begin, length in enrolments:
            connection.execute(
                "insert into school__enrollments values (?, ?, 'k', 'student', ?, '2025-26', ?, '2025-26')",
                [child, school, begin, begin + length],
            )
        found = connection.execute(f"select child_id, school, first_day, last_day from ({SEGMENT})").fetchall()
    days = [(child, day) for child, _, first, last in found for day in range(first, last + 1)]
    expected = {(child, day) for child, _, begin, length in enrolments for day in range(begin, begin + length + 1)}
    assert len(days) == len(set(days))
    assert set(days) == expected
    held = {
        (child, school, day) for child, school, begin, length in enrolments for day in range(begin, begin + length + 1)
    }
    assert {(child, school, day) for child, school, first, last in found for day in range(first, last + 1)} <= held
