"""Who is enrolled in which school, grade and class in each school year. Numbers only, no file form.

Belongs here: schools, enrolment spans, moves between schools. Does not belong here: OneRoster (school),
attendance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.demo.days import FIRST_NIGHT, SCHOOL_YEARS
from pipelines.demo.draw import Ints, chance, uuids
from pipelines.demo.nights import Records, schedule
from pipelines.demo.place import City
from pipelines.demo.rates import rate, rates

LEVELS = ("elementary", "middle", "high")
_LEVEL_OF_GRADE = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2])  # PK, KG, 01 … 12
GRADES = ("PK", "KG", *(f"{grade:02d}" for grade in range(1, 13)))


@dataclass(frozen=True)
class Spans:
    """Enrolment spans: record row, year (index), grade (index into GRADES), school, first and last day."""

    row: Ints
    year: Ints
    grade: Ints
    school: Ints
    begin: Ints
    end: Ints


@dataclass(frozen=True)
class Pupils:
    """Student records, their spans and each school's level (index into LEVELS)."""

    records: Records
    spans: Spans
    level: Ints


def make_pupils(city: City) -> Pupils:
    """Return the pupils of the district in its three school years."""
    children, rng = city.children, city.stream("school", "pupils")
    public = chance(rng, rate("school.public"), children.families.size)[children.family]
    early = chance(rng, rate("school.preschool_grade"), children.size)
    who, year, grade, begin, end = [], [], [], [], []
    for number, term in enumerate(SCHOOL_YEARS):
        index = np.floor((term.cutoff - children.birth) / 365.25).astype(np.int64) - 4
        first = np.maximum(term.start, children.arrives)
        last = np.minimum(term.end, children.leaves - 1)
        fits = public & (index >= 0) & (index < len(GRADES)) & ((index > 0) | early)
        rows = np.flatnonzero(fits & (last - first >= 3) & (first < FIRST_NIGHT + 2))
        who.append(rows)
        year.append(np.full(rows.size, number))
        grade.append(index[rows])
        begin.append(first[rows])
        end.append(last[rows])
    everyone, back = np.unique(np.concatenate(who), return_inverse=True)
    stay = Spans(back, np.concatenate(year), np.concatenate(grade), back, np.concatenate(begin), np.concatenate(end))
    records = _records(city, everyone)
    level = _schools(stay)
    homes = _home_school(city, everyone, level)
    settled = Spans(**{**stay.__dict__, "school": homes[stay.row, _LEVEL_OF_GRADE[stay.grade]]})
    return Pupils(records, _moves(city, everyone, settled, level), level)


def _records(city: City, who: Ints) -> Records:
    rng, children = city.stream("school", "ids"), city.children
    # Enrolled under the name and address of the last time the family filled in the form.
    seen = np.maximum(children.arrives[who], FIRST_NIGHT - rng.integers(10, 900, who.size))
    return schedule(city.seed, "school", who, uuids(rng, who.size, "stu-"), seen, nights=children.first_night[who])


def _schools(stay: Spans) -> Ints:
    """Return the level of each school: about one school for 500 pupils, at least two a level."""
    current = stay.year == 1
    counts = np.bincount(_LEVEL_OF_GRADE[stay.grade[current]], minlength=len(LEVELS))
    schools = np.maximum(np.rint(counts / rate("school.pupils")), 2).astype(np.int64)
    return np.repeat(np.arange(len(LEVELS)), schools)


def _home_school(city: City, who: Ints, level: Ints) -> Ints:
    """Return pupils x levels: the school of the family's neighbourhood (a few families choose another)."""
    home, rng = city.children.families, city.stream("school", "homes")
    family = city.children.family[who]
    choice = rng.integers(0, 3, home.size)[family]
    out = np.empty((who.size, len(LEVELS)), dtype=np.int64)
    for number in range(len(LEVELS)):
        schools = np.flatnonzero(level == number)
        out[:, number] = schools[(home.zip_last[family] * 5 + choice * 7) % schools.size]
    return out


def _moves(city: City, who: Ints, stay: Spans, level: Ints) -> Spans:
    """Return the spans with some cut in two: a change of school in the year, often with days in none."""
    rng = city.stream("school", "moves")
    unstable = city.life.unstable[who][stay.row]
    odds = np.array(rates("mobility.by_stability"))[unstable.astype(np.int64)]
    long = (stay.end - stay.begin > 60) & (stay.begin < SCHOOL_YEARS[2].start)
    moved = np.flatnonzero(chance(rng, odds, stay.row.size) & long)
    share = 0.15 + 0.7 * rng.random(moved.size)
    left = stay.begin[moved] + (share * (stay.end[moved] - stay.begin[moved])).astype(np.int64)
    gap = np.where(rng.random(moved.size) < 0.45, rng.integers(11, 45, moved.size), rng.integers(1, 10, moved.size))
    begin = left + gap
    kept = begin < stay.end[moved] - 3
    moved, left, begin = moved[kept], left[kept], begin[kept]
    end = stay.end.copy()
    end[moved] = left
    return Spans(
        row=np.concatenate([stay.row, stay.row[moved]]),
        year=np.concatenate([stay.year, stay.year[moved]]),
        grade=np.concatenate([stay.grade, stay.grade[moved]]),
        school=np.concatenate([stay.school, _another(rng, stay.school[moved], level)]),
        begin=np.concatenate([stay.begin, begin]),
        end=np.concatenate([end, stay.end[moved]]),
    )


def _another(rng: np.random.Generator, school: Ints, level: Ints) -> Ints:
    """Return another school of the same level."""
    out = school.copy()
    for number in np.unique(level):
        schools = np.flatnonzero(level == number)
        rows = np.flatnonzero(level[school] == number)
        place = np.searchsorted(schools, school[rows])
        out[rows] = schools[(place + rng.integers(1, schools.size, rows.size)) % schools.size]
    return out
