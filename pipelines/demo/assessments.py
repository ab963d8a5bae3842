"""School district: assessment results and McKinney-Vento flags, as CSV.

Belongs here: assessments_*.csv (KRA in the fall of kindergarten, G3ELA in the spring of grade 3; level
below, approaching, met or exceeded; tested Y or N) and mckinney_vento_*.csv.
Does not belong here: ability (circumstances).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.demo.days import FIRST_NIGHT, SCHOOL_YEARS, written
from pipelines.demo.draw import Ints, chance, digits, numbered, stream, weighted
from pipelines.demo.place import City, bad_lines
from pipelines.demo.pupils import GRADES, Pupils
from pipelines.demo.rates import rate, rates
from pipelines.demo.school import AGENCY
from pipelines.demo.text import Part, save_table

_LEVELS = ("below", "approaching", "met", "exceeded")
_RESIDENCES = ("doubled_up", "shelter", "hotel_motel", "unsheltered")


@dataclass(frozen=True)
class Tool:
    """An assessment: days after the first day of school, cuts of its levels, its scale (demo choice)."""

    name: str
    version: str
    subject: str
    grade: str
    days: tuple[int, int]
    cuts: tuple[float, float, float]
    scale: tuple[float, float]
    tested: str


TOOLS = (
    Tool("KRA", "2.0", "readiness", "KG", (45, 62), (-0.75, 0.12, 1.35), (270, 14), "assessment.kra_tested"),
    Tool("G3ELA", "2024", "ela", "03", (215, 240), (-0.55, 0.40, 1.55), (500, 25), "assessment.g3_tested"),
)


def deliver(city: City, pupils: Pupils) -> None:
    """Write the results of both closed years and the flags of all three, on night 1."""
    for number, year in enumerate(SCHOOL_YEARS[:2]):
        results = [_results(city, pupils, number, tool) for tool in TOOLS]
        columns: dict[str, Part] = {
            name: pa.concat_arrays([_column(result, name) for result in results]) for name in results[0]
        }
        rng, size = city.stream("assessments", year.label), len(columns["student_id"])
        columns = {"assessment_id": numbered(f"A{number}-", rng.permutation(size) + 100_000, 7), **columns}
        bad = bad_lines(city.stream("assessments", "bad"), columns, missing="student_id") if number else []
        save_table(city.folder(AGENCY, 1) / f"assessments_{year.label}.csv", columns, bad_lines=bad)
    for number in range(len(SCHOOL_YEARS)):
        _mckinney_vento(city, pupils, number)


def _column(result: dict[str, Part], name: str) -> pa.Array:
    part = result[name]
    return pa.array([part] * len(result["student_id"]), pa.string()) if isinstance(part, str) else part


def _results(city: City, pupils: Pupils, number: int, tool: Tool) -> dict[str, Part]:
    """Return the results of pupils enrolled throughout the weeks of the assessment."""
    spans, records = pupils.spans, pupils.records
    rng, year = city.stream("assessments", tool.name, SCHOOL_YEARS[number].label), SCHOOL_YEARS[number]
    first, last = year.start + tool.days[0], year.start + tool.days[1]
    here = (spans.begin <= first) & (spans.end >= last) & (records.first[spans.row] == 1)
    rows = np.flatnonzero(here & (spans.year == number) & (spans.grade == GRADES.index(tool.grade)))
    absent = ~chance(rng, rate(tool.tested), rows.size)
    mark = city.life.ability[records.child[spans.row[rows]]] + rng.normal(0, 0.35, rows.size)
    score: Ints = np.clip(np.rint(tool.scale[0] + tool.scale[1] * mark), 200, 650).astype(np.int64)
    level = pa.array(np.searchsorted(np.array(tool.cuts), mark), mask=absent)
    return {
        "student_id": records.ids.take(pa.array(spans.row[rows])),
        "tool": tool.name,
        "tool_version": tool.version,
        "subject": tool.subject,
        "grade": tool.grade,
        "administered": written(rng.integers(first, last, rows.size)),
        "score": digits(score).take(pa.array(np.arange(rows.size), mask=absent)),
        "level": pa.array(_LEVELS).take(level),
        "tested": pa.array(("Y", "N")).take(pa.array(absent.astype(np.int64))),
    }


def _mckinney_vento(city: City, pupils: Pupils, number: int) -> None:
    """Write the pupils a school identified as homeless in a year; the open year has only begun to."""
    spans, records, life = pupils.spans, pupils.records, city.life
    year = SCHOOL_YEARS[number]
    rng = stream(city.seed, "mckinney_vento", year.label)
    rows = np.unique(spans.row[(spans.year == number) & (spans.begin < FIRST_NIGHT)])
    child = records.child[rows]
    during = (life.homeless_from[child] < year.end) & (life.homeless_to[child] > year.start)
    odds = rate("mckinney_vento.unstable") if number < 2 else rate("mckinney_vento.first_days")
    noticed = chance(rng, odds * np.where(during, 1.0, 0.5), rows.size)
    rows = rows[life.unstable[child] & noticed & (records.first[rows] == 1)]
    columns: dict[str, Part] = {
        "student_id": records.ids.take(pa.array(rows)),
        "school_year": year.label,
        "nighttime_residence": pa.array(_RESIDENCES).take(
            pa.array(weighted(rng, rates("mckinney_vento.residence"), rows.size))
        ),
        "unaccompanied": pa.array(("N", "Y")).take(
            pa.array(chance(rng, rate("mckinney_vento.unaccompanied"), rows.size).astype(np.int64))
        ),
    }
    save_table(city.folder(AGENCY, 1) / f"mckinney_vento_{year.label}.csv", columns)
