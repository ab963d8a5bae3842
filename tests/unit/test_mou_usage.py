"""Minimum necessary: what counts as used, what is told of columns nobody names, and what a person may accept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.mou import NIGHT, demo_folder
from support.mou_clean import planted

from assets.usage import reads, seen
from mou_policies.policy import Policy, compile_policy
from mou_policies.usage import NOT_LINKED, NOT_READ, Reads, Seen, absent, findings, unnamed, unpublished, unused

KEPT = frozenset(("school", "students", column) for column in ("birth_year", "zip3", "grade"))
USED = Reads(KEPT, KEPT, frozenset({"name.given", "birth.date", "id.ssn"}))
ACCEPTS = """\
accepts:
  - {rule: RUN-001, field: "school.students.*", by: "A. Example", role: Director, on: 2025-07-01, until: 2027-06-30, because: "The export cannot leave them out"}
terms:
  identity: "Keyed"""  # noqa: E501


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return compile_policy(planted(tmp_path / "agreements", {}, {}), NIGHT)


def columns(*names: str) -> frozenset[tuple[str, str, str]]:
    return frozenset(("school", "students", name) for name in names)


def test_a_field_that_something_reads_is_used(policy: Policy) -> None:
    assert unused(policy, USED) == []
    assert [(i.ref[2], i.use, i.why) for i in unused(policy, replace(USED, kept=frozenset(), linked=frozenset()))] == [
        ("first_name", "link", NOT_LINKED),
        ("dob", "link", NOT_LINKED),
        ("dob", "publish", NOT_READ),
        ("ssn", "link", NOT_LINKED),
        ("zip", "content", NOT_READ),
        ("grade", "publish", NOT_READ),
    ]


def test_a_reference_that_the_load_follows_is_used(policy: Policy) -> None:
    without_zip = replace(USED, kept=KEPT - columns("zip3"))
    assert [item.ref[2] for item in unused(policy, without_zip)] == ["zip"]
    assert unused(policy, replace(without_zip, loaded=columns("zip"))) == []


def test_a_licensed_field_that_no_table_holds_is_told(policy: Policy) -> None:
    assert unpublished(policy, USED) == []
    (found,) = unpublished(policy, replace(USED, published=KEPT - columns("grade")))
    assert (found.ref[2], found.clause) == ("grade", "dul.yaml:14 outcomes-2025 fields.school.students.grade")


def test_columns_that_an_agreement_names_for_anything_are_named(policy: Policy) -> None:
    came = Seen(unnamed=columns("notes", "SEALED ", "student_id", "nickname") | {("school", "nowhere", "x")})
    assert [ref[2] for ref in unnamed(policy, came)] == ["nickname"]


def test_a_column_that_is_missing_is_told_where_it_is_granted(policy: Policy) -> None:
    assert [(i.ref[2], i.use) for i in absent(policy, Seen(absent=columns("dob", "notes")))] == [
        ("dob", "link"),
        ("dob", "publish"),
    ]


def test_many_columns_of_a_table_are_one_finding(policy: Policy) -> None:
    (found,) = findings(policy, USED, Seen(unnamed=columns(*(f"q{number:02}" for number in range(11)))))
    assert found.says == "delivered, in no agreement and not read: q00, q01, q02, q03, q04, q05, q06, q07 and 3 more"
    assert found.about == "school.students.*"


def test_a_person_may_accept_columns_that_are_not_read(tmp_path: Path) -> None:
    folder = planted(tmp_path / "agreements", {"dsa.yaml": {'terms:\n  identity: "Keyed': ACCEPTS}}, {})
    (found,) = findings(compile_policy(folder, NIGHT), USED, Seen(unnamed=columns("nickname")))
    assert (found.severity, found.accepted.partition(",")[0]) == ("note", "A. Example")


def test_what_the_hub_reads_of_the_demo_agreements(tmp_path: Path) -> None:
    policy = compile_policy(demo_folder(tmp_path), NIGHT)
    read = reads(policy)
    assert ("birth", "births", "birth_weight_g") in read.published
    assert ("consents", "forms", "decision") in read.kept
    assert ("consents", "forms", "decision") not in read.published
    assert ("hmis", "Enrollment", "ProjectID") in read.loaded
    assert "name.given" in read.linked
    assert "name.suffix" not in read.linked
    idle = {".".join(item.ref) for item in unused(policy, read)}
    assert not idle & {"birth.births.BWG", "consents.forms.about_source", "hmis.Enrollment.ProjectID"}
    assert seen(tmp_path / "nights.duckdb") == Seen()
