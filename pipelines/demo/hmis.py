"""Human services: the HMIS CSV FY2026 export, one zip with all 24 files, as a full refresh.

Belongs here: Export, Organization, Project, Client, Enrollment, Exit and the headers of the other files
(data/hmis_2026.csv). Clients are children and the adults they live with; truth calls adult n of the city
`A…`. Does not belong here: which families lose their home (families, circumstances).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo import names, rates
from pipelines.demo.days import FIRST_NIGHT, YEAR, night_date, written
from pipelines.demo.draw import Ints, Mask, between, chance, digits, hex_ids, weighted
from pipelines.demo.identity import Identities
from pipelines.demo.nights import Records, schedule
from pipelines.demo.place import STATE, City, bad_lines
from pipelines.demo.rates import rate
from pipelines.demo.text import Part, glue, save_zip, table_bytes, take

AGENCY = "human_services"
LAST_NIGHT = 2
_ORGANIZATIONS = (
    "Harbor Family Shelter",
    "Crossing Bridges",
    "Rhode House",
    "Open Door Housing",
    "Safe Steps",
)
_VICTIM_SERVICE = 4
# Name, organization, project type: 0 and 1 emergency shelter, 2 transitional, 3 supportive, 12 prevention,
# 13 rapid re-housing.
_PROJECTS = (
    ("Harbor Shelter", 0, 0),
    ("Harbor Rapid Re-Housing", 0, 13),
    ("Crossing Night Shelter", 1, 1),
    ("Crossing Transitional", 1, 2),
    ("Rhode House Families", 2, 0),
    ("Rhode Supportive", 2, 3),
    ("Open Door Prevention", 3, 12),
    ("Open Door Rapid", 3, 13),
    ("Safe Steps Shelter", 4, 0),
)
_FLAGS = {
    "AmIndAKNative": ("aian",),
    "Asian": ("vietnamese", "chinese", "south_asian"),
    "BlackAfAmerican": ("black",),
    "HispanicLatinao": ("hispanic",),
    "MidEastNAfrican": (),
    "NativeHIPacific": ("nhpi",),
    "White": ("white", "multi"),
}
_SITUATIONS = ("116", "101", "336", "335", "302", "118", "99")
_DESTINATIONS = ("410", "421", "422", "423", "313", "312", "116", "30", "99")


@dataclass(frozen=True)
class Stays:
    """Enrolments, one row each: record row, household, project and days (end 0 = still there)."""

    row: Ints
    household: Ints
    project: Ints
    start: Ints
    end: Ints


def headers() -> dict[str, list[str]]:
    """Return the columns of every file of the FY2026 specification, in order."""
    return {row["file"]: row["columns"].split("|") for row in rates.rows("hmis_2026.csv")}


def deliver(city: City) -> Records:
    """Write the zip of each night and return the records of children and adults."""
    records, stays = _households(city)
    kids = _children_only(records)
    book = Identities(city.children, kids)
    rng = city.stream("hmis", "ids")
    ids = {"enrolment": hex_ids(rng, stays.row.size), "exit": hex_ids(rng, stays.row.size)}
    for night in range(1, min(city.nights, LAST_NIGHT) + 1):
        tables = {
            **_reference(night),
            "Client": _clients(city, records, book, night),
            "Enrollment": _enrolments(city, records, stays, ids, night),
            "Exit": _exits(city, records, stays, ids, night),
        }
        stamp = night_date(night).replace("-", "")
        _save(city, night, f"hmis_{stamp}.zip", tables)
    return records


def _children_only(records: Records) -> Records:
    kids = records.child >= 0
    columns = {n: v[kids] for n, v in records.__dict__.items() if isinstance(v, np.ndarray)}
    return Records(records.source, ids=records.ids.filter(pa.array(kids)), **columns)


def _households(city: City) -> tuple[Records, Stays]:
    """Return the client records (children first, then mothers) and their stays."""
    children, home, rng = city.children, city.children.families, city.stream("hmis", "households")
    inside = chance(rng, np.where(home.unstable, rate("hmis.unstable"), rate("hmis.stable")), home.size)
    start = between(rng, FIRST_NIGHT - 3 * YEAR, np.full(home.size, FIRST_NIGHT - 25))
    length = 14 + np.minimum(rng.gamma(1.2, 95, home.size), 700).astype(np.int64)
    again = inside & chance(rng, 0.35, home.size) & (start + length + 60 < FIRST_NIGHT)
    second = between(rng, start + length + 40, np.full(home.size, FIRST_NIGHT - 5))
    who = np.flatnonzero(inside[children.family] & (children.birth < start[children.family] + length[children.family]))
    who = who[(children.first_night[who] == 1) & (children.leaves[who] > start[children.family[who]])]
    twice = who[chance(rng, rate("hmis.duplicate"), who.size)]
    adults = -1 - np.unique(children.family[who])
    everyone = np.concatenate([who, twice, adults])
    family = np.where(everyone >= 0, children.family[np.maximum(everyone, 0)], -1 - everyone)
    seen = np.minimum(start[family] + 3, FIRST_NIGHT - 1)
    nights = np.ones(everyone.size, dtype=np.int64)
    records = schedule(city.seed, "hmis", everyone, hex_ids(rng, everyone.size), seen, nights=nights, last=LAST_NIGHT)
    shelter = chance(rng, rate("hmis.victim_service"), home.size)
    projects = [np.where(shelter, len(_PROJECTS) - 1, rng.integers(0, len(_PROJECTS) - 1, home.size)) for _ in range(2)]
    copy = np.zeros(everyone.size, dtype=bool)
    copy[who.size : who.size + twice.size] = True
    rows = [
        np.flatnonzero(~copy | ~again[family]),
        np.flatnonzero((copy | (everyone < 0) | ~copy) & again[family]),
    ]
    begin, stay_end = [start, second], [start + length, second + length // 2 + 10]
    stays = Stays(
        row=np.concatenate(rows),
        household=np.concatenate([family[rows[0]] * 2, family[rows[1]] * 2 + 1]),
        project=np.concatenate([projects[n][family[rows[n]]] for n in range(2)]),
        start=np.concatenate([begin[n][family[rows[n]]] for n in range(2)]),
        end=np.concatenate([stay_end[n][family[rows[n]]] for n in range(2)]),
    )
    birth = np.where(everyone >= 0, children.birth[np.maximum(everyone, 0)], 0)[stays.row]
    return records, Stays(**{**stays.__dict__, "start": np.maximum(stays.start, birth + 1)})


def _stamped(night: int, deleted: Mask | None, size: int) -> dict[str, Part]:
    gone = np.zeros(size, dtype=bool) if deleted is None else deleted
    when = f"{night_date(night)} 00:05:00"
    return {
        "DateCreated": "2026-01-15 09:00:00",
        "DateUpdated": "2026-08-20 09:00:00",
        "UserID": "u-7",
        "DateDeleted": pc.if_else(pa.array(gone), when, ""),
        "ExportID": f"exp{night_date(night).replace('-', '')}",
    }


def _clients(city: City, records: Records, book: Identities, night: int) -> dict[str, Part]:
    children, home, book_now = city.children, city.children.families, book.on(night)
    adults = -1 - records.child[records.child < 0]
    group = home.group[np.concatenate([children.family[records.child[records.child >= 0]], adults])]
    given, last = names.tables().given, names.tables().surnames
    birth = pa.concat_arrays([book_now.born(), written(home.mother_birth[adults])])
    ssn = pa.concat_arrays([book_now.ssn, digits(home.mother_ssn[adults], 9)])
    sex = pc.if_else(pc.equal(book_now.sex, "F"), "0", "1")
    sex = pa.concat_arrays([pc.fill_null(sex, "99"), pa.array(["0"] * adults.size, pa.string())])
    none = chance(city.stream("hmis", "race"), 0.06, group.size)
    columns: dict[str, Part] = {
        "PersonalID": records.ids,
        "FirstName": pa.concat_arrays([book_now.given, given.text(home.mother_given[adults], names.PLAIN)]),
        "MiddleName": pa.concat_arrays([book_now.middle, given.text(home.mother_middle[adults], names.PLAIN)]),
        "LastName": pa.concat_arrays([book_now.surname, last.text(home.mother_surname[adults], names.PLAIN)]),
        "NameDataQuality": "1",
        "SSN": ssn,
        "SSNDataQuality": pc.if_else(pc.is_valid(ssn), "1", "99"),
        "DOB": birth,
        "DOBDataQuality": pc.if_else(pc.is_valid(birth), "1", "99"),
        "Sex": sex,
        "RaceNone": pc.if_else(pa.array(none), "99", ""),
        "VeteranStatus": pc.if_else(pa.array(records.child < 0), "0", "99"),
    }
    for flag, groups in _FLAGS.items():
        own = np.isin(group, [names.GROUPS.index(name) for name in groups])
        if flag == "BlackAfAmerican":
            own |= group == names.GROUPS.index("multi")
        columns[flag] = pc.if_else(pa.array(own & ~none), "1", "0")
    return _visible({**columns, **_stamped(night, _deleted(records, night), records.size)}, records.first <= night)


def _deleted(records: Records, night: int) -> Mask:
    return (records.withdrawn > 0) & (records.withdrawn <= night)


def _visible(columns: Mapping[str, Part], rows: Mask) -> dict[str, Part]:
    return take(columns, pa.array(np.flatnonzero(rows)))


def _enrolments(city: City, records: Records, stays: Stays, ids: dict[str, pa.Array], night: int) -> dict[str, Part]:
    rng, row = city.stream("hmis", "enrolments"), pa.array(stays.row)
    adult = records.child[stays.row] < 0
    situation = pa.array(_SITUATIONS).take(pa.array(weighted(rng, (40, 12, 14, 14, 8, 2, 10), stays.row.size)))
    columns: dict[str, Part] = {
        "EnrollmentID": ids["enrolment"],
        "PersonalID": records.ids.take(row),
        "ProjectID": _code("P", stays.project),
        "EntryDate": written(stays.start),
        "HouseholdID": digits(500_000 + stays.household, 8),
        "RelationshipToHoH": pc.if_else(pa.array(adult), "1", "2"),
        "EnrollmentCoC": f"{STATE}-500",
        "LivingSituation": pc.if_else(pa.array(adult | (rng.random(adult.size) < 0.6)), situation, "99"),
        "DisablingCondition": "99",
        **_stamped(night, _deleted(records, night)[stays.row], stays.row.size),
    }
    return _visible(columns, records.first[stays.row] <= night)


def _exits(city: City, records: Records, stays: Stays, ids: dict[str, pa.Array], night: int) -> dict[str, Part]:
    rng, row = city.stream("hmis", "exits"), pa.array(stays.row)
    columns: dict[str, Part] = {
        "ExitID": ids["exit"],
        "EnrollmentID": ids["enrolment"],
        "PersonalID": records.ids.take(row),
        "ExitDate": written(stays.end),
        "Destination": pa.array(_DESTINATIONS).take(
            pa.array(weighted(rng, (26, 4, 18, 12, 12, 8, 10, 6, 4), stays.row.size))
        ),
        **_stamped(night, _deleted(records, night)[stays.row], stays.row.size),
    }
    return _visible(
        columns, (records.first[stays.row] <= night) & (stays.end < FIRST_NIGHT) & (stays.end > stays.start)
    )


def _code(prefix: str, numbers: Ints) -> pa.Array:
    return glue(f"{prefix}-", digits(100 + numbers))


def _reference(night: int) -> dict[str, dict[str, Part]]:
    """Return Export, User, Organization and Project."""
    stamp, size = night_date(night), len(_PROJECTS)
    projects = np.arange(size)
    return {
        "Export": {
            "ExportID": pa.array([f"exp{stamp.replace('-', '')}"]),
            "SourceType": "1",
            "SourceID": f"{STATE}-500",
            "SourceName": "City HMIS",
            "SourceContactFirst": "Data",
            "SourceContactLast": "Desk",
            "ExportDate": f"{stamp} 00:05:00",
            "ExportStartDate": "2023-07-01",
            "ExportEndDate": stamp,
            "SoftwareName": "Demo HMIS",
            "SoftwareVersion": "1",
            "CSVVersion": "2026 v1",
            "ExportPeriodType": "3",
            "ExportDirective": "2",
            "HashStatus": "1",
            "ImplementationID": "demo",
        },
        "User": {
            "UserID": pa.array(["u-7"]),
            "UserFirstName": "Data",
            "UserLastName": "Desk",
            **_stamped(night, None, 1),
        },
        "Organization": {
            "OrganizationID": _code("ORG", np.arange(len(_ORGANIZATIONS))),
            "OrganizationName": pa.array(_ORGANIZATIONS),
            "VictimServiceProvider": pc.if_else(pa.array(np.arange(len(_ORGANIZATIONS)) == _VICTIM_SERVICE), "1", "0"),
            **_stamped(night, None, len(_ORGANIZATIONS)),
        },
        "Project": {
            "ProjectID": _code("P", projects),
            "OrganizationID": _code("ORG", np.array([row[1] for row in _PROJECTS])),
            "ProjectName": pa.array([row[0] for row in _PROJECTS]),
            "OperatingStartDate": "2015-01-01",
            "ContinuumProject": "1",
            "ProjectType": digits(np.array([row[2] for row in _PROJECTS])),
            "TargetPopulation": "4",
            **_stamped(night, None, size),
        },
    }


def _save(city: City, night: int, name: str, tables: dict[str, dict[str, Part]]) -> None:
    """Write the zip: every file of the specification, most as headers; on night 1 some unusable lines."""
    rng, members = city.stream("hmis", "bad"), {}
    for file, columns in headers().items():
        given = tables.get(file)
        if given is None:
            members[f"{file}.csv"] = (",".join(columns) + "\n").encode()
            continue
        ordered: dict[str, Part] = {column: given.get(column, "") for column in columns}
        bad: list[str] = []
        if night == 1 and file == "Client":
            bad = bad_lines(rng, ordered, missing="PersonalID", short=False)
        if night == 1 and file == "Enrollment":
            bad = bad_lines(rng, ordered, orphan="PersonalID", duplicate=False)
        members[f"{file}.csv"] = table_bytes(ordered, bad_lines=bad)
    save_zip(city.folder(AGENCY, night) / name, members)
