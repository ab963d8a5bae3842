"""Each measure, as readable tables: what the hub holds, and what the measure must say of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hub import Hub, table_of

from assets.outcomes.run import build_outcomes
from assets.spine.build import build_spine

OVERALL = """
    select numerator, denominator from measure
    where
        measure = '{name}' and version = '{version}' and period = '{period}' and program = '{program}'
        and place = 'All' and grade_or_age_band = 'All' and race_ethnicity = 'All' and sex = 'All'
        and economic_status = 'All'
"""
COVERAGE = """
    select because, children from measure_coverage
    where
        measure = '{name}' and version = '{version}' and period = '{period}'
        and because not in ('All', 'Counted')
"""


def calendar(schools: str = "s1 s2", year: str = "2025-26", first: int = 60, days: int = 100) -> str:
    """A school calendar in which every day from `first` on is instructional and the day before is not."""
    lines = ["school | day | day_year | instructional"]
    for school in schools.split():
        lines.append(f"{school} | {first - 1} | {year} | false")
        lines += [f"{school} | {day} | {year} | true" for day in range(first, first + days)]
    return "\n".join(lines)


SCHOOLS = {
    "school.orgs": "school | name\ns1 | First\ns2 | Second",
    "school.classes": "class | grade\nk | KG\nc3 | 03",
}
ENROLLED = "record | school | class | role | begin | begin_year | end | end_year\n"
ABSENT = "record | absent | absent_year | status | portion\n"
VACCINES = "record | status | cvx | age_days\n"
THREE = "a | 2023 | 2023-24 | male\nb | 2023 | 2023-24 | male\nc | 2023 | 2023-24 | male"
PATIENT = "record | birth_year | birth_school_year | sex\n"


def shots(child: str, *, leave_out: str = "", **changed: int) -> str:
    """The complete series of a child by the second birthday; `cvx_N=age` moves every dose of a product."""
    series = {
        "20": [60, 120, 180, 400], "10": [60, 120, 180], "3": [380], "48": [60, 120, 400], "8": [0, 60, 200],
        "21": [380], "133": [60, 120, 180, 380], "83": [390], "119": [60, 120], "140": [200, 230],
    }  # fmt: skip
    moved = {name.removeprefix("cvx_"): [age] for name, age in changed.items()}
    doses = {**series, **moved}
    return "\n".join(
        f"{child} | completed | {cvx} | {age}" for cvx, ages in doses.items() if cvx != leave_out for age in ages
    )


CASES = [
    pytest.param(
        "chronic_absence",
        {
            **SCHOOLS,
            "school.enrollments": ENROLLED
            + """
            mover | s1 | c3 | student | 60 | 2025-26 | 79 | 2025-26
            mover | s2 | c3 | student | 80 | 2025-26 | 99 | 2025-26
            late  | s1 | c3 | student | 60 | 2025-26 | 89 | 2025-26
            late  | s2 | c3 | student | 80 | 2025-26 | 99 | 2025-26
            brief | s1 | c3 | student | 60 | 2025-26 | 68 | 2025-26
            two   | s1 | c3 | student | 60 | 2025-26 | 99 | 2025-26
            two.2 | s1 | k  | student | 60 | 2025-26 | 99 | 2025-26
            """,
            "attendance.calendar": calendar(),
            "attendance.events": ABSENT
            + """
            mover | 61 | 2025-26 | absent_excused   | -
            mover | 62 | 2025-26 | absent_unexcused | 1
            mover | 85 | 2025-26 | absent_unexcused | 1
            mover | 86 | 2025-26 | absent_excused   | 1
            late  | 61 | 2025-26 | absent_excused   | 1
            late  | 62 | 2025-26 | absent_excused   | 1
            late  | 85 | 2025-26 | absent_excused   | 1
            late  | 86 | 2025-26 | absent_excused   | 0.5
            late  | 59 | 2025-26 | absent_excused   | 1
            late  | 87 | 2025-26 | tardy            | 1
            brief | 61 | 2025-26 | absent_excused   | 1
            two   | 61 | 2025-26 | absent_excused   | 1
            two.2 | 61 | 2025-26 | absent_excused   | 1
            two   | 62 | 2025-26 | absent_excused   | 1
            two.2 | 62 | 2025-26 | absent_excused   | 1
            """,
        },
        (1, 3),
        {"Enrolled fewer than 10 days": 1},
        id="days are summed over schools, repeats count once, 4 of 40 days is chronic, 3.5 is not",
    ),
    pytest.param(
        "chronic_absence ri-k3",
        {
            **SCHOOLS,
            "school.enrollments": ENROLLED
            + """
            long  | s1 | k | student | 60 | 2025-26 | 159 | 2025-26
            fine  | s1 | k | student | 60 | 2025-26 | -   | -
            short | s1 | k | student | 60 | 2025-26 | 140 | 2025-26
            """,
            "attendance.calendar": calendar(),
            "attendance.events": ABSENT
            + "\n".join(f"long | {day} | 2025-26 | absent_excused | 1" for day in range(70, 88))
            + "\n"
            + "\n".join(f"fine | {day} | 2025-26 | absent_excused | 1" for day in range(70, 87)),
        },
        (1, 2),
        {"Enrolled fewer than 90 days": 1},
        id="the Rhode Island variant: 18 days of at least 90, in kindergarten to grade 3",
    ),
    pytest.param(
        "mobility",
        {
            **SCHOOLS,
            "school.enrollments": ENROLLED
            + """
            mover | s1 | c3 | student | 60 | 2025-26 | 79 | 2025-26
            mover | s2 | c3 | student | 80 | 2025-26 | -  | -
            twice | s1 | c3 | student | 60 | 2025-26 | 69 | 2025-26
            twice | s2 | c3 | student | 70 | 2025-26 | 79 | 2025-26
            twice | s1 | c3 | student | 80 | 2025-26 | -  | -
            away  | s1 | c3 | student | 60 | 2025-26 | 69 | 2025-26
            away  | s1 | c3 | student | 81 | 2025-26 | -  | -
            break | s1 | c3 | student | 60 | 2025-26 | 69 | 2025-26
            break | s1 | c3 | student | 80 | 2025-26 | -  | -
            stays | s1 | c3 | student | 60 | 2025-26 | -  | -
            """,
            "attendance.calendar": calendar(),
        },
        (3, 5),
        {},
        id="distinct movers; a gap of 11 days is a move, of 10 is not; two moves are one child",
    ),
    pytest.param(
        "grade3_reading",
        {
            **SCHOOLS,
            "school.enrollments": ENROLLED + "a | s1 | c3 | student | 60 | 2025-26 | - | -",
            "attendance.assessments": """
            record | tool  | tool_version | school_year | level       | tested
            a      | G3ELA | 2            | 2025-26     | met         | Y
            a.2    | G3ELA | 2            | 2025-26     | below       | Y
            b      | G3ELA | 2            | 2025-26     | approaching | Y
            c      | G3ELA | 2            | 2025-26     | -           | N
            d      | G3ELA | 2            | 2025-26     | -           | Y
            e      | KRA   | 1            | 2025-26     | met         | Y
            """,
        },
        (1, 2),
        {"Not tested": 1, "Level unknown": 1},
        id="met or exceeded among the tested; the untested are shown apart; duplicates count once",
    ),
    pytest.param(
        "kindergarten_readiness 1 KRA 2",
        {
            **SCHOOLS,
            "school.enrollments": ENROLLED + "a | s1 | k | student | 60 | 2025-26 | - | -",
            "attendance.assessments": """
            record | tool | tool_version | school_year | level    | tested
            a      | KRA  | 2            | 2025-26     | exceeded | Y
            b      | KRA  | 2            | 2025-26     | below    | Y
            c      | KRA  | 1            | 2025-26     | met      | Y
            """,
        },
        (1, 2),
        {},
        id="versions of a tool are never pooled",
    ),
    pytest.param(
        "preschool_enrolled",
        {
            **SCHOOLS,
            "school.enrollments": ENROLLED
            + """
            a | s1 | k  | student | 60 | 2025-26 | - | -
            b | s1 | k  | student | 60 | 2025-26 | - | -
            c | s1 | k  | student | 60 | 2025-26 | - | -
            d | s1 | c3 | student | 60 | 2025-26 | - | -
            """,
            "preschool.enrolments": """
            record | program_type | start_month | end_month
            a      | head_start   | 2024-09     | 2025-06
            a      | child_care   | 2024-09     | -
            b      | head_start   | 2025-09     | 2026-06
            d      | head_start   | 2024-09     | 2025-06
            """,
        },
        (1, 3),
        {},
        id="the year before kindergarten only, any program, kindergartners only",
    ),
    pytest.param(
        "low_birthweight",
        {
            "birth.births": """
            record | birth_year | birth_school_year | sex | birth_weight_g
            a      | 2025       | 2025-26           | F   | 2499
            b      | 2025       | 2025-26           | M   | 2500
            c      | 2026       | 2025-26           | M   | 9999
            d      | 2026       | 2025-26           | M   | -
            e      | 2024       | 2024-25           | M   | 1000
            """
        },
        (1, 2),
        {"Birth weight unknown": 2},
        id="2,500 g is not low; 9999 is unknown, left out and counted",
    ),
    pytest.param(
        "preterm",
        {
            "birth.births": """
            record | birth_year | birth_school_year | sex | gestation_weeks
            a      | 2025       | 2025-26           | F   | 36
            b      | 2025       | 2025-26           | M   | 37
            c      | 2026       | 2025-26           | M   | 99
            d      | 2026       | 2025-26           | M   | 16
            """
        },
        (1, 2),
        {"Gestation unknown": 2},
        id="37 weeks is not preterm; 99 and out-of-range weeks are unknown",
    ),
    pytest.param(
        "prenatal_adequacy",
        {
            "birth.births": """
            record | birth_year|birth_school_year | sex | gestation_weeks|prenatal_visits|prenatal_start_age_days
            full   | 2025       | 2025-26           | F   | 40              | 12              | -224
            few    | 2025       | 2025-26           | F   | 40              | 11              | -224
            late   | 2025       | 2025-26           | F   | 40              | 12              | -140
            early  | 2025       | 2025-26           | F   | 30              | 6               | -154
            none   | 2025       | 2025-26           | F   | 40              | 0               | -
            u1     | 2025       | 2025-26           | F   | 40              | 99              | -224
            u2     | 2025       | 2025-26           | F   | 40              | 10              | -
            u3     | 2025       | 2025-26           | F   | 99              | 10              | -224
            """
        },
        (2, 5),
        {"Visits unknown": 1, "Start of care unknown": 1, "Gestation unknown": 1},
        id="80 % of 14 visits at 40 weeks; a late start is inadequate; an early birth expects fewer",
    ),
    pytest.param(
        "immunisation_combo10",
        {
            "health.Patient": PATIENT
            + "\n".join(
                f"{child} | 2023 | 2023-24 | male"
                for child in ("full", "early", "mmr0", "same", "void", "rv5", "late", "pedi")
            )
            + "\nolder | 2022 | 2022-23 | male",
            "health.Immunization": VACCINES
            + "\n".join(
                [
                    shots("full"),
                    shots("early", leave_out="10") + "\nearly | completed | 10 | 41\nearly | completed | 10 | 120"
                    "\nearly | completed | 10 | 180",
                    shots("mmr0", cvx_3=364),
                    shots("same", leave_out="8") + "\nsame | completed | 8 | 0\nsame.2 | completed | 08 | 60"
                    "\nsame | completed | 45 | 60",
                    shots("void", leave_out="83") + "\nvoid | not-done | 83 | 390",
                    shots("rv5", leave_out="119") + "\nrv5 | completed | 116 | 60\nrv5 | completed | 116 | 120",
                    shots("late", cvx_21=731),
                    shots("pedi", leave_out="8") + "\npedi | completed | 110 | 60\npedi | completed | 110 | 120"
                    "\npedi | completed | 08 | 0",
                ]
            ),
        },
        (2, 8),
        {},
        id="day 42, the first birthday, one dose a day, not-done, RV products, the second birthday, combinations",
    ),
    pytest.param(
        "well_child",
        {
            "health.Patient": PATIENT + THREE,
            "health.Encounter": "record | status | type_code | age_days\n"
            + "\n".join(f"a | finished | 410620009 | {age}" for age in (5, 19, 60, 120, 180, 455))
            + "\n"
            + "\n".join(f"b | finished | 410620009 | {age}" for age in (5, 18, 19, 60, 120, 180))
            + "\n"
            + "\n".join(f"c | finished | 410620009 | {age}" for age in (5, 19, 60, 120, 180, 456))
            + "\nb.2 | finished | 410620009 | 5\nb | cancelled | 410620009 | 300\nb | finished | 185345009 | 300",
        },
        (1, 3),
        {},
        id="six visits 14 days apart by 15 months: 13 days do not count, nor does day 456",
    ),
    pytest.param(
        "lead_screened",
        {
            "health.Patient": PATIENT + THREE,
            "health.Observation": """
            record | status  | loinc  | age_days | observed_year | value | unit
            a      | final   | 5671-3 | 548      | 2024-25       | 1.0   | ug/dL
            b      | final   | 5671-3 | 549      | 2024-25       | 1.0   | ug/dL
            c      | entered-in-error | 5671-3 | 300 | 2024-25   | 1.0   | ug/dL
            """,
        },
        (1, 3),
        {},
        id="by day 548, not entered in error",
    ),
    pytest.param(
        "lead_elevated / 5.0 ug/dL or more",
        {
            "health.Patient": PATIENT + "a | 2023 | 2023-24 | male",
            "health.Observation": """
            record | status | loinc  | age_days | observed_year | value | unit
            a      | final  | 5671-3 | 400      | 2025-26       | 3.5   | ug/dL
            a      | final  | 5671-3 | 600      | 2025-26       | 5.0   | ug/dL
            b      | final  | 5671-3 | 400      | 2025-26       | 4.9   | ug/dL
            c      | final  | 5671-3 | 400      | 2025-26       | 5.0   | umol/L
            d      | final  | 5671-3 | 2192     | 2025-26       | 9.0   | ug/dL
            """,
        },
        (1, 2),
        {"No result in ug/dL": 1},
        id="highest result a child, children under 6, other units left out and counted",
    ),
    pytest.param(
        "benefit_participation",
        {
            "birth.births": """
            record | birth_year | birth_school_year | sex
            a      | 2015       | 2015-16           | F
            b      | 2016       | 2015-16           | M
            grown  | 2007       | 2007-08           | M
            baby   | 2026       | 2025-26           | M
            """,
            "snap.monthly": "record | benefit_month\na | 2025-07\na | 2026-06\ngrown | 2026-01\nb | 2025-06",
            "wic.monthly": "record | benefit_month\na | 2025-08\nbaby | 2026-05\ngrown | 2025-07\ngrown | 2026-06",
            "tanf.monthly": "record | benefit_month\nb | 2025-08\nb | 2026-06",
        },
        (2, 3),
        {},
        id="any month, distinct children of 0-17 seen in the period; a file without July does not count",
    ),
    pytest.param(
        "benefit_continuity / SNAP",
        {
            "birth.births": """
            record | birth_year | birth_school_year | sex
            a      | 2015       | 2015-16           | F
            b      | 2015       | 2015-16           | F
            """,
            "snap.monthly": "record | benefit_month\n"
            + "\n".join(f"a | {month}" for month in ["2025-07", "2025-08", "2025-09", "2025-10", "2025-11", "2025-12"])
            + "\n"
            + "\n".join(f"a.2 | 2026-0{month}" for month in range(1, 7))
            + "\n"
            + "\n".join(f"b | 2026-0{month}\nb.2 | 2026-0{month}" for month in range(1, 7)),
        },
        (1, 2),
        {},
        id="months are distinct over a child's records",
    ),
    pytest.param(
        "housing_instability",
        {
            "birth.births": "record | birth_year | birth_school_year | sex\n"
            + "\n".join(f"{child} | 2015 | 2015-16 | F" for child in "abcd"),
            "snap.monthly": "record | benefit_month\nd | 2025-09",
            "attendance.mckinney_vento": "record | school_year\na | 2025-26\nb | 2025-26\nd | 2024-25",
            "hmis.Enrollment": """
            record | enrollment | entry_month
            b      | e1         | 2025-05
            c      | e2         | 2025-01
            d      | e3         | 2024-01
            """,
            "hmis.Exit": """
            record | enrollment | exit_month
            c      | e2         | 2025-07
            d      | e3         | 2025-06
            """,
        },
        (3, 4),
        {},
        id="the distinct union; an open stay lasts, one that ended in June does not reach July",
    ),
    pytest.param(
        "child_welfare_contact",
        {
            "birth.births": "record | birth_year | birth_school_year | sex\n"
            + "\n".join(f"{child} | 2015 | 2015-16 | F" for child in "abc"),
            "snap.monthly": "record | benefit_month\nc | 2025-09",
            "child_welfare.reports": """
            record | report_year | disposition
            a      | 2025-26     | substantiated
            a      | 2025-26     | unsubstantiated
            c      | 2024-25     | substantiated
            """,
            "child_welfare.placements": "record | start_month | end_month\nb | 2024-01 | -\na | 2025-10 | 2025-11",
        },
        (2, 3),
        {},
        id="children, not reports; a placement that began years ago still counts",
    ),
]


@pytest.mark.parametrize(("measure", "tables", "expected", "excluded"), CASES)
def test_measure(tmp_path: Path, measure: str, tables: dict[str, str], expected: tuple[int, int], excluded: dict):
    name, _, rest = measure.partition(" ")
    version, _, program = rest.partition("/ ")
    place = {
        "name": name,
        "version": version.strip() or "1",
        "period": "2025-26",
        "program": program or "All",
    }
    night = Hub(tmp_path / "state", tables).night()
    build_spine(night)
    report = build_outcomes(night, only={name})
    assert not report.withheld
    assert table_of(night.paths.outcomes, OVERALL.format(**place)) == [expected]
    assert dict(table_of(night.paths.outcomes, COVERAGE.format(**place))) == excluded
