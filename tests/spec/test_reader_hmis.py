"""Spec: HMIS CSV exports: what Export.csv must say, drift between fiscal years, withdrawals, refusals."""

from __future__ import annotations

import pytest
from support.reader_sources import problems, read_all, source, table, zipped

from assets.extracts.delivery import WITHDRAWN, DeliveryError, open_delivery

CLIENT = table("Client", ["PersonalID", "FirstName", "HispanicLatinao", "Sex"], record="PersonalID")
EXIT = table("Exit", ["ExitID", "PersonalID", "WorkplaceViolenceThreats"], record="PersonalID", optional=True)
ROWS = "PersonalID,FirstName,HispanicLatinao,Sex,DateDeleted,ExportID\np1,Ann,0,0,,e\n"


def export(tmp_path, version="2026 v1.0", hashed="1", **files):
    members = {"Export.csv": f"ExportID,CSVVersion,HashStatus\ne,{version},{hashed}\n", "Client.csv": ROWS}
    members |= {f"{name}.csv": text for name, text in files.items()}
    path = zipped(tmp_path / "hmis.zip", {name: text for name, text in members.items() if text is not None})
    return open_delivery(source("hmis-csv-2026", [EXIT, CLIENT]), [path])


@pytest.mark.parametrize("version", ["2026 v1", "2026 v1.0", "2026", "FY2026", "2024 v1.3", "fy2026 1.1"])
def test_accepted_versions(tmp_path, version):
    delivery = export(tmp_path, version)
    assert (delivery.mode, delivery.tables) == ("full", ("Client",))
    assert [row["FirstName"] for row in read_all(delivery, "Client")] == ["Ann"]


REFUSED = [
    # CSVVersion, HashStatus, files, what is told
    ("2022 v1.2", "1", {}, "CSVVersion is of fiscal year 2022, expected 2026 or 2024"),
    ("Ann", "1", {}, "CSVVersion says no fiscal year that can be read, expected 2026 or 2024"),
    ("", "1", {}, "CSVVersion says no fiscal year"),
    ("2026 v1", "4", {}, "HashStatus is not 1: hashed names and SSN cannot be linked"),
    ("2026 v1", "", {}, "HashStatus is not 1"),
    ("2026 v1", "1", {"Export": None}, "Export.csv is missing"),
    ("2026 v1", "1", {"Client": None}, "Client.csv is missing"),
    ("2026 v1", "1", {"Export": "ExportID,CSVVersion,HashStatus\n"}, "holds no row"),
    ("2026 v1", "1", {"Export": "ExportID\ne\n"}, "no header with column CSVVersion, HashStatus"),
    ("2026 v1", "1", {"Client": "FirstName\nAnn\n"}, "no header with column PersonalID"),
    ("2026 v1", "1", {"Client": ""}, "an empty file"),
]


@pytest.mark.parametrize(("version", "hashed", "files", "told"), REFUSED, ids=[r[3][:45] for r in REFUSED])
def test_refused(tmp_path, version, hashed, files, told):
    with pytest.raises(DeliveryError, match=told) as caught:
        export(tmp_path, version, hashed, **files)
    assert "Ann" not in str(caught.value)


def test_drift_between_exports(tmp_path):
    """FY2024 spells a column otherwise and has no Sex; the case of columns differs between vendors."""
    client = "﻿personalid,FirstName,HispanicLatinaeo,DateDeleted,ExportID\r\np1,Ann,1,,e\r\n"
    exits = "ExitID,PersonalID,EnrollmentID,WorkPlaceViolenceThreats\nx1,p1,e1,0\n"
    delivery = export(tmp_path, Client=client, Exit=exits)
    row = read_all(delivery, "Client")[0]
    assert (row["PersonalID"], row["HispanicLatinao"], row["Sex"]) == ("p1", "1", None)
    assert read_all(delivery, "Exit")[0]["WorkplaceViolenceThreats"] == "0"
    assert delivery.absent_columns == {("hmis.zip/Client.csv", "Client"): ["Sex"]}


def test_files_may_lie_in_a_folder_in_another_case(tmp_path):
    (tmp_path / "EXPORT.CSV").write_text("ExportID,CSVVersion,HashStatus\ne,2026 v1,1\n")
    (tmp_path / "client.csv").write_text(ROWS)
    delivery = open_delivery(source("hmis-csv-2026", [CLIENT]), sorted(tmp_path.iterdir()))
    assert len(read_all(delivery, "Client")) == 1


def test_deleted_rows_are_withdrawn(tmp_path):
    delivery = export(tmp_path, Client=ROWS + "p2,Bo,0,1,2026-01-01 00:00:00,e\n")
    assert [(row["PersonalID"], row[WITHDRAWN]) for row in read_all(delivery, "Client")] == [
        ("p1", False),
        ("p2", True),
    ]
    assert problems(delivery) == []
    assert "DateDeleted" not in read_all(delivery, "Client")[0]


def test_unnamed_columns_are_told_by_name(tmp_path):
    delivery = export(tmp_path)
    read_all(delivery, "Client")
    assert delivery.unnamed_columns == {("hmis.zip/Client.csv", "Client"): ["ExportID"]}
