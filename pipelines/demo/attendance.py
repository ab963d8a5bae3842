"""School district: absences by exception and the schools' calendars, as CSV.

Belongs here: attendance_*.csv (student_id is the OneRoster sourcedId; status absent_excused,
absent_unexcused or tardy, the last with portion 0) and calendar_*.csv (instructional Y or N).
Does not belong here: enrolment (pupils).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.demo.days import (
    FIRST_NIGHT,
    SCHOOL_YEARS,
    SchoolYear,
    day,
    instructional_days,
    night_date,
    written,
)
from pipelines.demo.draw import Floats, Ints, Mask, chance
from pipelines.demo.place import City, bad_lines
from pipelines.demo.pupils import Pupils
from pipelines.demo.rates import rate
from pipelines.demo.school import AGENCY, school_ids
from pipelines.demo.text import Part, save_table, take

_STATUSES = ("absent_excused", "absent_unexcused", "tardy")
_BLOCK = 8192
# Absence by grade PK … 12 against the district's mean, and by weekday Monday … Friday (demo choice).
_BY_GRADE = np.array([1.2, 1.22, 1.05, 0.96, 0.92, 0.9, 0.9, 0.93, 0.98, 1.04, 1.16, 1.12, 1.12, 1.2])
_BY_WEEKDAY = np.array([1.12, 0.94, 0.9, 0.95, 1.12])


@dataclass(frozen=True)
class Days:
    """Attendance events: span, day and status (index into `_STATUSES`), half a day or not."""

    span: Ints
    day: Ints
    status: Ints
    half: Mask


def deliver(city: City, pupils: Pupils) -> None:
    """Write the attendance and calendar files of every night."""
    for number, year in enumerate(SCHOOL_YEARS):
        closed = _closed_days(pupils, year)
        _calendar(city, pupils, year, closed)
        _absences(city, pupils, number, year, closed)


def _closed_days(pupils: Pupils, year: SchoolYear) -> Mask:
    """Return schools x days: the two days a year on which a school is shut while others teach."""
    days = instructional_days(year)
    closed = np.zeros((pupils.level.size, days.size), dtype=bool)
    for turn, offset in enumerate((37, 121)):
        closed[np.arange(pupils.level.size), (offset + np.arange(pupils.level.size) * (turn + 2)) % days.size] = True
    closed[:, :5] = False
    return closed


def _calendar(city: City, pupils: Pupils, year: SchoolYear, closed: Mask) -> None:
    days, schools = instructional_days(year), pupils.level.size
    rows = schools * days.size
    columns: dict[str, Part] = {
        "school_id": school_ids(pupils.level).take(pa.array(np.repeat(np.arange(schools), days.size))),
        "date": written(np.tile(days, schools)),
        "instructional": pa.array(np.where(closed.reshape(rows), "N", "Y").tolist()),
    }
    save_table(city.folder(AGENCY, 1) / f"calendar_{year.label}.csv", columns)


def _absences(city: City, pupils: Pupils, number: int, year: SchoolYear, closed: Mask) -> None:
    """Write a year's events: closed years on night 1, the open one day by day, corrections on night 2."""
    spans, records = pupils.spans, pupils.records
    found = _missed(city, pupils, number, year, closed)
    record = spans.row[found.span]
    changed = chance(city.stream("attendance", "corrected", year.label), 0.0004, found.span.size) & (number == 1)
    columns: dict[str, Part] = {
        "student_id": records.ids.take(pa.array(record)),
        "school_id": school_ids(pupils.level).take(pa.array(spans.school[found.span])),
        "date": written(found.day),
        "status": pa.array(_STATUSES).take(pa.array(found.status)),
        "portion": pa.array(("1.0", "0.5", "0.0")).take(
            pa.array(np.where(found.status == 2, 2, found.half.astype(np.int64)))
        ),
    }
    due = np.maximum(records.first[record], np.maximum(found.day - FIRST_NIGHT + 2, 1))
    for night in range(1, city.nights + 1):
        rows = np.flatnonzero((due == night) & records.visible(night)[record])
        name = f"attendance_{year.label}.csv" if night == 1 else f"attendance_{year.label}_{night_date(night)}.csv"
        shown = take(columns, pa.array(rows))
        if night == 2 and changed.any():
            fixed = {
                **take(columns, pa.array(np.flatnonzero(changed & (due == 1)))),
                "status": "absent_excused",
            }
            shown = _stacked(shown, fixed)
        bad = bad_lines(city.stream("attendance", "bad"), shown, orphan="student_id") if night == number == 1 else []
        if len(shown["student_id"]):
            save_table(city.folder(AGENCY, night) / name, shown, bad_lines=bad)


def _stacked(first: dict[str, Part], second: dict[str, Part]) -> dict[str, Part]:
    """Return the rows of both; a constant in the second is spread out."""
    size = len(second["student_id"])
    out: dict[str, Part] = {}
    for name, part in first.items():
        more = second[name]
        out[name] = pa.concat_arrays([part, pa.array([more] * size, pa.string()) if isinstance(more, str) else more])
    return out


@dataclass(frozen=True)
class _Term:
    """What a block of spans is drawn against: the teaching days, each one's weight, schools x days shut."""

    days: Ints
    weight: Floats
    closed: Mask


def _missed(city: City, pupils: Pupils, number: int, year: SchoolYear, closed: Mask) -> Days:
    """Draw every pupil's day of a year, a block of spans at a time."""
    spans, rng = pupils.spans, city.stream("attendance", year.label)
    days = instructional_days(year)
    days = days[days < FIRST_NIGHT + 2]
    winter = day(f"{int(year.label[:4]) + 1}-01-25")
    season = 1 + 0.16 * np.cos((days - winter) / 365.25 * 2 * np.pi)
    term = _Term(days, _BY_WEEKDAY[(days + 3) % 7] * season, closed[:, : days.size])
    mine = np.flatnonzero(spans.year == number)
    usual = city.life.absence[pupils.records.child[spans.row[mine]]] * _BY_GRADE[spans.grade[mine]]
    usual = np.minimum(usual * np.exp(rng.normal(0, 0.18, mine.size)), 0.75)
    pieces = [
        _block(rng, pupils, mine[start : start + _BLOCK], usual[start : start + _BLOCK], term)
        for start in range(0, max(mine.size, 1), _BLOCK)
    ]
    span, on, status = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return Days(span, on, status, chance(rng, rate("absence.half_day"), span.size))


def _block(
    rng: np.random.Generator, pupils: Pupils, block: Ints, usual: Floats, term: _Term
) -> tuple[Ints, Ints, Ints]:
    """Return span, day and status of the events of a block of spans."""
    spans, days = pupils.spans, term.days
    there = (days >= spans.begin[block, None]) & (days <= spans.end[block, None])
    there &= ~term.closed[spans.school[block]]
    draw = rng.random((block.size, days.size), dtype=np.float32)
    odds = (usual[:, None] * term.weight[None, :]).astype(np.float32)
    absent, late = there & (draw < odds), there & (draw >= odds) & (draw < odds + rate("absence.tardy"))
    row, column = np.nonzero(absent | late)
    status = np.where(late[row, column], 2, (rng.random(row.size) > rate("absence.excused")).astype(np.int64))
    return block[row], days[column], status
