"""Spec: OneRoster 1.1 deliveries: what the manifest says, what the rows may say, what is refused."""

from __future__ import annotations

import pytest
from support.reader_sources import problems, read_all, source, table, zipped

from assets.extracts.delivery import WITHDRAWN, DeliveryError, open_delivery

USERS = table("users", ["sourcedId", "role", "givenName", "metadata.zip"], record="sourcedId")
DEMOGRAPHICS = table("demographics", ["sourcedId", "birthDate"], record="sourcedId", optional=True)
HEADER = "sourcedId,status,dateLastModified,role,givenName,metadata.zip\n"
MANIFEST = {
    "manifest.version": "1.0",
    "oneroster.version": "1.1",
    "file.users": "bulk",
    "file.demographics": "absent",
}


def roster(tmp_path, stated=None, **files):
    lines = "propertyName,value\n" + "".join(f"{k},{v}\n" for k, v in (MANIFEST | (stated or {})).items())
    members = {"manifest.csv": lines, "users.csv": HEADER + "u1,,,student,Ann,12345\n"}
    members |= {f"{name}.csv": text for name, text in files.items()}
    path = zipped(tmp_path / "oneroster.zip", {name: text for name, text in members.items() if text is not None})
    return open_delivery(source("oneroster-1.1", [DEMOGRAPHICS, USERS]), [path])


def test_bulk_is_full(tmp_path):
    delivery = roster(tmp_path)
    assert (delivery.mode, delivery.tables) == ("full", ("users",))
    assert read_all(delivery, "users") == [
        {
            "sourcedId": "u1",
            "role": "student",
            "givenName": "Ann",
            "metadata.zip": "12345",
            "__row": 2,
            WITHDRAWN: False,
        }
    ]


BULK = [
    # status, dateLastModified, used
    ("", "", True),
    ("active", "2026-01-01", True),
    ("", "2026-01-01", True),
    ("tobedeleted", "2026-01-01", False),
    ("inactive", "", False),
]


@pytest.mark.parametrize(("status", "modified", "used"), BULK)
def test_rows_of_a_bulk_file(tmp_path, status, modified, used):
    delivery = roster(tmp_path, users=HEADER + f"u1,{status},{modified},student,Ann,1\n")
    assert len(read_all(delivery, "users")) == used
    assert problems(delivery) == ([] if used else [(2, "a status that only a delta file can have, in a bulk file")])


DELTA = [
    # status, dateLastModified, used, withdrawn
    ("active", "2026-01-01T00:00:00Z", True, False),
    ("tobedeleted", "2026-01-01T00:00:00Z", True, True),
    ("ToBeDeleted", "2026-01-01T00:00:00Z", True, True),
    ("", "2026-01-01T00:00:00Z", False, None),
    ("active", "", False, None),
]


@pytest.mark.parametrize(("status", "modified", "used", "withdrawn"), DELTA)
def test_rows_of_a_delta_file(tmp_path, status, modified, used, withdrawn):
    text = HEADER + f"u1,{status},{modified},student,Ann,1\n"
    delivery = roster(tmp_path, {"file.users": "delta"}, users=text)
    assert delivery.mode == "delta"
    rows = read_all(delivery, "users")
    assert [row[WITHDRAWN] for row in rows] == ([withdrawn] if used else [])
    assert problems(delivery) == ([] if used else [(2, "status or dateLastModified missing in a delta file")])


def test_names_of_older_drafts(tmp_path):
    """userSourcedId and birthdate of 1.0 are sourcedId and birthDate of 1.1; case does not matter."""
    text = "USERSOURCEDID,status,datelastmodified,birthdate\nu1,,,2015-05-05\n"
    delivery = roster(tmp_path, {"file.demographics": "bulk"}, demographics=text)
    assert delivery.tables == ("users", "demographics")
    rows = read_all(delivery, "demographics")
    assert [(row["sourcedId"], row["birthDate"]) for row in rows] == [("u1", "2015-05-05")]


REFUSED = [
    # manifest says, files, what is told
    ({"oneroster.version": "1.2"}, {}, "the delivery is OneRoster 1.2, expected 1.1 or 1.0"),
    ({"oneroster.version": "v1p2"}, {}, "the delivery is OneRoster 1.2"),
    ({"oneroster.version": "Ann Lee"}, {}, "a version that cannot be read"),
    ({"file.users": "absent"}, {}, "the manifest says that users.csv is absent"),
    ({}, {"users": None}, "users.csv is missing, which the manifest calls bulk"),
    ({"file.users": "some"}, {}, "neither bulk, delta nor absent"),
    ({}, {"manifest": None}, "manifest.csv is missing"),
    (
        {"file.users": "delta"},
        {"users": "sourcedId,role\nu1,student\n"},
        "no header with column status, dateLastModified",
    ),
    (
        {"file.demographics": "delta"},
        {"demographics": "sourcedId,birthDate\n"},
        "some files are bulk and some are delta",
    ),
    ({}, {"users": "sourcedId,givenName\nu1,Ann\n"}, "no header with column role"),
]


@pytest.mark.parametrize(("manifest", "files", "told"), REFUSED, ids=[r[2][:40] for r in REFUSED])
def test_refused(tmp_path, manifest, files, told):
    with pytest.raises(DeliveryError, match=told) as caught:
        roster(tmp_path, manifest, **files)
    assert "Ann" not in str(caught.value)


def test_manifest_without_version(tmp_path):
    path = zipped(tmp_path / "x.zip", {"manifest.csv": "propertyName,value\nfile.users,bulk\n", "users.csv": HEADER})
    with pytest.raises(DeliveryError, match=r"no oneroster\.version"):
        open_delivery(source("oneroster-1.1", [USERS]), [path])


def test_two_deliveries_side_by_side(tmp_path):
    one, two = (zipped(tmp_path / f"{i}.zip", {"manifest.csv": "propertyName,value\n"}) for i in (1, 2))
    with pytest.raises(DeliveryError, match="is delivered twice"):
        open_delivery(source("oneroster-1.1", [USERS]), [one, two])


def test_a_table_the_standard_does_not_have(tmp_path):
    path = zipped(tmp_path / "x.zip", {"manifest.csv": "propertyName,value\noneroster.version,1.1\n"})
    with pytest.raises(DeliveryError, match="attendance is not a table of OneRoster"):
        open_delivery(source("oneroster-1.1", [table("attendance", ["sourcedId"])]), [path])
