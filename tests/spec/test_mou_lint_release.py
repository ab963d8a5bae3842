"""What lint says of a licence's release: a planted fault, the rule that catches it, its weight, its place."""

# ruff: noqa: E501  (a row of the table is one line)
from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.licences import ACCEPTS, DSA, DUL, EMOU, NIGHT
from support.mou import edited, write

from mou_policies import lint
from mou_policies.findings import Finding
from mou_policies.language import load_agreement

SAFE = edited("[ferpa.deidentified]", "[hipaa.safe-harbor]", DUL)
SCHOOL = edited('      sex: "Breakdown"\n', '      sex: "Breakdown"\n      school: "Places"\n', SAFE)
RECORDS = edited("level: aggregate", "level: records", SCHOOL)
ZIP = edited('      school: "Places"\n', '      zip: "Residence"\n', RECORDS)
REASONABLE = '    - {says: reasonable-determination, by: "Ada Park", role: "Privacy officer", "on": 2025-07-01}\n'


def found_in(folder: Path, text: str, on: date = NIGHT) -> list[Finding]:
    """Lint a licence beside its parents; clauses that these small texts leave out are not of interest here."""
    files = [write(folder, EMOU, "a.yaml"), write(folder, DSA, "b.yaml"), write(folder, text, "dul.yaml")]
    known = {a.agreement_id: a for a in map(load_agreement, files)}
    return [found for found in lint.check(known["outcomes-2026"], known, on) if found.rule != "AGR-011"]


PLANTED = [
    # what is planted                                                 rule       weight     line  words
    (edited("name: outcomes", "name: outcome", DUL),                  "REL-006", "warning", 17,   "it is for the release outcome, and what is published here is the release outcomes"),
    (edited("  minimum_cell: 11\n", "", DUL),                         "REL-002", "error",   17,   "the release states no minimum_cell"),
    (edited("minimum_cell: 11", "minimum_cell: 5", DUL),              "REL-002", "error",   17,   "ferpa.deidentified is claimed: minimum_cell is 5, and the claim asks for 10 or more"),
    (edited("releases: considered", "releases: ignored", DUL),        "REL-003", "error",   17,   "earlier_releases is not `considered`"),
    (edited(REASONABLE, "", DUL),                                     "REL-005", "error",   17,   "nobody states that no student's identity is personally identifiable"),
    (edited("[ferpa.deidentified]", "[hipaa.limited-data-set]", DUL), "REL-005", "error",   17,   "hipaa.limited-data-set is named by no agreement of the release"),
    (SAFE,                                                            "FLD-007", "warning", 13,   "birth.births.born, kept as birth_school_year: birth.date with treatment date: school_year"),
    (SCHOOL,                                                          "FLD-008", "warning", 15,   "the release is refused if a table of it shows this"),
    (RECORDS,                                                         "FLD-008", "error",   15,   "birth.births.school, kept as school: place.school with treatment keep: places smaller"),
    (RECORDS + ACCEPTS,                                               "FLD-008", "note",    15,   "(births-2025.yaml:34 births-2025 birth.births.school)"),
]  # fmt: skip


@pytest.mark.parametrize("row", PLANTED, ids=[f"{row[1]} {row[2]} {row[4][:40]}" for row in PLANTED])
def test_a_planted_fault_is_caught(tmp_path: Path, row: tuple[str, str, str, int, str]) -> None:
    text, rule, severity, line, words = row
    found = [one for one in found_in(tmp_path, text) if one.rule == rule]
    assert [(one.severity, one.line) for one in found] == [(severity, line)]
    assert words.replace("births-2025.yaml", "b.yaml") in str(found[0])
    assert "accepted by Bo Reed, Counsel" in str(found[0]) or severity != "note"


def test_a_licence_whose_release_keeps_its_promises_gives_nothing(tmp_path: Path) -> None:
    assert found_in(tmp_path, DUL) == []


def test_zip3_is_stale_once_no_vintage_is_current(tmp_path: Path) -> None:
    days = {date(2031, 3, 31): [], date(2031, 4, 1): ["FLD-006"]}
    for day, expected in days.items():
        about = [one for one in found_in(tmp_path, ZIP, day) if one.about == "birth.births.zip"]
        assert [one.rule for one in about] == expected
