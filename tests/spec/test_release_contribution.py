"""What one child can change: the bound that noise is made for, against cities with and without each child."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from support.chance_city import chance_city
from support.hub import Hub
from support.release_private import drawn_cells, read

from assets.outcomes.catalogue import catalogue
from assets.outcomes.run import build_outcomes
from assets.release.building import build_system
from assets.release.modes.contribution import contribution
from assets.release.tables import Additive, Catalogue, Count, PublishedTable
from assets.spine.build import build_spine


def distances(here: tuple[Any, Any], there: tuple[Any, Any]) -> dict[str, float]:
    """By table, how far two cities' drawn counts are apart in all (L1); no count by more than 1 (L infinity)."""
    one, other = drawn_cells(*here), drawn_cells(*there)
    out = {}
    for table in {*one, *other}:
        keys = {*one.get(table, {}), *other.get(table, {})}
        apart = [abs(one.get(table, {}).get(key, 0) - other.get(table, {}).get(key, 0)) for key in keys]
        assert max(apart) <= 1
        out[table] = sum(apart)
    return out


def test_no_child_of_an_invented_city_changes_more_than_the_bound():
    cities = [read(children=children) for children in range(12)]
    bound = dict(cities[-1][1].contribution.sensitivity)
    # 2 measures x 2 periods x 7 breakdowns, numerator and rest together; the total and one set in each of 2 periods
    assert bound == {"measure": 28, "distinct_served": 4}
    most = 0.0
    for fewer, more in pairwise(cities):
        for table, apart in distances(fewer, more).items():
            assert apart <= bound[table]
            most = max(most, apart if table == "measure" else 0)
    assert most == bound["measure"]  # some child is in all that a child can be in


TREE_OF_PLACES = {"Low": "North", "High": "North", "Far": "All"}

SLOTS = """
rows of place/sex                              | place  | sex | counts a child can be in
All/All                                        | sum    | sum | 1
All/All A/All B/All                            | sum    | sum | 2
All/All A/All B/All All/F All/M                | sum    | sum | 3
All/All A/All B/All All/F All/M A/F A/M B/F    | sum    | sum | 4
A/All B/All                                    | sum    | sum | 2
A/F B/M A/All B/All                            | sum    | sum | 4
All/All A/All B/All                            | within | sum | 3
All/All A/All B/All A/F B/F                    | within | sum | 5
All/All North/All Far/All Low/All High/All     | tree   | sum | 3
All/All North/All Far/All Low/F High/F         | tree   | sum | 4
All/All Far/All Low/All High/All               | tree   | sum | 2
North/All Low/All High/All                     | tree   | sum | 3
"""


@pytest.mark.parametrize("line", SLOTS.strip().splitlines()[1:])
def test_in_how_many_counts_a_child_can_be(line: str):
    rows, place, _, expected = (part.strip() for part in line.split("|"))
    kinds = {
        "sum": Additive("place"),
        "within": Additive("place", kind="within"),
        "tree": Additive("place", hierarchy="tree"),
    }
    said = dict.fromkeys(("place", "sex", "children", "part", "whole"), "said")
    spec = PublishedTable(
        "counts", "Children.", ("place", "sex"), (Count("children"),), said, additive=(kinds[place], "sex")
    )
    tree = PublishedTable("tree", "Places.", ("part", "whole"), (), said)
    con = duckdb.connect(":memory:")
    con.execute("create table counts (place varchar, sex varchar, children bigint)")
    con.executemany("insert into counts values (?, ?, 0)", [row.split("/") for row in rows.split()])
    con.execute("create table tree (part varchar, whole varchar)")
    con.executemany("insert into tree values (?, ?)", [*TREE_OF_PLACES.items()])
    system = build_system(con, Catalogue((spec, tree)))
    assert contribution(system, {"counts": 1.0, "tree": 1.0}).sensitivity == {"counts": int(expected)}


def test_rows_do_not_depend_on_the_children():
    rows = [
        {table: sorted(map(str, cells)) for table, cells in drawn_cells(*read(children=children)).items()}
        for children in (3, 60)
    ]
    assert rows[0] == rows[1]


def test_pairs_of_programs_follow_from_the_sets():
    system, planned = read()
    block = next(block for block in system.blocks if block.spec.name == "program_overlap")
    cells = np.arange(block.offset, block.offset + block.rows)
    assert not planned.contribution.drawn[cells].any()
    np.testing.assert_array_equal(
        (planned.contribution.recipe @ np.where(planned.contribution.drawn, system.values, 0))[cells],
        system.values[cells],
    )


COUNTED = {
    "chronic_absence", "kindergarten_readiness", "benefit_participation", "housing_instability",
    "distinct_served", "program_overlap", "absence_by_service_context", "readiness_by_pathway",
}  # fmt: skip
ENROLLED = "record | school | class | role | begin | begin_year | end | end_year\n"


def _tables(children: str) -> dict[str, str]:
    """What agencies hold of these children, of whom each is in several tables; Z is always there."""

    def rows(header: str, **of: str) -> str:
        return header + "\n" + "\n".join(line for child, line in of.items() if child in children or child == "z")

    def each(header: str, line: str) -> str:
        return header + "\n" + "\n".join(line.format(child) for child in (*children, "z"))

    days = "\n".join(f"s1 | {day} | 2025-26 | Y" for day in range(60, 80))
    kra = "{} | KRA | 2 | 2025-26 | met | Y"
    return {
        "birth.births": each(
            "record | birth_year | birth_school_year | sex | birth_weight_g | gestation_weeks",
            "{} | 2020 | 2020-21 | F | 2000 | 39",
        ),
        "school.orgs": "school | name | type | part_of\ns1 | First | school | n1\ns2 | Second | school | n1\n"
        "n1 | North | local | d",
        "school.classes": "class | grade\nk | KG",
        "school.enrollments": ENROLLED
        + "\n".join(f"{child} | s1 | k | student | 60 | 2025-26 | 79 | 2025-26" for child in (*children, "z")),
        "attendance.calendar": "school | day | day_year | instructional\n" + days,
        "attendance.events": rows(
            "record | absent | absent_year | status | portion",
            a="a | 61 | 2025-26 | absent_excused | 1\na | 62 | 2025-26 | absent_excused | 1",
            z="z | 61 | 2025-26 | absent_excused | 1",
        ),
        "attendance.mckinney_vento": each("record | school_year", "{} | 2025-26"),
        # served in a year of which no benefit is known
        "hmis.Enrollment": each("record | enrollment | entry_month", "{0} | e{0} | 2024-09"),
        "snap.monthly": each("record | benefit_month", "{0} | 2025-07\n{0} | 2025-11\n{0} | 2026-06"),
        "wic.monthly": rows("record | benefit_month", a="a | 2025-07", b="b | 2026-06", z="z | 2025-07\nz | 2026-06"),
        "health.Observation": rows(
            "record | status | loinc | age_days | observed_year | value | unit",
            b="b | final | 5671-3 | 400 | 2021-22 | 6 | ug/dL",
            z="z | final | 5671-3 | 400 | 2021-22 | 1 | ug/dL",
        ),
        "attendance.assessments": each("record | tool | tool_version | school_year | level | tested", kra),
        "preschool.enrolments": each(
            "record | program_type | start_month | end_month", "{} | head_start | 2024-09 | 2025-06"
        ),
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Outcomes of a real pipeline for children a, b, c, and without each of them."""
    out = {}
    for children in ("abc", "bc", "ac"):
        night = Hub(tmp_path_factory.mktemp(children) / "state", _tables(children)).night()
        build_spine(night)
        build_outcomes(night, only=COUNTED)
        out[children] = night.paths.outcomes
    return out


@pytest.mark.parametrize("without", ["bc", "ac"])
def test_no_child_of_real_outcomes_changes_more_than_the_bound(built: dict[str, Path], without: str):
    whole, fewer = read(built["abc"], catalogue()), read(built[without], catalogue())
    assert len(whole[0].values) == len(fewer[0].values)
    found = distances(whole, fewer)
    assert 0 < found["measure"] <= whole[1].contribution.sensitivity["measure"]
    for table, apart in found.items():
        assert apart <= whole[1].contribution.sensitivity[table]


def _without(tables: dict[str, str], child: str) -> dict[str, str]:
    """Return what agencies hold when they never had one child."""
    out = {}
    for name, text in tables.items():
        header, *rows = text.splitlines()
        place = [column.strip() for column in header.split("|")].index("record") if "record" in header else None
        kept = [
            row for row in rows if place is None or row.split("|")[place].strip().partition(".")[0] != child
        ]  # a child's second record is `child.2`
        out[name] = "\n".join([header, *kept])
    return out


@pytest.mark.slow
def test_no_child_of_a_city_drawn_by_chance_changes_more_than_the_bound(tmp_path: Path):
    """Every measure and table, with hierarchies and shared cells; children who are in many of them are taken out."""
    tables = chance_city(11, children=90)
    held = {
        child: sum(text.count(f"\n{child} |") for text in tables.values()) for child in map("c{}".format, range(90))
    }
    busiest = sorted(held, key=lambda child: -held[child])[:3]

    def build(name: str, held_by: dict[str, str]) -> Path:
        night = Hub(tmp_path / name / "state", held_by).night()
        build_spine(night)
        build_outcomes(night)
        return night.paths.outcomes

    whole = read(build("whole", tables), catalogue())
    bound = whole[1].contribution.sensitivity
    for child in busiest:
        found = distances(whole, read(build(child, _without(tables, child)), catalogue()))
        assert found["measure"] > 20
        assert all(apart <= bound[table] for table, apart in found.items()), (found, dict(bound))
