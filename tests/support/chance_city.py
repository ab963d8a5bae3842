"""A city drawn by chance, as the tables of a hub: children of every age, with whatever may befall them.

Nothing in it is plausible but the forms. Draws are independent where definitions leave them free, so that two
counts that agree in several such cities agree by definition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

YEARS = ("2024-25", "2025-26")
GRADES = ("PK", "KG", "01", "02", "03", "04", "06", "09", "12")
SCHOOLS = ("s1", "s2", "s3", "s4", "s5")
DAYS = range(40, 160)


def _table(header: str, rows: Iterable[tuple[object, ...]]) -> str:
    return "\n".join([header, *(" | ".join("-" if cell is None else str(cell) for cell in row) for row in rows)])


@dataclass(frozen=True)
class _Chance:
    """The children of a city, by the year in which the school year of their birth began, and its dice."""

    rng: np.random.Generator
    born: dict[str, int]

    def some(self, share: float, of: Iterable[str] | None = None) -> list[str]:
        return [name for name in (self.born if of is None else of) if self.rng.random() < share]

    def pick(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]


def chance_city(seed: int, children: int = 220) -> dict[str, str]:
    """Return {'source.Table': text} for `support.hub.Hub`."""
    rng = np.random.default_rng(seed)
    years = rng.integers(2006, 2026, children).tolist()
    chance = _Chance(rng, {f"c{number}": year for number, year in enumerate(years)})
    return {**_health(chance), **_schools(chance), **_services(chance)}


def _label(year: int) -> str:
    return f"{year}-{(year + 1) % 100:02d}"


def _health(chance: _Chance) -> dict[str, str]:
    rng, born, some, pick = chance.rng, chance.born, chance.some, chance.pick
    births = [
        (
            name, born[name], _label(born[name]), pick("F", "M"), pick(2000, 2400, 3000, 9999), pick(35, 39, 99),
            pick(8, 12, 99), pick(-200, -60, None), pick("Y", "N"), pick("Y", "N"),
        )
        for name in some(0.8)
    ]  # fmt: skip
    patients = some(0.7)
    lead = [
        (
            name,
            pick("final", "cancelled"),
            "5671-3",
            int(rng.integers(0, 2300)),
            pick(*YEARS),
            pick(1, 4, 6, None),
            "ug/dL",
        )
        for name in patients
        for _ in range(int(rng.integers(0, 4)))
    ]
    visits = [
        (name, "finished", "410620009", int(age))
        for name in patients
        for age in rng.integers(0, 1000, int(rng.integers(0, 14)))
    ]
    shots = [
        (name, "completed", cvx, int(rng.integers(0, 700)))
        for name in patients
        if rng.random() < 0.5
        for cvx in ("20", "10", "3", "48", "8", "21", "133", "83", "119", "140")
    ]
    return {
        "birth.births": _table(
            "record | birth_year | birth_school_year | sex | birth_weight_g | gestation_weeks | prenatal_visits | "
            "prenatal_start_age_days | mother_race_white | mother_hispanic_1",
            births,
        ),
        "health.Patient": _table(
            "record | birth_year | birth_school_year | sex | race",
            [
                (name, born[name], _label(born[name]), pick("male", "female"), pick("2106-3", "2054-5", None))
                for name in patients
            ],
        ),
        "health.Observation": _table("record | status | loinc | age_days | observed_year | value | unit", lead),
        "health.Encounter": _table("record | status | type_code | age_days", visits),
        "health.Immunization": _table("record | status | cvx | age_days", shots),
    }


def _schools(chance: _Chance) -> dict[str, str]:
    rng, born, some, pick = chance.rng, chance.born, chance.some, chance.pick
    enrolled, absent = [], []
    for year in YEARS:
        for name in some(0.75, [one for one in born if born[one] < 2021]):
            first, last = int(rng.integers(40, 70)), int(rng.integers(45, 160))
            grade = pick(*GRADES)
            if last < first:
                continue
            enrolled.append((name, pick(*SCHOOLS), f"k{grade}", "student", first, year, last, year))
            if rng.random() < 0.2 and last > first + 25:
                enrolled[-1] = (*enrolled[-1][:6], first + 12, year)
                enrolled.append((name, pick(*SCHOOLS), f"k{grade}", "student", first + 20, year, last, year))
            days = rng.choice(np.arange(first, last + 1), min(int(rng.integers(0, 30)), last - first), replace=False)
            absent += [(name, int(day), year, pick("absent_excused", "tardy"), 1) for day in days]
    tested = [
        (name, tool, "2", year, pick("met", "below", "exceeded", None), pick("Y", "Y", "N"))
        for tool in ("G3ELA", "KRA")
        for year in YEARS
        for name in some(0.3)
    ]
    days = [(school, day, year, "Y") for school in SCHOOLS[:4] for year in YEARS for day in DAYS]
    homes = [("s1", "North"), ("s2", "North"), ("s3", "South"), ("s4", "South"), ("s5", None)]
    return {
        "school.orgs": _table(
            "school | name | type | part_of",
            [
                *((school, f"School {school[1]}", "school", home or "d") for school, home in homes),
                ("North", "North", "local", "d"), ("South", "South", "local", "d"), ("d", "District", "district", None),
            ],
        ),
        "school.classes": _table("class | grade", [(f"k{grade}", grade) for grade in GRADES]),
        "school.enrollments": _table(
            "record | school | class | role | begin | begin_year | end | end_year", enrolled
        ),
        "attendance.calendar": _table("school | day | day_year | instructional", days),
        "attendance.events": _table("record | absent | absent_year | status | portion", absent),
        "attendance.assessments": _table("record | tool | tool_version | school_year | level | tested", tested),
        "attendance.mckinney_vento": _table(
            "record | school_year", [(name, year) for year in YEARS for name in some(0.1)]
        ),
        "preschool.enrolments": _table(
            "record | program_type | start_month | end_month",
            [
                (name, pick("head_start", "pre_k", "care"), *span)
                for span in (("2023-09", "2024-06"), ("2024-09", "2025-06"))
                for name in some(0.3)
            ],
        ),
    }  # fmt: skip


def _services(chance: _Chance) -> dict[str, str]:
    rng, some, pick = chance.rng, chance.some, chance.pick
    tables = {}
    # TANF begins in the middle of the first year, so it covers the second only.
    for source, share, first in (
        ("snap", 0.3, 2024.5),
        ("tanf", 0.15, 2025.0),
        ("wic", 0.2, 2024.5),
        ("medicaid", 0.4, 2024.5),
    ):
        begin = int(first * 12)
        months = [f"{number // 12}-{number % 12 + 1:02d}" for number in range(begin, 2026 * 12 + 6)]
        rows = [(name, month) for name in some(share) for month in months[int(rng.integers(0, 20)) :][:: pick(1, 1, 3)]]
        rows += [("grown", months[0]), ("grown", months[-1])]
        tables[f"{source}.monthly"] = _table("record | benefit_month", rows)
    stays = [(name, f"e{name}", f"{pick(2024, 2025)}-{pick('08', '11')}") for name in some(0.1)]
    spells = [(name, f"{pick(2024, 2025)}-{pick('07', '12')}", pick(None, "2025-12", "2026-03")) for name in some(0.1)]
    return {
        **tables,
        "hmis.Enrollment": _table("record | enrollment | entry_month", stays),
        "hmis.Exit": _table("enrollment | exit_month", [(stay[1], "2026-01") for stay in stays if rng.random() < 0.5]),
        "child_welfare.reports": _table(
            "record | report_year | disposition",
            [(name, year, pick("Substantiated", "Unfounded")) for year in YEARS for name in some(0.12)],
        ),
        "child_welfare.placements": _table("record | start_month | end_month", spells),
    }
