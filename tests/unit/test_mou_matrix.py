"""The matrix says what explain says of every field and use, cites the clause, and its page and sheet are harmless."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from pathlib import Path

import pytest
from support.mou import NIGHT, demo_folder
from support.mou_clean import planted

from mou_policies.explain import Question, explain
from mou_policies.matrix import ALLOWED, COLUMNS, DENIED, NEVER, SILENT, Matrix, Row, matrix, page, sheet
from mou_policies.policy import compile_policy

PROHIBITS = 'prohibits: [{use: [publish], class: ["education.*"], because: "Small", cite: "Rule 4"}]\nterms:\n'


def found_in(folder: Path, changes: dict[str, dict[str, str]]) -> Matrix:
    return matrix(compile_policy(planted(folder / "agreements", changes, {}), NIGHT))


def row(found: Matrix, field: str) -> Row:
    return next(r for section in found.sections for r in section.rows if r.ref[2] == field)


# field        link     content  publish  licensed   (of the clean agreements)
ANSWERS = [
    ("student_id", ALLOWED, SILENT, NEVER, SILENT),
    ("first_name", ALLOWED, NEVER, NEVER, SILENT),
    ("dob", ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("zip", SILENT, ALLOWED, SILENT, SILENT),
    ("grade", NEVER, ALLOWED, ALLOWED, ALLOWED),
    ("notes", DENIED, DENIED, DENIED, SILENT),
]


@pytest.mark.parametrize("answers", ANSWERS, ids=[a[0] for a in ANSWERS])
def test_answers_by_use(tmp_path: Path, answers: tuple[str, ...]) -> None:
    found = row(found_in(tmp_path, {}), answers[0])
    assert tuple(cell.answer for cell in found.cells.values()) == answers[1:]


def test_a_cell_says_how_and_by_which_clause(tmp_path: Path) -> None:
    found = found_in(tmp_path, {})
    dob = row(found, "dob")
    assert (dob.cls, dob.safe_harbor, dob.ferpa, dob.ceds) == ("birth.date", "C", "e", "P000033")
    assert dob.cells["publish"].lines == ("birth_year: date: year",)
    assert dob.cells["publish"].clauses == ("dsa.yaml:45 district-2025 school.students.dob",)
    assert dob.cells["licensed"].clauses == ("dul.yaml:13 outcomes-2025 fields.school.students.dob",)
    assert row(found, "notes").cells["link"].lines == ("May say anything",)


def test_what_another_agreement_takes_away_is_denied_by_its_clause(tmp_path: Path) -> None:
    grade = row(found_in(tmp_path, {"emou.yaml": {"terms:\n": PROHIBITS}}), "grade")
    assert grade.cells["content"].answer == ALLOWED
    assert grade.cells["publish"].answer == DENIED
    assert grade.cells["publish"].lines == ("Small (Rule 4)",)
    assert grade.cells["publish"].clauses == ("emou.yaml:16 cabinet-2025 prohibits[1]",)


def test_what_the_licence_leaves_out_is_granted_and_not_licensed(tmp_path: Path) -> None:
    grade = row(found_in(tmp_path, {"dul.yaml": {'      grade: "Measures are by grade"\n': ""}}), "grade")
    assert grade.cells["publish"].answer == ALLOWED
    assert grade.cells["licensed"].answer == DENIED
    assert grade.cells["licensed"].lines == ("outcomes-2025 fields does not name it",)
    assert grade.cells["licensed"].clauses == ("dul.yaml:10",)


def test_columns_that_are_read_without_a_grant_are_shown(tmp_path: Path) -> None:
    sealed = row(found_in(tmp_path, {}), "sealed")
    assert not sealed.cells
    assert "anything but N are never loaded: Sealed records are not joined" in sealed.note


def test_it_agrees_with_explain_on_the_demo_agreements(tmp_path: Path) -> None:
    policy = compile_policy(demo_folder(tmp_path), NIGHT)
    asked = {"link": "link", "content": "content", "licensed": "publish"}
    rows = [r for section in matrix(policy).sections for r in section.rows if r.cells]
    assert len(rows) > 200
    unlike = [
        (r.ref, use)
        for r in rows
        for use, question in asked.items()
        if (r.cells[use].answer == ALLOWED) != explain(policy, Question(r.ref, question, NIGHT)).allowed
    ]
    assert unlike == []


def test_the_page_needs_nothing_else_and_runs_nothing(tmp_path: Path) -> None:
    reason = {"dsa.yaml": {'"May say anything"': '"<script>alert(1)</script>"'}}
    text = page(found_in(tmp_path, reason), "A & B")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "A &amp; B" in text
    assert not re.search(r'(?:src|href)="(?!#)', text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = re.search(r"style-src 'sha256-([^']+)'", text)
    assert style and digest
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() == digest[1]


def test_every_heading_of_the_page_has_its_scope(tmp_path: Path) -> None:
    text = page(found_in(tmp_path, {}))
    headings = re.findall(r"<th(?!ead)([^>]*)>", text)
    assert headings
    assert [attributes for attributes in headings if 'scope="' not in attributes] == []
    assert text.count("<caption>") == text.count("<table")
    assert "@page { size: A4 landscape" in text


def test_the_sheet_has_a_line_a_field(tmp_path: Path) -> None:
    found = found_in(tmp_path, {"dsa.yaml": {'"May say anything"': '"=1+1"'}})
    lines = list(csv.DictReader(io.StringIO(sheet(found))))
    assert tuple(lines[0]) == COLUMNS
    assert [line["field"] for line in lines] == [r.ref[2] for r in found.sections[0].rows]
    by_field = {line["field"]: line for line in lines}
    assert by_field["grade"]["publish"] == "allowed"
    assert by_field["grade"]["publish_clauses"] == "dsa.yaml:48 district-2025 school.students.grade"
    assert by_field["notes"]["link_how_or_why"] == "'=1+1"
