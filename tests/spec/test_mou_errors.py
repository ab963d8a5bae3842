"""What is wrong with an agreement, as a table: the words changed, where the error points, what it says.

Each row edits the small agreement of `support.mou`; the error names the line and column of the mistake.
"""

# ruff: noqa: E501  (a row of the table is one line)
from __future__ import annotations

from pathlib import Path

import pytest
from support.mou import SMALL, edited, write

from mou_policies.language import AgreementError, load_agreement

VISITS = '{class: health.visit, use: publish, treatment: {top_code: 20}, reason: "Children served"}'
ZIP = '{class: address.zip, use: content, treatment: zip3, as: zip3, reason: "Residence, coarse"}'
SSN = "ssn: {class: id.ssn, use: link, treatment: tokenise"
YEAR = "treatment: {date: year}, as: birth_year"

RECORD = """\
        record: record_id
        fields:
          record_id: {class: id.record, use: link, treatment: record"""
KEY = "        key: [record_id]\n"
EXCLUDED = (
    KEY
    + """\
        excludes:
          - name: clinic.sealed
            field: sealed
            class: status.protection
            equals: ["Y"]
            safe: ["N"]
            because: "Sealed records are not joined"
            cite: "A statute"
"""
)

PSEUDONYM = """\
        fields:
          record_id: {class: id.event, use: content, treatment: pseudonymise"""

# words replaced | by | line:column | rule | words of the error
TABLE = [
    # -- the YAML itself (more of it in test_mou_bad_yaml) -------------------------------------------------
    ("delivery: delta", "delivery: no", "19:15", "FLD-012", "unquoted 'no' means true or false"),
    ("period_days: 180", "period_days: 0180", "12:28", "FLD-012", "is not the same number to every reader"),
    ('title: "Visits"', 'title: "Visits"\n    title: "Again"', "17:5", "FLD-012", "'title' stands twice (first on line 16)"),
    ("  clinic:\n", "  clinic: &all\n", "15:11", "YML-002", "anchors and aliases are not allowed"),
    ('title: "Visits"', 'title: !!str "Visits"', "16:12", "YML-002", "YAML tags are not allowed"),
    ("    standard: csv", "\tstandard: csv", "17:1", "YML-001", "found a tab character"),
    ("files: [", "files: [[", "19:", "YML-001", "while parsing a flow sequence that begins at 18:12"),
    ("  hub: {agency: hub", "  <<: {agency: hub", "5:3", "YML-002", "merge keys are not allowed"),
    ('"Nothing is passed on"', "[" * 13 + "x" + "]" * 13, "13:", "YML-002", "nested deeper than 12 levels"),
    # -- the heading -------------------------------------------------------------------------------------
    ("redisclosure:", "redisclosures:", "13:1", "FLD-012", "unknown key 'redisclosures'; did you mean 'redisclosure'?"),
    ("agreement: clinic-2025\n", "", "1:1", "STR-001", "agreement missing"),
    ("to: 2030-06-30", "to: 2030-06-31", "6:30", "STR-001", "'2030-06-31' where a date is expected"),
    ("to: 2030-06-30", "to: 2020-06-30", "6:30", "STR-001", "the term ends before it starts"),
    ("hipaa.public-health", "hipaa.public-healt", "8:16", "AGR-001", "did you mean 'hipaa.public-health'?"),
    (', minimum: "Reasons stand beside the fields"', "", "10:15", "AGR-002", "requires the element 'minimum' (45 CFR 164.502(b) [M])"),
    ("period_days: 180, ", "", "12:14", "AGR-003", "the destruction period is not stated"),
    ("measure-success", "make-money", "11:76", "STR-001", "unknown purpose 'make-money'"),
    ("allowed: false", 'allowed: "false"', "13:25", "STR-001", "where true or false is expected"),
    ("agency: clinic,", "agency: ../clinic,", "4:22", "STR-001", "is not a usable agency name"),
    # -- sources and tables ------------------------------------------------------------------------------
    ("standard: csv", "standard: cvs", "17:15", "STR-001", "did you mean 'csv'?"),
    ("delivery: delta", "delivery: daily", "19:15", "STR-001", "unknown delivery 'daily'"),
    ('"visits_*.csv"', '"../other/visits.csv"', "18:13", "STR-001", "is not a usable file pattern"),
    ('"visits_*.csv"', '"/etc/passwd"', "18:13", "STR-001", "is not a usable file pattern"),
    ('["visits_*.csv"]', '["visits_*.csv", "visits_*.csv"]', "18:29", "STR-001", "'visits_*.csv' is listed twice; list it once"),
    ("delivery: delta", "delivery: delta\n    records_of: nobody", "20:17", "STR-001", "records_of of clinic names no such source"),
    ("delivery: delta", "delivery: delta\n    options: {date_format: MM/DD/YY}", "20:28", "STR-001", "unknown date form 'MM/DD/YY'"),
    ("delivery: delta", "delivery: delta\n    options: {encoding: utf-99}", "20:25", "STR-001", "unknown encoding"),
    ("record: record_id", "record: child_id", "23:17", "STR-001", "record column child_id is not granted"),
    ("key: [record_id]", "key: [record_id, notes]", "22:14", "STR-001", "key column notes is denied"),
    ("as: zip3", "as: birth_year", "25:11", "STR-001", "two fields give the column birth_year: dob and zip"),
    ("delivery: delta", "delivery: delta\n    records_of: clinic", "20:17", "STR-001", "records_of of clinic names no such source"),
    ("first_name: {class: name.given, use: link, treatment: tokenise", "first_name: {class: id.record, use: link, treatment: record", "22:9", "STR-001", "two fields have the treatment record"),
    (RECORD, PSEUDONYM, "22:9", "STR-001", "link fields need a record column"),
    (ZIP, "{class: id.record, use: content, treatment: {record: nowhere}, reason: x}", "22:9", "STR-001", "the column nowhere that names its source is not granted"),
    # -- exclusions --------------------------------------------------------------------------------------
    (KEY, EXCLUDED.replace("            class: status.protection\n", ""), "25:20", "EXC-001", "sealed is excluded and has no class; add class: status.protection"),
    (KEY, EXCLUDED.replace('            safe: ["N"]\n', ""), "24:13", "EXC-002", 'safe: ["N"]; every other value, and none, is then left out'),
    (KEY, EXCLUDED.replace('["N"]', '["N", " y "]'), "28:19", "EXC-004", "sealed: 'Y' is excluded and safe at once"),
    (KEY, EXCLUDED.replace('["N"]', "[]"), "28:19", "STR-001", "found an empty list"),
    (KEY, EXCLUDED.replace('["N"]', '["N", ""]'), "28:25", "STR-001", "found empty text"),
    (KEY, EXCLUDED.replace("status.protection", "status.protecton"), "26:20", "FLD-002", "did you mean 'status.protection'?"),
    (KEY, EXCLUDED.replace("field: sealed", "field: visits"), "26:20", "EXC-001", "of class status.protection here and of health.visit under fields"),
    ("notes: {class: text.free", "sealed: {class: status.protection", "33:11", "EXC-003", "without an exclusion, so that records it protects would be linked"),
    ("notes: {class: text.free, use: none", "sealed: {class: status.protection, use: link, treatment: tokenise", "33:51", "FLD-003", "may never have the use link"),
    # -- fields ------------------------------------------------------------------------------------------
    ("class: health.visit, ", "", "32:19", "FLD-001", "visits has no class"),
    ("class: health.visit", "class: health.vist", "32:27", "FLD-002", "did you mean 'health.visit'?"),
    ("use: publish, treatment: {top_code", "use: publsh, treatment: {top_code", "32:46", "STR-001", "did you mean 'publish'?"),
    (SSN, "ssn: {class: id.ssn, use: content, treatment: keep", "30:37", "FLD-003", "id.ssn may never have the use content"),
    (SSN, "ssn: {class: id.ssn, use: publish, treatment: keep", "30:37", "FLD-003", "allowed: link, none"),
    (SSN, "ssn: {class: id.ssn, use: link, treatment: keep", "30:54", "STR-001", "write treatment: tokenise"),
    ("link, treatment: record", "link, treatment: {record: dob}", "25:63", "STR-001", "record of dob for the use link; write treatment: record"),
    ("notes: {class: text.free, use: none", "notes: {class: text.free, use: content, treatment: keep", "33:42", "FLD-003", "may never have the use content"),
    (YEAR, "treatment: keep, as: birth_year", "29:60", "FLD-007", "use one of: date: year; date: school_year"),
    (YEAR, "treatment: {date: month}, as: birth_year", "29:60", "FLD-007", "may not be kept with treatment date: month"),
    (YEAR, "treatment: {date: yeer}, as: birth_year", "29:67", "STR-001", "did you mean 'year'?"),
    (YEAR, "treatment: date, as: birth_year", "29:60", "STR-001", "write {date: year}"),
    (ZIP, ZIP.replace("zip3, as", "keep, as"), "31:62", "FLD-004", "use one of: zip3"),
    (ZIP, ZIP.replace("treatment: zip3, ", ""), "31:16", "FLD-004", "zip has no treatment"),
    (VISITS, VISITS.replace("top_code: 20", "top_code: many"), "32:77", "STR-001", "where a number is expected"),
    (VISITS, VISITS.replace("top_code: 20", "band: [5, 5]"), "32:73", "STR-001", "the bounds do not ascend"),
    (VISITS, VISITS.replace("top_code: 20", "top_cod: 20"), "32:67", "STR-001", "did you mean 'top_code'?"),
    (VISITS, VISITS.replace("top_code: 20", "top_code: 20, else: 3"), "32:81", "FLD-012", "unknown key 'else'"),
    (VISITS, VISITS.replace(', reason: "Children served"', ""), "32:19", "FLD-010", "45 CFR 164.502(b)"),
    (VISITS, VISITS.replace('"Children served"', '""'), "32:90", "STR-001", "found empty text"),
    (VISITS, VISITS.replace("}, reason", "}, as: record_key, reason"), "32:86", "STR-001", "cannot be a column's name"),
    (VISITS, VISITS.replace("}, reason", "}, as: Visits, reason"), "32:86", "STR-001", "cannot be a column's name"),
    (VISITS, VISITS.replace("}, reason", "}, keep: true, reason"), "32:82", "FLD-012", "unknown key 'keep'"),
    (VISITS, "{class: child_welfare.report, use: content, treatment: keep, reason: x}", "32:27", "FLD-011", "add capta.state-statute under authority"),
    ("as: birth_year, ", 'as: birth_year, format: "YY-MM-DD", ', "29:98", "STR-001", "unknown date form"),
    ("- {class: birth.date, use: link, treatment: tokenise", "- {class: birth.date, use: none", "28:15", "FLD-013", "dob is denied and granted at once"),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=[f"{row[2]} {row[4]}" for row in TABLE])
def test_the_error_says_where_and_what(tmp_path: Path, row: tuple[str, str, str, str, str]) -> None:
    old, new, place, rule, words = row
    with pytest.raises(AgreementError) as caught:
        load_agreement(write(tmp_path, edited(old, new)))
    said = str(caught.value)
    assert said.startswith(f"clinic.yaml:{place}"), said
    assert caught.value.rule == rule, said
    assert words in said
    assert "\n" not in said
    assert caught.value.remedy


def test_the_unedited_agreement_loads(tmp_path: Path) -> None:
    agreement = load_agreement(write(tmp_path))
    fields = agreement.sources["clinic"].tables["visits"].fields
    assert [(f.field, f.use, f.name) for f in fields if f.is_content] == [
        ("dob", "publish", "birth_year"),
        ("zip", "content", "zip3"),
        ("visits", "publish", "visits"),
    ]
    assert fields[0].clause == "clinic.yaml:25 clinic-2025 clinic.visits.record_id"
    assert SMALL.splitlines()[24].strip().startswith("record_id:")
