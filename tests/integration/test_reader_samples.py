"""Real files of other projects, read as they are: every cell is what Python's csv module sees."""

from __future__ import annotations

import csv
import json

import pytest
from support.reader_sources import SAMPLES, problems, read_all, source, table

from assets.extracts.delivery import DeliveryError, open_delivery
from assets.extracts.standards import describe

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the third-party sample files are not here")
HMIS = SAMPLES / "hmis_csv_fy2026_greenriver"
VENDOR = [
    (
        "edfi_assessments/Dibels_8_Benchmark/sample_anonymized_file.csv",
        ["Student Last Name", "Date of Birth"],
    ),
    ("edfi_assessments/GOLD/sample_anonymized_file.csv", ["ChildID", "Child L Name", "BirthDate"]),
    ("edfi_assessments/MAP_Growth/sample_anonymized_file.csv", ["StudentID", "TestRITScore"]),
    ("edfi_assessments/PALS/PALS_SAMPLE_data_file.csv", ["STD_PID", "STD_LASTNM", "STD_BDAY"]),
    ("edfi_assessments/iStation/sample_anonymized_file.csv", ["STUDENT_ID", "LNAME", "August_SCORE"]),
    ("edfi_assessments/STAR/SR_sample_anonymized_file.csv", ["StudentRenaissanceID", "BirthDate"]),
]


def expected(path, columns):
    """The columns of a file as Python's csv module reads them, trimmed, rows without content left out."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream) if any(cell for cell in row)]
    names = [name.strip().lower() for name in rows[0]]
    at = [names.index(column.lower()) for column in columns]
    return [[row[i].strip() or None for i in at] for row in rows[1:] if len(row) == len(rows[0])]


@pytest.mark.parametrize(("name", "columns"), VENDOR, ids=[v[0].split("/")[1] for v in VENDOR])
def test_vendor_files(name, columns):
    delivery = open_delivery(source("csv", [table("rows", columns)]), [SAMPLES / name])
    rows = [[row[column] for column in columns] for row in read_all(delivery, "rows")]
    assert rows == expected(SAMPLES / name, columns)


def test_a_header_of_three_lines():
    """TX_KEA puts two lines of group names above the column names."""
    path = SAMPLES / "edfi_assessments" / "TX_KEA" / "sample_anonymized_file.csv"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    columns = [name for name in rows[2] if rows[2].count(name) == 1 and name.strip() == name][:3]
    delivery = open_delivery(source("csv", [table("rows", columns)]), [path])
    read = read_all(delivery, "rows")
    assert read[0]["__row"] == 4
    assert len(read) == len([row for row in rows[3:] if any(row)])


@pytest.mark.parametrize("name", ["bad_data", "bom_test", "duplicate_primary_keys", "ensure_relationships",
                                  "enrollment_test_files", "validation_files"])  # fmt: skip
def test_hmis_exports(name):
    tables = [
        table(t.name, [*t.required, "DateCreated"], key=t.key, record=t.record)
        for t in describe("hmis-csv-2026").tables.values()
        if (HMIS / name / t.file).exists()
    ]
    delivery = open_delivery(source("hmis-csv-2026", tables), sorted((HMIS / name).iterdir()))
    assert len(delivery.tables) == len(tables)
    for made in tables:
        columns = [field.field for field in made.fields]
        rows = [[row[column] for column in columns] for row in read_all(delivery, made.table)]
        assert rows == expected(HMIS / name / f"{made.table}.csv", columns), made.table
    short = [(5, "fewer cells than the header")] * 3 if name == "validation_files" else []
    assert problems(delivery) == short


def test_hmis_names_with_damaged_quotes():
    made = source("hmis-csv-2026", [table("Client", ["PersonalID", "LastName"], record="PersonalID")])
    delivery = open_delivery(made, sorted((HMIS / "bad_data").iterdir()))
    rows = read_all(delivery, "Client")
    assert [[row["PersonalID"], row["LastName"]] for row in rows] == expected(
        HMIS / "bad_data" / "Client.csv", ["PersonalID", "LastName"]
    )
    assert sum(delivery.rows_read.values()) == len(rows) == 134


def test_hmis_export_with_another_line_end_at_its_end():
    made = source("hmis-csv-2026", [table("Project", ["ProjectID", "ProjectType"])])
    delivery = open_delivery(made, sorted((HMIS / "bad_ending").iterdir()))
    assert [row["ProjectType"] for row in read_all(delivery, "Project")] == ["1"]


def test_hmis_export_without_clients_is_refused():
    made = source("hmis-csv-2026", [table("Client", ["PersonalID"], record="PersonalID")])
    with pytest.raises(DeliveryError, match=r"Client\.csv is missing"):
        open_delivery(made, sorted((HMIS / "bad_ending").iterdir()))


def test_oneroster_base_set():
    """Headers of an older draft (grade, userId, userSourcedId, birthdate) and statuses in bulk files."""
    tables = [
        table("users", ["sourcedId", "givenName", "userIds"], record="sourcedId"),
        table("demographics", ["sourcedId", "birthDate", "sex"], record="sourcedId"),
        table("enrollments", ["sourcedId", "userSourcedId", "role"], record="userSourcedId"),
        table("orgs", ["sourcedId", "name", "metadata.gender"]),
        table("classes", ["sourcedId", "grades"]),
    ]
    folder = SAMPLES / "oneroster_1p1_base"
    delivery = open_delivery(source("oneroster-1.1", tables), sorted(folder.glob("*.csv")))
    read = {name: read_all(delivery, name) for name in delivery.tables}
    assert (delivery.mode, delivery.tables) == (
        "full",
        ("users", "demographics", "orgs", "classes", "enrollments"),
    )
    assert [row["userIds"] for row in read["users"]] == ["abc", "abc"]
    assert [row["metadata.gender"] for row in read["orgs"]] == ["mixed", None]
    assert read["classes"][0]["grades"] == "2"
    assert [row["userSourcedId"] for row in read["enrollments"]] == ["user1", "user1", "user2"]
    assert read["demographics"] == []
    assert problems(delivery) == []
    assert delivery.absent_columns == {}


def test_fhir_bulk_export():
    columns = [
        "id",
        "name.given",
        "name.family",
        "birthDate",
        "identifier.ssn",
        "address.postalCode",
        "extension.race",
    ]
    tables = [
        table("Patient", columns, record="id"),
        table("Immunization", ["id", "patient", "vaccineCode.cvx", "occurrenceDateTime"], record="patient"),
        table("Encounter", ["id", "subject", "type.code", "period.start"], record="subject"),
    ]
    folder = SAMPLES / "fhir_bulk_r4"
    delivery = open_delivery(source("fhir-bulk-r4", tables), sorted(folder.glob("*.ndjson")))
    read = {name: read_all(delivery, name) for name in delivery.tables}
    assert problems(delivery) == []
    for name, pattern in (
        ("Patient", "*Patient*"),
        ("Immunization", "*Immunization*"),
        ("Encounter", "*Encounter*"),
    ):
        raw = [json.loads(line) for path in sorted(folder.glob(pattern)) for line in path.read_text().splitlines()]
        assert [row["id"] for row in read[name]] == [resource["id"] for resource in raw]
    shots = [
        json.loads(line) for path in sorted(folder.glob("*Immunization*")) for line in path.read_text().splitlines()
    ]
    assert [row["vaccineCode.cvx"] for row in read["Immunization"]] == [
        s["vaccineCode"]["coding"][0]["code"] for s in shots
    ]
    assert [row["patient"] for row in read["Immunization"]] == [s["patient"]["reference"].split("/")[1] for s in shots]
    assert all(row["name.given"] and row["name.family"] and row["birthDate"] for row in read["Patient"])
    assert {row["extension.race"] for row in read["Patient"]} <= {
        "2106-3",
        "2054-5",
        "2028-9",
        "1002-5",
        "2076-8",
        "2131-1",
        "UNK",
    }


@pytest.mark.parametrize(
    ("name", "kind", "record", "column", "value"),
    [
        ("coverage-example", "Coverage", "beneficiary", "type.code", "PPO"),
        ("patient-child-example", "Patient", "id", "extension.race", "2028-9"),
        ("patient-infant-example", "Patient", "id", "identifier.mrn", "1032703"),
        ("imm-1", "Immunization", "patient", "vaccineCode.cvx", None),
        ("encounter-example-1", "Encounter", "subject", "class", "AMB"),
    ],
)
def test_us_core_examples(tmp_path, name, kind, record, column, value):
    resource = json.loads((SAMPLES / "fhir_us_core_examples" / f"{name}.json").read_text())
    path = tmp_path / f"{kind}.ndjson"
    path.write_text(json.dumps(resource) + "\n")
    columns = list(dict.fromkeys(["id", record, column]))
    delivery = open_delivery(source("fhir-bulk-r4", [table(kind, columns, record=record)]), [path])
    rows = read_all(delivery, kind)
    if value is None:
        coding = resource["vaccineCode"]["coding"]
        value = next(c["code"] for c in coding if c["system"].endswith("cvx"))
    assert [row[column] for row in rows] == [value]
