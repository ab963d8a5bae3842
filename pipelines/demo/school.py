"""School district: the OneRoster 1.1 bulk zip of each night.

Belongs here: manifest, orgs, academicSessions, courses, classes, users (students and teachers),
demographics, enrollments; status and dateLastModified stay empty as bulk mode demands; metadata.* columns
follow the fixed ones. Does not belong here: who attends which school (pupils), attendance.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo import names, rates
from pipelines.demo.days import SCHOOL_YEARS, night_date, written
from pipelines.demo.draw import Ints, Mask, chance, digits, uuids, weighted
from pipelines.demo.identity import Identities
from pipelines.demo.nights import Records
from pipelines.demo.place import CITY, STATE, City, bad_lines
from pipelines.demo.pupils import GRADES, LEVELS, Pupils
from pipelines.demo.text import Part, glue, save_zip, table_bytes, take

AGENCY = "school_district"
METADATA = ("metadata.zip", "metadata.motherGiven", "metadata.motherFamily")
_FILES = ("academicSessions", "classes", "courses", "demographics", "enrollments", "orgs", "users")
_ABSENT = ("categories", "classResources", "courseResources", "lineItems", "resources", "results")
_NAMES = (
    "Roosevelt",
    "Lincoln",
    "Harbor",
    "Hillside",
    "Riverside",
    "Union",
    "Hope",
    "Elmwood",
    "Washington",
    "Franklin",
)
_NEIGHBOURHOODS = ("South Side", "West End", "North End", "East Side")
_SUBJECTS = ("Homeroom", "English Language Arts")


def headers() -> dict[str, list[str]]:
    """Return the columns of every OneRoster 1.1 file, in order, without metadata columns."""
    return {row["file"]: row["columns"].split("|") for row in rates.rows("oneroster_11.csv")}


def school_ids(level: Ints) -> pa.Array:
    """Return the sourcedId of each school."""
    return glue("sch-", digits(1000 + np.arange(level.size), 4))


def deliver(city: City, pupils: Pupils) -> Records:
    """Write the zip of each night and return the student records."""
    book = Identities(city.children, pupils.records)
    fixed = _reference(pupils)
    teachers, teaching = _teachers(city, pupils)
    enrolments, rows = _enrolments(city, pupils)
    demographics = _demographics(city, pupils.records)
    for night in range(1, city.nights + 1):
        seen = pupils.records.visible(night)
        shown = pa.array(np.flatnonzero(seen))
        identity = book.on(night)
        own = {**demographics, "birthDate": identity.born(), "sex": _sex(identity.sex)}
        tables = {
            **fixed,
            "users": (take(_students(pupils, identity.__dict__), shown), teachers),
            "demographics": (take(own, shown),),
            "enrollments": (take(enrolments, pa.array(np.flatnonzero(seen[rows]))), teaching),
        }
        _save(city, night, tables)
    return pupils.records


def _sex(sex: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(sex, "F"), "female", "male")


def _class_of(school: Ints, year: Ints, grade: Ints, subject: int) -> pa.Array:
    return glue("cls-", digits(1000 + school, 4), "-", digits(2025 + year), "-", digits(grade, 2), f"-{subject}")


def _students(pupils: Pupils, identity: dict[str, pa.Array]) -> dict[str, Part]:
    spans, size = pupils.spans, pupils.records.size
    last = np.zeros(size, dtype=np.int64)
    order = np.lexsort((spans.begin,))
    last[spans.row[order]] = order
    number = digits(200_000 + np.arange(size))
    return {
        "sourcedId": pupils.records.ids,
        "enabledUser": "true",
        "orgSourcedIds": school_ids(pupils.level).take(pa.array(spans.school[last])),
        "role": "student",
        "username": glue("s", number),
        "userIds": glue("{LASID:", number, "}"),
        "givenName": identity["given"],
        "familyName": identity["surname"],
        "middleName": identity["middle"],
        "identifier": number,
        "email": glue("s", number, "@students.example.org"),
        "grades": pa.array(GRADES).take(pa.array(spans.grade[last])),
        "metadata.zip": identity["zip"],
        "metadata.motherGiven": identity["mother_given"],
        "metadata.motherFamily": identity["mother_surname"],
    }


def _demographics(city: City, records: Records) -> dict[str, Part]:
    rng = city.stream("school", "race")
    group = city.children.families.group[city.children.family[records.child]]
    blank = chance(rng, 0.015, records.size)
    multi = group == names.GROUPS.index("multi")
    hispanic = group == names.GROUPS.index("hispanic")
    white_too = hispanic & (rng.random(records.size) < 0.62)
    second = multi & (rng.random(records.size) < 0.6)

    def flag(*groups: str, also: Mask | None = None) -> pa.Array:
        has = np.isin(group, [names.GROUPS.index(name) for name in groups])
        if also is not None:
            has |= also
        return pc.if_else(pa.array(blank), "", pc.if_else(pa.array(has), "true", "false"))

    return {
        "sourcedId": records.ids,
        "birthDate": "",
        "sex": "",
        "americanIndianOrAlaskaNative": flag("aian", also=multi & ~second),
        "asian": flag("vietnamese", "chinese", "south_asian"),
        "blackOrAfricanAmerican": flag("black", also=second),
        "nativeHawaiianOrOtherPacificIslander": flag("nhpi"),
        "white": flag("white", also=multi | white_too),
        "demographicRaceTwoOrMoreRaces": flag("multi"),
        "hispanicOrLatinoEthnicity": flag("hispanic"),
        "countryOfBirthCode": "US",
        "stateOfBirthAbbreviation": pc.if_else(pa.array(city.children.born_here[records.child]), STATE, ""),
        "cityOfBirth": pc.if_else(pa.array(city.children.born_here[records.child]), CITY, ""),
        "publicSchoolResidenceStatus": "01652",
    }


def _enrolments(city: City, pupils: Pupils) -> tuple[dict[str, Part], Ints]:
    """Return enrolments in homerooms and, from grade 6, in a second class; and the record row of each."""
    spans = pupils.spans
    rows = np.concatenate([np.arange(spans.row.size), np.flatnonzero(spans.grade >= GRADES.index("06"))])
    subject = pa.array(np.arange(rows.size) >= spans.row.size)
    pick = [spans.school[rows], spans.year[rows], spans.grade[rows]]
    open_year = (spans.year[rows] == 2) & (spans.end[rows] >= SCHOOL_YEARS[2].end)
    rng = city.stream("school", "enrolments")
    columns: dict[str, Part] = {
        "sourcedId": uuids(rng, rows.size, "enr-"),
        "classSourcedId": pc.if_else(
            subject, _class_of(pick[0], pick[1], pick[2], 1), _class_of(pick[0], pick[1], pick[2], 0)
        ),
        "schoolSourcedId": school_ids(pupils.level).take(pa.array(pick[0])),
        "userSourcedId": pupils.records.ids.take(pa.array(spans.row[rows])),
        "role": "student",
        "primary": "false",
        "beginDate": written(spans.begin[rows]),
        "endDate": written(spans.end[rows], missing=open_year),
    }
    return columns, spans.row[rows]


def _teachers(city: City, pupils: Pupils) -> tuple[dict[str, Part], dict[str, Part]]:
    """Return one teacher a school and grade, and the classes each teaches."""
    grades = [range(7), range(7, 10), range(10, 14)]
    pairs = np.array([(school, grade) for school, level in enumerate(pupils.level.tolist()) for grade in grades[level]])
    rng, size = city.stream("school", "teachers"), len(pairs)
    book = names.tables()
    given = weighted(rng, book.adult_weights["F"], size)
    last = weighted(rng, book.surname_weights["white"], size)
    ids, number = uuids(rng, size, "tea-"), digits(9000 + np.arange(size))
    orgs = school_ids(pupils.level).take(pa.array(pairs[:, 0]))
    users: dict[str, Part] = {
        "sourcedId": ids,
        "enabledUser": "true",
        "orgSourcedIds": orgs,
        "role": "teacher",
        "username": glue("t", number),
        "givenName": book.given.text(given, names.PLAIN),
        "familyName": book.surnames.text(last, names.PLAIN),
        "identifier": number,
        "email": glue("t", number, "@schools.example.org"),
    }
    teaching: dict[str, Part] = {
        "sourcedId": uuids(rng, size, "enr-"),
        "classSourcedId": _class_of(pairs[:, 0], np.full(size, 2), pairs[:, 1], 0),
        "schoolSourcedId": orgs,
        "userSourcedId": ids,
        "role": "teacher",
        "primary": "true",
        "beginDate": "2026-08-31",
    }
    return users, teaching


def _reference(pupils: Pupils) -> dict[str, tuple[dict[str, Part], ...]]:
    """Return orgs, academicSessions, courses and classes."""
    level, spans = pupils.level, pupils.spans
    schools = np.arange(level.size)
    title = glue(
        pa.array(_NAMES).take(pa.array(schools % len(_NAMES))),
        " ",
        pa.array([name.title() for name in LEVELS]).take(pa.array(level)),
        pc.if_else(pa.array(schools >= len(_NAMES)), glue(" ", digits(1 + schools // len(_NAMES))), ""),
    )
    keys = np.unique(np.stack([spans.school, spans.year, spans.grade]), axis=1)
    both = [(keys, 0), (keys[:, keys[2] >= GRADES.index("06")], 1)]
    district: dict[str, Part] = {
        "sourcedId": pa.array(["district-1"]),
        "name": f"{CITY} Public Schools",
        "type": "district",
        "identifier": "28",
    }
    nearby = _neighbourhood(level)
    local: dict[str, Part] = {
        "sourcedId": glue("local-", digits(1 + np.unique(nearby))),
        "name": pa.array(_NEIGHBOURHOODS).take(pa.array(np.unique(nearby))),
        "type": "local",
        "identifier": "",
        "parentSourcedId": "district-1",
    }
    orgs: dict[str, Part] = {
        "sourcedId": school_ids(level),
        "name": title,
        "type": "school",
        "identifier": digits(28_100 + schools),
        "parentSourcedId": glue("local-", digits(1 + nearby)),
    }
    labels = [year.label for year in SCHOOL_YEARS]
    sessions: dict[str, Part] = {
        "sourcedId": pa.array([f"year-{label}" for label in labels]),
        "title": pa.array(labels),
        "type": "schoolYear",
        "startDate": pa.array([_iso(year.start) for year in SCHOOL_YEARS]),
        "endDate": pa.array([_iso(year.end) for year in SCHOOL_YEARS]),
        "schoolYear": pa.array([str(int(label[:4]) + 1) for label in labels]),
    }
    courses: dict[str, Part] = {
        "sourcedId": pa.array(["crs-0", "crs-1"]),
        "title": pa.array(_SUBJECTS),
        "courseCode": pa.array(["HR", "ELA"]),
        "orgSourcedId": "district-1",
    }
    return {
        "orgs": (district, local, orgs),
        "academicSessions": (sessions,),
        "courses": (courses,),
        "classes": tuple(_classes(pupils, key, subject) for key, subject in both),
    }


def _neighbourhood(level: Ints) -> Ints:
    """Return the neighbourhood of each school (index): the schools of a level lie in turn in each of two to four."""
    first = np.searchsorted(level, level)
    fewest = np.bincount(level).min()
    return np.asarray((np.arange(level.size) - first) % min(len(_NEIGHBOURHOODS), max(2, fewest)), np.int64)


def _iso(number: int) -> str:
    return str(written(np.array([number]))[0].as_py())


def _classes(pupils: Pupils, key: Ints, subject: int) -> dict[str, Part]:
    grade = pa.array(GRADES).take(pa.array(key[2]))
    label = pa.array([year.label for year in SCHOOL_YEARS]).take(pa.array(key[1]))
    return {
        "sourcedId": _class_of(key[0], key[1], key[2], subject),
        "title": glue(f"{_SUBJECTS[subject]} ", grade, " ", label),
        "grades": grade,
        "courseSourcedId": f"crs-{subject}",
        "classType": "scheduled" if subject else "homeroom",
        "schoolSourcedId": school_ids(pupils.level).take(pa.array(key[0])),
        "termSourcedIds": glue("year-", label),
    }


def _save(city: City, night: int, tables: dict[str, tuple[dict[str, Part], ...]]) -> None:
    rng, members, columns = city.stream("school", "bad"), {}, headers()
    for file in _FILES:
        wanted = [*columns[file], *(METADATA if file == "users" else ())]
        ordered: list[dict[str, Part]] = [{name: part.get(name, "") for name in wanted} for part in tables[file]]
        bad: list[str] = []
        if night == 1 and file == "users":
            bad = bad_lines(rng, ordered[0], missing="sourcedId", short=False)
        if night == 1 and file == "enrollments":
            bad = bad_lines(rng, ordered[0], orphan="userSourcedId", duplicate=False)
        body = table_bytes(ordered[0], bad_lines=bad)
        for more in ordered[1:]:
            body += table_bytes(more).split(b"\n", 1)[1]
        members[f"{file}.csv"] = body
    state = {**{f"file.{file}": "bulk" for file in _FILES}, **{f"file.{file}": "absent" for file in _ABSENT}}
    lines = {
        "manifest.version": "1.0",
        "oneroster.version": "1.1",
        **dict(sorted(state.items())),
        "source.systemName": "Demo SIS",
        "source.systemCode": "demo-sis",
    }
    members["manifest.csv"] = ("propertyName,value\n" + "".join(f"{k},{v}\n" for k, v in lines.items())).encode()
    save_zip(city.folder(AGENCY, night) / f"oneroster_{night_date(night).replace('-', '')}.zip", members)
