"""Which rows a policy takes with it: the victim-service rule of HMIS, as tables in and dropped rows out."""

from __future__ import annotations

import pyarrow as pa
import pytest
from support.load_cases import field, source, table

from assets.extracts.exclusions import NONE, find_excluded, held_tables
from assets.extracts.references import shape_of
from mou_policies.model import Exclusion

RULE = Exclusion(
    "VictimServiceProvider", ("1",), "a victim service provider", "34 USC 12291(b)(2)", "victim-service", True
)


def hmis(cascade=True):
    rule = Exclusion(**{**RULE.__dict__, "cascade": cascade})
    record = field("PersonalID", "id.record", "record")
    return source(
        "hmis",
        table("Client", ["PersonalID"], "PersonalID", record, field("FirstName", "name.given")),
        table("Organization", ["OrganizationID"], None, excludes=(rule,)),
        table("Project", ["ProjectID"], None),
        table("Enrollment", ["EnrollmentID"], "PersonalID", record),
        table("Exit", ["ExitID"], "PersonalID", record),
        standard="hmis-csv-2026",
    )


COLUMNS = {
    "Organization": "OrganizationID VictimServiceProvider",
    "Project": "ProjectID OrganizationID",
    "Enrollment": "EnrollmentID ProjectID PersonalID",
    "Exit": "ExitID EnrollmentID PersonalID",
}
CITY = {
    "Organization": "o1 0 / o2 1 / o3 0",
    "Project": "p1 o1 / p2 o2 / p3 o2",
    "Enrollment": "e1 p1 ann / e2 p2 ann / e3 p2 bea / e4 p3 cam / e5 p1 dee",
    "Exit": "x1 e1 ann / x2 e2 ann / x3 e3 bea / x5 e5 dee",
}


def held(tables):
    made = {}
    for name, text in tables.items():
        rows = [row.split() for row in text.split(" / ")]
        columns = COLUMNS[name].split()
        columns_of = {c: pa.array([row[i] for row in rows]) for i, c in enumerate(columns)}
        if "PersonalID" in columns:
            keys = [row[columns.index("PersonalID")].encode().ljust(16) for row in rows]
            columns_of["__record_key"] = pa.array(keys, pa.binary(16))
        made[name] = pa.table(columns_of)
    return made


def outcome(excluded, tables):
    dropped = {
        name: [
            row.split()[0] for row, policy in zip(text.split(" / "), excluded.rows[name], strict=True) if policy != NONE
        ]
        for name, text in tables.items()
    }
    return dropped, sorted({key.decode().strip() for key in excluded.records.to_pylist()})


CASES = {
    # what stands in the tables: (rows dropped by table, persons dropped whole)
    "a person with another enrolment stays, one without goes": (
        CITY,
        {"Organization": ["o2"], "Project": ["p2", "p3"], "Enrollment": ["e2", "e3", "e4"], "Exit": ["x2", "x3"]},
        ["bea", "cam"],
    ),
    "no victim service, nothing goes": (
        {**CITY, "Organization": "o1 0 / o2 0 / o3 0"},
        {"Organization": [], "Project": [], "Enrollment": [], "Exit": []},
        [],
    ),
    "all are victim services, everyone goes": (
        {**CITY, "Organization": "o1 1 / o2 1 / o3 1"},
        {
            "Organization": ["o1", "o2", "o3"],
            "Project": ["p1", "p2", "p3"],
            "Enrollment": ["e1", "e2", "e3", "e4", "e5"],
            "Exit": ["x1", "x2", "x3", "x5"],
        },
        ["ann", "bea", "cam", "dee"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_cascading_exclusion_drops(case):
    tables, rows, persons = CASES[case]
    policy = hmis()
    assert outcome(find_excluded(policy, shape_of(policy), held(tables)), tables) == (rows, persons)


def test_without_cascade_only_the_row_itself_goes():
    policy = hmis(cascade=False)
    dropped, persons = outcome(find_excluded(policy, shape_of(policy), held(CITY)), CITY)
    assert (dropped, persons) == ({"Organization": ["o2"], "Project": [], "Enrollment": [], "Exit": []}, [])


def test_only_tables_that_an_exclusion_reaches_are_held_in_memory():
    policy = hmis()
    assert held_tables(policy, shape_of(policy)) == ("Organization", "Project", "Enrollment", "Exit")
    policy = hmis(cascade=False)
    assert held_tables(policy, shape_of(policy)) == ("Organization",)


def test_a_cascade_that_cannot_be_followed_is_refused():
    from assets.extracts.checks import SourceRefusedError

    policy = hmis()
    tables = held(CITY)
    tables["Project"] = tables["Project"].drop_columns(["OrganizationID"])
    with pytest.raises(SourceRefusedError, match=r"Project\.OrganizationID"):
        find_excluded(policy, shape_of(policy), tables)
