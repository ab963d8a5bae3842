"""Which rows a policy drops and takes with it: flags of protection and the victim-service rule of HMIS."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from support.load_cases import field, source, table

from assets.extracts.exclusions import FLAG_NOT_READABLE, NONE, VALUE_EXCLUDED, find_excluded, held_tables
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


SEALED = Exclusion("sealed", ("Y",), "sealed", "a statute", "sealed", True, "status.protection", ("N",))
HIDDEN = Exclusion("hidden", ("Y",), "hidden", "a statute", "hidden", True, "status.protection", ("N", "0"))
FLAGS = [
    # sealed  hidden   dropped by        because
    ("N",     "N",     None,             None),
    ("n",     " 0 ",   None,             None),
    ("Y",     "N",     "sealed",         VALUE_EXCLUDED),
    ("y ",    "N",     "sealed",         VALUE_EXCLUDED),
    ("Yes",   "N",     "sealed",         FLAG_NOT_READABLE),
    ("1",     "N",     "sealed",         FLAG_NOT_READABLE),
    ("No",    "N",     "sealed",         FLAG_NOT_READABLE),
    ("",      "N",     "sealed",         FLAG_NOT_READABLE),
    (None,    "N",     "sealed",         FLAG_NOT_READABLE),
    ("N",     "TRUE",  "hidden",         FLAG_NOT_READABLE),
    ("?",     "Y",     "hidden",         VALUE_EXCLUDED),  # what is known of a row comes before what is not
]  # fmt: skip


def clients(*rules):
    record = field("id", "id.record", "record")
    return source("welfare", table("clients", ["id"], "id", record, field("first", "name.given"), excludes=rules))


def flagged(columns):
    keys = [bytes([n]) * 16 for n in range(len(FLAGS))]
    return {"clients": pa.table({**columns, "__record_key": pa.array(keys, pa.binary(16))})}


def reasons(excluded):
    drops = [None if at == NONE else excluded.policies[at] for at in excluded.rows["clients"]]
    return [(drop and drop.exclusion.name, drop and drop.reason) for drop in drops]


def test_a_flag_of_protection_lets_a_record_through_only_with_a_value_known_to_be_safe():
    policy = clients(SEALED, HIDDEN)
    columns = {"sealed": pa.array([row[0] for row in FLAGS]), "hidden": pa.array([row[1] for row in FLAGS])}
    found = find_excluded(policy, shape_of(policy), flagged(columns))
    assert reasons(found) == [row[2:] for row in FLAGS]
    assert found.protected.to_pylist() == [bytes([n]) * 16 for n, row in enumerate(FLAGS) if row[2]]


def test_a_column_of_flags_that_is_not_there_protects_every_record():
    policy = clients(SEALED)
    found = find_excluded(policy, shape_of(policy), flagged({"hidden": pa.array(["N"] * len(FLAGS))}))
    assert reasons(found) == [("sealed", FLAG_NOT_READABLE)] * len(FLAGS)


def test_an_exclusion_that_protects_nobody_takes_only_the_values_it_names():
    policy = clients(Exclusion("sealed", ("Y",), "staff", "a rule", "staff", False, "education.role"))
    found = find_excluded(policy, shape_of(policy), flagged({"sealed": pa.array([row[0] for row in FLAGS])}))
    assert [name for name, _ in reasons(found)] == ["staff" if row[0] in {"Y", "y "} else None for row in FLAGS]
    assert len(found.protected) == 0


def test_what_refers_to_a_record_with_an_unreadable_flag_goes_for_the_same_reason():
    rule = Exclusion(**{**RULE.__dict__, "cls": "status.protection", "safe": ("0",)})
    policy = hmis()
    tables = {name: t if name != "Organization" else table_with(t, rule) for name, t in policy.tables.items()}
    policy = source("hmis", *tables.values(), standard="hmis-csv-2026")
    found = find_excluded(policy, shape_of(policy), held({**CITY, "Organization": "o1 0 / o2 9 / o3 0"}))
    assert outcome(found, CITY)[1] == ["bea", "cam"]
    assert {found.policies[at].reason for rows in found.rows.values() for at in rows if at != NONE} == {
        FLAG_NOT_READABLE
    }
    assert len(found.protected) == 2


def test_a_list_of_protected_records_beside_the_extract_takes_them_out():
    record = field("id", "id.record", "record")
    people = table("people", ["id"], "id", record, field("first", "name.given"))
    policy = source("aid", people, table("listed", ["id"], "id", record, excludes=(SEALED,)))
    keys = [name.encode().ljust(16) for name in ("bea", "cam")]
    listed = {"id": ["bea", "cam"], "sealed": ["Y", "N"], "__record_key": pa.array(keys, pa.binary(16))}
    found = find_excluded(policy, shape_of(policy), {"listed": pa.table(listed)})
    assert found.protected.to_pylist() == keys[:1]


def table_with(of, rule):
    return replace(of, excludes=(rule,))
