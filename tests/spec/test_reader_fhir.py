"""Spec: FHIR R4 resources as flat rows: names, references, codes, extensions, deletions, damaged lines."""

from __future__ import annotations

import json

import pytest
from support.reader_sources import problems, read_all, source, table

from assets.extracts.delivery import WITHDRAWN, DeliveryError, open_delivery

PATIENT = table("Patient", ["id", "birthDate"], record="id")
SHOTS = table("Immunization", ["id", "patient", "status", "vaccineCode.cvx"], record="patient")
V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"


def lines(*resources):
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in resources)


def bulk(tmp_path, tables, **files):
    paths = []
    for name, text in files.items():
        path = tmp_path / (name.replace("__", ".") + ".ndjson")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        paths.append(path)
    return open_delivery(source("fhir-bulk-r4", tables), paths)


def flat(folder, kind, record, rows):
    """Read one resource for every row of a table of (part of the resource, column, ...), in one delivery."""
    person = {field: {"reference": "Patient/1"} for field in ("patient", "subject", "beneficiary")}
    resources = [{"resourceType": kind, "id": f"r{i}"} | person | row[0] for i, row in enumerate(rows)]
    columns = list(dict.fromkeys(["id", record, *(row[1] for row in rows)]))
    delivery = bulk(folder, [table(kind, columns, record=record)], x=lines(*resources))
    return read_all(delivery, kind)


def identifier(value, code=None, system=None):
    kind = {"type": {"coding": [{"system": V2, "code": code}]}} if code else {}
    return kind | ({"system": system} if system else {}) | {"value": value}


def core(name, *codes, text=None):
    inner = [{"url": "ombCategory", "valueCoding": {"code": code}} for code in codes]
    return {"url": CORE + name, "extension": inner + ([{"url": "text", "valueString": text}] if text else [])}


MOTHER = {"relationship": [{"coding": [{"code": "MTH"}]}], "name": {"family": "Poe", "given": ["Eve"]}}
FATHER = {"relationship": [{"coding": [{"code": "FTH"}]}], "name": {"family": "Lee", "given": ["Al"]}}
MAIDEN = {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Fox"}
HOMES = [{"use": "old", "postalCode": "1"}, {"use": "home", "postalCode": "2"}]
NAMES = [
    {"use": "maiden", "family": "Old"},
    {"use": "official", "family": "Lee", "given": ["Ann", "Bea", "C."]},
]

PATIENTS = [
    # part of the resource, column, what is read
    ({"name": NAMES}, "name.family", "Lee"),
    ({"name": NAMES}, "name.given", "Ann"),
    ({"name": NAMES}, "name.middle", "Bea C."),
    ({"name": [{"use": "maiden", "family": "Old"}]}, "name.family", "Old"),
    ({"name": [{"use": "old", "family": "Old"}, {"family": "Now"}]}, "name.family", "Now"),
    ({"name": [{"family": "Lee", "suffix": ["Jr", "III"]}]}, "name.suffix", "Jr III"),
    ({"name": "Lee"}, "name.family", None),
    ({"gender": "female"}, "gender", "female"),
    ({"address": HOMES}, "address.postalCode", "2"),
    ({"address": [{"postalCode": "3"}]}, "address.postalCode", "3"),
    ({"identifier": [identifier("9", "MR"), identifier("1", "SS")]}, "identifier.ssn", "1"),
    ({"identifier": [identifier("1", system="http://hl7.org/fhir/sid/us-ssn")]}, "identifier.ssn", "1"),
    ({"identifier": [identifier("1", "MA")]}, "identifier.medicaid", "1"),
    ({"identifier": [identifier("1", "MC", "https://medicaid.example.gov/x")]}, "identifier.medicaid", "1"),
    ({"identifier": [identifier("1", "MC", "https://medicare.example.gov/x")]}, "identifier.medicaid", None),
    ({"identifier": [identifier("1", "SS"), identifier("9", "MR")]}, "identifier.mrn", "9"),
    ({"extension": [core("us-core-race", "2106-3", text="White")]}, "extension.race", "2106-3"),
    ({"extension": [core("us-core-race", "2106-3", "2054-5")]}, "extension.race", "2054-5;2106-3"),
    ({"extension": [core("us-core-race", text="Other Race")]}, "extension.race", "Other Race"),
    ({"extension": [core("us-core-ethnicity", "2135-2")]}, "extension.ethnicity", "2135-2"),
    ({"extension": []}, "extension.race", None),
    ({"contact": [FATHER, MOTHER]}, "mother.given", "Eve"),
    ({"contact": [FATHER, MOTHER]}, "mother.family", "Poe"),
    ({"contact": [FATHER]}, "mother.family", None),
    ({"contact": [MOTHER | {"relationship": [{"text": "Mother"}]}]}, "mother.family", "Poe"),
    ({"extension": [MAIDEN]}, "mothersMaidenName", "Fox"),
    ({"multipleBirthInteger": 2}, "multipleBirthInteger", "2"),
    ({"deceasedDateTime": "2020-01-01"}, "deceasedDateTime", "2020-01-01"),
]  # fmt: skip


def test_patient(tmp_path):
    read = flat(tmp_path, "Patient", "id", PATIENTS)
    for (parts, column, value), row in zip(PATIENTS, read, strict=True):
        assert (parts, row[column]) == (parts, value)


REFERENCES = [
    # reference, the patient's id
    ("Patient/123", "123"),
    ("https://example.org/fhir/Patient/123", "123"),
    ("Patient/123/_history/4", "123"),
    ("urn:uuid:7f3a-11", "7f3a-11"),
    ("Patient?identifier=http://x|123", None),
    ("#contained", None),
    ("Group/123", None),
    ("Patient/", None),
    ("Patient/a b", None),
    (None, None),
]


def test_references(tmp_path):
    shots = [{"resourceType": "Immunization", "id": r, "patient": {"reference": r}} for r, _ in REFERENCES]
    delivery = bulk(tmp_path, [SHOTS], Immunization=lines(*shots))
    read = {row["__row"]: row["patient"] for row in read_all(delivery, "Immunization")}
    unresolved = "no reference to a person's record that can be resolved"
    for number, (reference, patient) in enumerate(REFERENCES, start=1):
        assert (reference, read.get(number)) == (reference, patient)
        assert (patient is None) == ((number, unresolved) in problems(delivery))


CVX, SNOMED, ACT = (
    "http://hl7.org/fhir/sid/cvx",
    "http://snomed.info/sct",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode",
)


def coded(system, code):
    return {"coding": [{"system": "urn:other", "code": "zz"}, {"system": system, "code": code}]}


CODES = {
    # part, column, what is read
    ("Immunization", "patient"): [
        ({"vaccineCode": coded(CVX, "20")}, "vaccineCode.cvx", "20"),
        ({"vaccineCode": coded("urn:ndc", "1")}, "vaccineCode.cvx", None),
    ],
    ("Encounter", "subject"): [
        ({"type": [coded("urn:x", "1"), coded(SNOMED, "410620009")]}, "type.code", "410620009"),
        ({"type": [coded("urn:x", "1")]}, "type.code", "zz"),
        ({"class": {"code": "AMB"}}, "class", "AMB"),
        ({"period": {"start": "2020-01-01T01:00:00Z"}}, "period.start", "2020-01-01T01:00:00Z"),
    ],
    ("Observation", "subject"): [
        ({"code": coded("http://loinc.org", "5671-3")}, "code.loinc", "5671-3"),
        ({"valueQuantity": {"value": 3.50, "unit": "ug/dL"}}, "valueQuantity.value", "3.5"),
        ({"valueQuantity": {"value": 1, "comparator": "<"}}, "valueQuantity.comparator", "<"),
        ({"valueQuantity": {"value": 1, "code": "ug/dL"}}, "valueQuantity.unit", "ug/dL"),
        ({"effectivePeriod": {"start": "2020-01-02"}}, "effectiveDateTime", "2020-01-02"),
    ],
    ("Coverage", "beneficiary"): [
        ({"type": coded(ACT, "PUBLICPOL")}, "type.code", "PUBLICPOL"),
        ({"period": {"end": "2020-06-30"}}, "period.end", "2020-06-30"),
    ],
}


@pytest.mark.parametrize(("kind", "record"), CODES)
def test_codes(tmp_path, kind, record):
    rows = CODES[kind, record]
    for (parts, column, value), row in zip(rows, flat(tmp_path, kind, record, rows), strict=True):
        assert (parts, row[column], row[record]) == (parts, value, "1")


def patient(name, **parts):
    return {"resourceType": "Patient", "id": name} | parts


LINES = [
    # lines after a good first one, reason
    ("{not json", "not a JSON object"),
    ('["Patient"]', "not a JSON object"),
    ('"Patient"', "not a JSON object"),
    ('{"resourceType":"Group","id":"g"}', "a resource of another type than its file"),
    ('{"id":"p"}', "a resource of another type than its file"),
    ('{"resourceType":"Patient","id":"a\\u0000b"}', "a NUL byte"),
]


@pytest.mark.parametrize(("line", "reason"), LINES)
def test_damaged_lines(tmp_path, line, reason):
    delivery = bulk(tmp_path, [PATIENT], Patient=lines(patient("p1"), line, "", patient("p2")))
    assert [(row["id"], row["__row"]) for row in read_all(delivery, "Patient")] == [("p1", 1), ("p2", 4)]
    assert problems(delivery) == [(2, reason)]
    assert delivery.rows_read == {("Patient.ndjson", "Patient"): 3}


def test_last_line_cut_short(tmp_path):
    delivery = bulk(tmp_path, [PATIENT], Patient=lines(patient("p1")) + '{"resourceType":"Pat')
    assert len(read_all(delivery, "Patient")) == 1
    assert problems(delivery) == [(2, "the file ends inside this row")]


def test_bytes_that_are_no_utf8(tmp_path):
    text = lines(patient("p1") | {"address": [{"city": "Zoë Núñez"}]}, patient("p2"))
    text = text.replace("\\u00eb", "ë").replace("\\u00fa", "ú").encode()
    delivery = bulk(tmp_path, [PATIENT], Patient=text + b'{"resourceType":"Patient","id":"\xe9"}\n')
    assert len(read_all(delivery, "Patient")) == 2
    assert problems(delivery) == [(3, "bytes that are not text in the file's encoding")]


def test_logs_and_types_nobody_asked_for_are_left_alone(tmp_path):
    log = lines({"exportId": "e", "eventId": "kickoff"})
    group = lines({"resourceType": "Group", "id": "g"})
    delivery = bulk(tmp_path, [PATIENT], log=log, Group=group, anything=lines(patient("p1")), empty="")
    assert delivery.tables == ("Patient",)
    assert len(read_all(delivery, "Patient")) == 1
    assert [f.name for f in delivery.files] == [
        "log.ndjson",
        "Group.ndjson",
        "anything.ndjson",
        "empty.ndjson",
    ]


def test_deletions_withdraw(tmp_path):
    def bundle(*urls):
        entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    gone = lines(bundle("Patient/p1", "Immunization/i1"), "{cut", bundle("Patient/p2"))
    delivery = bulk(tmp_path, [PATIENT, SHOTS], deleted=gone)
    rows = [(r["id"], r["birthDate"], r["__row"], r[WITHDRAWN]) for r in read_all(delivery, "Patient")]
    assert rows == [("p1", None, 1, True), ("p2", None, 3, True)]
    assert [(r["id"], r["patient"]) for r in read_all(delivery, "Immunization")] == [("i1", None)]
    assert problems(delivery) == [(2, "not a JSON object")]
    assert sum(delivery.rows_read.values()) == 4


def test_entered_in_error_withdraws(tmp_path):
    shot = {
        "resourceType": "Immunization",
        "id": "i",
        "status": "entered-in-error",
        "patient": {"reference": "Patient/1"},
    }
    delivery = bulk(tmp_path, [SHOTS], Immunization=lines(shot, shot | {"status": "completed"}))
    assert [row[WITHDRAWN] for row in read_all(delivery, "Immunization")] == [True, False]


def test_refusals(tmp_path):
    with pytest.raises(DeliveryError, match="no file of any type that the agreement names"):
        bulk(tmp_path, [PATIENT], Group=lines({"resourceType": "Group"}))
    with pytest.raises(DeliveryError, match="its first lines are no JSON"):
        bulk(tmp_path, [PATIENT], data='{\n "resourceType":\n')
    with pytest.raises(DeliveryError, match=r"test\.yaml: name\.first is not a column of Patient"):
        bulk(tmp_path, [table("Patient", ["id", "name.first"])], Patient=lines(patient("p1")))
    with pytest.raises(DeliveryError, match="Claim is not a resource type this reader knows"):
        bulk(tmp_path, [table("Claim", ["id"])], Patient=lines(patient("p1")))
    with pytest.raises(DeliveryError, match=r"line 2 is longer than"):
        path = tmp_path / "Patient.ndjson"
        path.write_text(lines(patient("p1"), patient("x" * 3_000_000)))
        read_all(open_delivery(source("fhir-bulk-r4", [PATIENT]), [path]), "Patient")
