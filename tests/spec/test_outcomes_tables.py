"""Breakdowns, linked tables and the cabinet's table, as readable tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hub import Hub, table_of

from assets.outcomes.catalogue import catalogue
from assets.outcomes.run import build_outcomes
from assets.outcomes.success import Target
from assets.spine.build import build_spine

BORN = "record | birth_year | birth_school_year | sex\n"
FILLER = "grown | 2025-07\ngrown | 2026-06"


def test_distinct_sets_partition_the_children_and_pairs_are_sums_of_sets(tmp_path: Path):
    tables = {
        "birth.births": BORN + "\n".join(f"{child} | 2015 | 2015-16 | F" for child in "abcd"),
        "snap.monthly": "record | benefit_month\na | 2025-09\na | 2025-10\nb | 2025-09\nc | 2025-09",
        "wic.monthly": "record | benefit_month\na | 2025-09\nb | 2026-01",
        "attendance.mckinney_vento": "record | school_year\na | 2025-26\nd | 2025-26",
    }
    night = Hub(tmp_path / "state", tables).night()
    build_spine(night)
    build_outcomes(night, only={"distinct_served", "program_overlap"})
    assert table_of(night.paths.outcomes, "select programs, children from distinct_served order by 1") == [
        ("All", 4),
        ("McKinney-Vento", 1),
        ("McKinney-Vento + SNAP + WIC", 1),
        ("SNAP", 1),
        ("SNAP + WIC", 1),
    ]
    assert table_of(
        night.paths.outcomes, "select program_a, program_b, children from program_overlap order by 1, 2"
    ) == [
        ("McKinney-Vento", "McKinney-Vento", 2),
        ("McKinney-Vento", "SNAP", 1),
        ("McKinney-Vento", "WIC", 1),
        ("SNAP", "SNAP", 3),
        ("SNAP", "WIC", 2),
        ("WIC", "WIC", 2),
    ]
    of_both = """
        select count(*) from program_overlap as l where children__key is distinct from (
            select bit_xor(children__key) from distinct_served as r
            where contains(programs, program_a) and contains(programs, program_b)
        )
    """
    assert table_of(night.paths.outcomes, of_both) == [(0,)], "the key of a cell is that of its children"
    assert table_of(night.paths.outcomes, "select bit_xor(children__key) from distinct_served") == [(0,)]


ALL = "place = 'All' and grade_or_age_band = 'All' and race_ethnicity = 'All' and sex = 'All' and program = 'All'"


def test_absence_by_context_and_readiness_by_pathway(tmp_path: Path):
    enrolled = "record | school | class | role | begin | begin_year | end | end_year\n"
    days = "\n".join(f"s1 | {day} | 2025-26 | Y" for day in range(60, 80))
    tables = {
        "birth.births": "record | birth_year | birth_school_year | sex | birth_weight_g | gestation_weeks\n"
        "a | 2020 | 2020-21 | F | 2000 | 39\nb | 2020 | 2020-21 | F | 3000 | 39\nc | 2020 | 2020-21 | M | 9999 | 39",
        "school.orgs": "school | name\ns1 | First",
        "school.classes": "class | grade\nk | KG",
        "school.enrollments": enrolled
        + "\n".join(f"{child} | s1 | k | student | 60 | 2025-26 | 79 | 2025-26" for child in "abcd"),
        "attendance.calendar": "school | day | day_year | instructional\n" + days,
        "attendance.events": "record | absent | absent_year | status | portion\n"
        "a | 61 | 2025-26 | absent_excused | 1\na | 62 | 2025-26 | absent_excused | 1",
        "attendance.mckinney_vento": "record | school_year\na | 2025-26\nb | 2025-26",
        "hmis.Enrollment": "record | enrollment | entry_month\na | e | 2025-09",
        "health.Observation": "record | status | loinc | age_days | observed_year | value | unit\n"
        "b | final | 5671-3 | 400 | 2021-22 | 6 | ug/dL",
        "attendance.assessments": "record | tool | tool_version | school_year | level | tested\n"
        "a | KRA | 2 | 2025-26 | met | Y\nb | KRA | 2 | 2025-26 | below | Y\n"
        "c | KRA | 2 | 2025-26 | met | Y\nd | KRA | 2 | 2025-26 | met | Y",
        "preschool.enrolments": "record | program_type | start_month | end_month\na | head_start | 2024-09 | 2025-06",
    }  # fmt: skip
    night = Hub(tmp_path / "state", tables).night()
    build_spine(night)
    build_outcomes(night)
    assert table_of(
        night.paths.outcomes,
        "select context, chronically_absent, children from absence_by_service_context order by 1",
    ) == [
        ("All", 1, 4),
        ("Any of these", 1, 2),
        ("Elevated lead", 0, 1),
        ("HMIS", 1, 1),
        ("McKinney-Vento", 1, 2),
        ("None of these", 0, 2),
    ]
    assert table_of(
        night.paths.outcomes,
        "select birth, preschool, ready, children from readiness_by_pathway where tool = 'KRA 2' order by 1, 2",
    ) == [
        ("All", "All", 3, 4),
        ("All", "No preschool known", 2, 3),
        ("All", "Preschool", 1, 1),
        ("Birth not known", "All", 2, 2),
        ("Birth not known", "No preschool known", 2, 2),
        ("Preterm or low birth weight", "All", 1, 1),
        ("Preterm or low birth weight", "Preschool", 1, 1),
        ("Term and normal weight", "All", 0, 1),
        ("Term and normal weight", "No preschool known", 0, 1),
    ]
    shared = f"""
        select a.children__key = m.denominator__key and a.chronically_absent__key = m.numerator__key,
            c.children__key = m.denominator__key
        from absence_by_service_context as a
        join measure as m on m.measure = 'chronic_absence' and {ALL} and economic_status = 'All'
        join measure_coverage as c on c.measure = m.measure and c.because = 'Counted'
        where a.context = 'All'
    """
    assert table_of(night.paths.outcomes, shared) == [(True, True)], "the same children have the same key in any table"
    for spec in catalogue().tables:
        for name in spec.count_names if not spec.rounding else ():
            without = f"select count(*) from {spec.name} where {name} > 0 and {name}__key is null"
            assert table_of(night.paths.outcomes, without) == [(0,)], f"every count of {spec.name} has a key"


RACE_CASES = [
    pytest.param(
        {"school.demographics": "record | sex | hispanic | race_white | race_black\na | male | true | true | false"},
        "Hispanic", id="Hispanic of any race",
    ),
    pytest.param(
        {"school.demographics": "record | sex | hispanic | race_white | race_black\na | male | false | true | true"},
        "Two or more", id="two races",
    ),
    pytest.param(
        {
            "school.demographics": "record | sex | hispanic | race_white | race_black\na | male | false | false | true",
            "health.Patient": "record | sex | race | ethnicity\na | male | 2106-3 | 2186-5",
        },
        "Black", id="what the family told the school comes before health",
    ),
    pytest.param(
        {
            "school.demographics": "record | sex | hispanic | race_white\na | male | false | false",
            "health.Patient": "record | sex | race | ethnicity\na | male | 2028-9 | 2186-5",
        },
        "Asian", id="an empty answer falls through to the next source",
    ),
    pytest.param(
        {"hmis.Client": "record | sex | hispanic | race_white | race_aian\na | 0 | 99 | 0 | 1"},
        "AIAN", id="codes of HMIS",
    ),
    pytest.param(
        {"birth.births": BORN.strip() + " | mother_hispanic_2 | mother_race_white\na | 2015 | 2015-16 | F | H | Y"},
        "Hispanic", id="the mother's, as the last resort",
    ),
    pytest.param({"birth.births": BORN + "a | 2015 | 2015-16 | F"}, "Unknown", id="nothing known"),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "expected"), RACE_CASES)
def test_race_and_ethnicity(tmp_path: Path, tables: dict[str, str], expected: str):
    night = Hub(tmp_path / "state", tables).night()
    build_spine(night)
    assert table_of(night.paths.spine, "select race_ethnicity from child") == [(expected,)]


@pytest.mark.parametrize(
    ("direction", "first", "latest", "expected"),
    [
        pytest.param("low_birthweight", 4, 3, "Yes", id="lower is better and it fell along the line"),
        pytest.param("low_birthweight", 4, 4, "No", id="lower is better and it stayed"),
        pytest.param("prenatal_adequacy", 4, 6, "Yes", id="higher is better and it rose"),
        pytest.param("prenatal_adequacy", 4, 3, "No", id="higher is better and it fell"),
    ],
)
def test_on_track(tmp_path: Path, direction: str, first: int, latest: int, expected: str):
    header = BORN.strip() + " | birth_weight_g | gestation_weeks | prenatal_visits | prenatal_start_age_days\n"
    rows = []
    for year, hits in (("2024-25", first), ("2025-26", latest)):
        for number in range(10):
            hit = number < hits
            weight, visits = (2000, 14) if hit else (3000, 1)
            rows.append(f"{year}{number} | {year[:4]} | {year} | F | {weight} | 40 | {visits} | -224")
    night = Hub(tmp_path / "state", {"birth.births": header + "\n".join(rows)}).night()
    build_spine(night)
    aim = 20.0 if direction == "low_birthweight" else 80.0
    targets = (Target(direction, "1", "first", aim, "2029-30", "Someone"),)
    build_outcomes(night, targets=targets, only={direction})
    assert table_of(
        night.paths.outcomes, "select baseline, latest, target, owner, on_track from measures_of_success"
    ) == [(first * 10.0, latest * 10.0, aim, "Someone", expected)]


def test_a_period_without_a_benefit_file_has_no_rate_rather_than_none(tmp_path: Path):
    tables = {
        "birth.births": BORN + "a | 2015 | 2015-16 | F\ngrown | 2000 | 2000-01 | F",
        "school.enrollments": "record | school | class | role | begin | begin_year | end | end_year\n"
        "a | s1 | k | student | 60 | 2024-25 | - | -\na | s1 | k | student | 60 | 2025-26 | - | -",
        "snap.monthly": "record | benefit_month\n" + FILLER,
    }
    night = Hub(tmp_path / "state", tables).night()
    build_spine(night)
    build_outcomes(night, only={"benefit_participation"})
    assert table_of(night.paths.outcomes, "select distinct period from measure") == [("2025-26",)]
    status = "select period, economic_status from child_year where child_id = 'a' order by 1"
    assert table_of(night.paths.spine, status) == [("2024-25", "Unknown"), ("2025-26", "Not disadvantaged")]


def test_a_group_in_which_nobody_has_a_benefit_is_no_missing_row_of_those_who_kept_one(tmp_path: Path):
    tables = {
        "birth.births": BORN + "a | 2015 | 2015-16 | F\nc | 2025 | 2025-26 | M",
        "snap.monthly": "record | benefit_month\na | 2025-07\na | 2026-06\n" + FILLER,
    }
    night = Hub(tmp_path / "state", tables).night()
    build_spine(night)
    build_outcomes(night, only={"benefit_participation", "benefit_continuity"})
    groups = (
        "select place, grade_or_age_band, race_ethnicity, sex, program from measure "
        "where measure = '{}' and economic_status = 'All' and period = '2025-26' order by all"
    )
    kept, any_month = (
        table_of(night.paths.outcomes, groups.format(f"benefit_{which}")) for which in ("continuity", "participation")
    )
    assert kept == any_month
    men = "select numerator, denominator from measure where measure = 'benefit_continuity' and sex = 'Male'"
    assert set(table_of(night.paths.outcomes, men)) == {(0, 0)}
    edges = "select part, whole from grade_within where measure = 'benefit_continuity' order by all"
    assert table_of(night.paths.outcomes, edges) == [("0-2", "0-4"), ("5-10", "5-17")]
