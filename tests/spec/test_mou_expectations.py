"""Tests that a lawyer writes: what holds, what does not and why, what a failure stops, and what no test touches."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from support.mou import NIGHT, SIGNED_ON, SMALL, edited, write
from support.signed import DUL, EMOU, UNDER, Signers, amending

from mou_policies.expectations import AS_IF_SIGNED, AS_SIGNED, Judged, coverage
from mou_policies.language import load_agreement
from mou_policies.linting import lint_folder
from mou_policies.policy import compile_policy
from mou_policies.trials import against_signing, trial


def expecting(text: str, *entries: str) -> str:
    """Return an agreement that expects each entry."""
    return text + "expect:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


def city(folder: Path, *entries: str, of: str = "clinic") -> Signers:
    """An EMOU, a sharing agreement and a licence, signed; one of them expects the entries."""
    keys = Signers(folder)
    for name, text in (("cabinet", EMOU), ("clinic", UNDER), ("outcomes", DUL)):
        keys.written(f"{name}.yaml", expecting(text, *entries) if name == of else text, SIGNED_ON)
    return keys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agreements"


ENTRIES = [
    # what is expected (of clinic.visits on 2026-09-01)                                   holds  severity if not
    ("field: clinic.visits.visits, use: publish, is: allowed",                            True,  ""),
    ("field: clinic.visits.visits, use: publish, is: denied",                             False, "error"),
    ("field: clinic.visits.zip, use: publish, is: denied",                                True,  ""),
    ("field: clinic.visits.zip, use: publish, is: allowed",                               False, "warning"),
    ("field: clinic.visits.nobody, use: link, is: denied",                                True,  ""),
    ("field: nothing.at.all, use: link, is: denied",                                      True,  ""),
    # for a purpose
    ("field: clinic.visits.visits, use: publish, purpose: measure-success, is: allowed",  True,  ""),
    ("field: clinic.visits.visits, use: publish, purpose: link-records, is: denied",      True,  ""),
    ("field: clinic.visits.visits, use: publish, purpose: research, is: allowed",         False, "warning"),
    # because of a rule
    ("field: clinic.visits.ssn, use: publish, is: denied, because: FLD-003",              True,  ""),
    ("field: clinic.visits.ssn, use: publish, is: denied, because: FLD-001",              False, "warning"),
    # because of an exception
    ("field: clinic.visits.visits, use: publish, is: allowed, because: hipaa.public-health", True, ""),
    ("field: clinic.visits.visits, use: publish, is: allowed, because: ferpa.studies",    False, "warning"),
    # because of a clause: the grant, the ceiling, a limit, the licence
    ("field: clinic.visits.visits, use: publish, is: allowed, because: clinic.visits.visits", True, ""),
    ("field: clinic.visits.visits, use: publish, is: allowed, because: cabinet-2025 permits", True, ""),
    ("field: clinic.visits.dob, use: publish, is: allowed, because: 'limits[1]'",         True,  ""),
    ("field: clinic.visits.dob, use: publish, is: allowed, because: fields.clinic.visits.dob", True, ""),
    ("field: clinic.visits.dob, use: publish, is: allowed, because: 'limits[2]'",         False, "warning"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "holds", "severity"), ENTRIES, ids=[entry for entry, _, _ in ENTRIES])
def test_an_expectation(folder: Path, entry: str, holds: bool, severity: str) -> None:
    city(folder, f"{entry}, on: 2026-09-01")
    (judged,) = trial(folder).judged
    found = judged.finding()
    assert (judged.holds, judged.basis) == (holds, AS_SIGNED)
    assert (found.severity if found else "") == severity
    if found is not None:
        assert (found.rule, found.file, found.line) == ("AGR-015", "clinic.yaml", 36)
        assert found in lint_folder(folder, NIGHT)


DAYS = [
    # on          is         because
    ("2025-06-30", "denied",  "AGR-004"),
    ("2025-07-01", "allowed", "hipaa.public-health"),
    ("2030-06-30", "allowed", "hipaa.public-health"),
    ("2030-07-01", "denied",  "AGR-004"),
]  # fmt: skip


@pytest.mark.parametrize(("on", "answer", "because"), DAYS)
def test_each_is_asked_on_its_own_day(folder: Path, on: str, answer: str, because: str) -> None:
    entry = f"field: clinic.visits.visits, use: publish, on: {on}, is: {answer}, because: {because}"
    write(folder, expecting(SMALL, entry))
    (draft,) = trial(folder).judged
    Signers(folder).sign(folder / "clinic.yaml", SIGNED_ON)
    (signed,) = trial(folder).judged
    assert [(one.basis, one.holds) for one in (draft, signed)] == [(AS_IF_SIGNED, True), (AS_SIGNED, True)]


def test_a_draft_is_asked_as_if_signed_and_does_not_change_the_answer_of_what_is_signed(folder: Path) -> None:
    allowed = "field: clinic.visits.visits, use: publish, on: 2026-09-01, is: allowed"
    keys = Signers(folder)
    first = keys.written("clinic.yaml", expecting(SMALL, allowed), SIGNED_ON)
    strict = edited("use: publish, treatment: {top_code: 20}", "use: none")
    write(folder, amending(first, "clinic-2026", expecting(strict, allowed)), "draft.yaml")
    assert [(one.agreement.file, one.basis, one.holds) for one in trial(folder).judged] == [
        ("clinic.yaml", AS_SIGNED, True),
        ("draft.yaml", AS_IF_SIGNED, False),
    ]
    assert len(trial(folder, ("draft.yaml",)).judged) == 1


def test_a_changed_agreement_is_asked_as_if_signed(folder: Path) -> None:
    keys = city(folder, "field: clinic.visits.visits, use: publish, on: 2026-09-01, is: denied")
    file = keys.folder / "clinic.yaml"
    file.write_text(file.read_text().replace("use: publish, treatment: {top_code: 20}", "use: none"))
    (judged,) = trial(folder).judged
    assert (judged.basis, judged.holds) == (AS_IF_SIGNED, True)


# -- what a failure stops ------------------------------------------------------------------------------------------

WIDER = "field: clinic.visits.visits, use: publish, on: 2026-09-01, is: denied"
NARROWER = "field: clinic.visits.zip, use: publish, on: 2026-09-01, is: allowed"
LATER = "field: clinic.visits.visits, use: content, on: 2028-01-01, is: denied"
ELSEWHERE = "field: camp.visits.visits, use: publish, on: 2026-09-01, is: denied"

STOPS = [
    # who expects  what        sources that load  what the night says
    ("clinic",     NARROWER,   {"clinic", "camp"}, {}),
    ("clinic",     WIDER,      {"camp"},           {"clinic.yaml": 36, "outcomes.yaml": 4}),
    ("clinic",     LATER,      {"camp"},           {"clinic.yaml": 36, "outcomes.yaml": 4}),
    ("clinic",     ELSEWHERE,  {"camp"},           {"clinic.yaml": 36, "outcomes.yaml": 4}),
    ("cabinet",    WIDER,      {"camp"},           {"clinic.yaml": 1, "outcomes.yaml": 4}),
    ("cabinet",    ELSEWHERE,  {"clinic"},         {"camp.yaml": 1, "camps.yaml": 4}),
    ("outcomes",   WIDER,      {"clinic", "camp"}, {"outcomes.yaml": 26}),
]  # fmt: skip


@pytest.mark.parametrize(("who", "entry", "loads", "refused"), STOPS)
def test_a_grant_wider_than_expected_stops_its_owner_and_no_other(
    folder: Path, who: str, entry: str, loads: set[str], refused: dict[str, int]
) -> None:
    keys = city(folder, entry, of=who)
    keys.written("camp.yaml", UNDER.replace("clinic", "camp"), SIGNED_ON)
    licence = DUL.replace("[clinic-2025]", "[camp-2025]").replace("  clinic:\n", "  camp:\n")
    keys.written("camps.yaml", licence.replace("outcomes-2025", "camps-2025"), SIGNED_ON)
    policy = compile_policy(folder, NIGHT)
    assert set(policy.sources) == loads
    assert {r.agreement_file: r.line for r in policy.refusals} == refused
    assert {r.agreement_file for r in policy.refusals if "AGR-015" not in r.reason} == {
        name for name, line in refused.items() if line == 4
    }, "a licence under what is stopped has lost its parent"


def test_what_is_stopped_still_forbids(folder: Path) -> None:
    """What an owner forbids in one agreement holds for their other one, though the first is stopped."""
    keys = Signers(folder)
    forbids = 'prohibits: [{use: [publish], class: ["health.*"], because: "b", cite: "c"}]\n'
    asks = "field: clinic.visits.dob, use: publish, on: 2026-09-01, is: denied"
    keys.written("clinic.yaml", expecting(SMALL + forbids, asks), SIGNED_ON)
    other = SMALL.replace("clinic-2025", "clinic-dental-2025").replace("  clinic:\n", "  dental:\n")
    keys.written("dental.yaml", other.replace("visits_*", "dental_*"), SIGNED_ON)
    policy = compile_policy(folder, NIGHT)
    assert [(r.agreement_file, "AGR-015" in r.reason) for r in policy.refusals] == [("clinic.yaml", True)]
    assert list(policy.sources) == ["dental"]
    assert policy.publishable("dental", "visits", "visits") is None
    assert policy.publishable("dental", "visits", "birth_year") is not None


def test_nobody_signs_what_grants_more_than_it_expects(folder: Path) -> None:
    file = write(folder, expecting(SMALL, WIDER))
    (against,) = against_signing(file, NIGHT)
    assert against.startswith("clinic.yaml:35:5: error AGR-015: clinic.visits.visits: publish is expected to be denied")
    assert against_signing(write(folder, expecting(SMALL, NARROWER)), NIGHT) == []
    assert against_signing(write(folder, SMALL), date(2024, 1, 1)) == [], "it is judged on its first day"
    (against,) = against_signing(write(folder, UNDER), NIGHT)
    assert "its parent cabinet-2025 is not among the agreements" in against
    write(folder, EMOU, "cabinet.yaml")
    assert against_signing(folder / "clinic.yaml", NIGHT) == [], "signatures that are missing are no obstacle"


# -- what no test touches ------------------------------------------------------------------------------------------

COVERED = [
    # the expectation                                                     clauses it touches
    ("field: clinic.visits.visits, use: publish, is: allowed",            ["clinic.yaml clinic.visits.visits",
                                                                           "outcomes.yaml fields.clinic.visits.visits",
                                                                           "cabinet.yaml permits.publish"]),
    ("field: clinic.visits.dob, use: publish, is: allowed",               ["clinic.yaml clinic.visits.dob",
                                                                           "outcomes.yaml fields.clinic.visits.dob",
                                                                           "cabinet.yaml limits[1]",
                                                                           "cabinet.yaml permits.publish"]),
    ("field: clinic.visits.ssn, use: link, is: allowed",                  ["clinic.yaml clinic.visits.ssn",
                                                                           "cabinet.yaml permits.link"]),
    ("field: clinic.visits.notes, use: content, is: denied",              ["clinic.yaml clinic.visits.notes"]),
    ("field: clinic.visits.nobody, use: content, is: denied",             []),
]  # fmt: skip


def of(clause: str) -> str:
    """Return `file path` of a clause text `file:line agreement path`."""
    place, _, path = clause.split(" ", 2)
    return f"{place.partition(':')[0]} {path}"


@pytest.mark.parametrize(("entry", "touched"), COVERED, ids=[entry for entry, _ in COVERED])
def test_coverage_names_the_clauses(folder: Path, entry: str, touched: list[str]) -> None:
    city(folder, f"{entry}, on: 2026-09-01")
    found = trial(folder)
    assert all(one.holds for one in found.judged)
    covered = coverage(found.agreements, found.judged)
    assert sorted(of(one.clause) for one in covered if one.touched) == sorted(touched)
    kinds = Counter(one.kind for one in covered)
    assert kinds == {"fields": 8 + 2, "prohibitions": 2, "limits": 1, "permits": 3}, (
        "a field of two uses has two grants"
    )


def test_a_prohibition_is_touched_where_it_is_what_denies(folder: Path) -> None:
    keys = Signers(folder)
    keys.written("cabinet.yaml", edited('["housing.*"]', '["birth.*"]', EMOU), SIGNED_ON)
    because = "field: clinic.visits.dob, use: publish, on: 2026-09-01, is: denied, because: 'prohibits[2]'"
    keys.written("clinic.yaml", expecting(UNDER, because), SIGNED_ON)
    found = trial(folder)
    assert [one.holds for one in found.judged] == [True]
    touched = {of(one.clause) for one in coverage(found.agreements, found.judged) if one.touched}
    assert touched == {"clinic.yaml clinic.visits.dob", "cabinet.yaml prohibits[2]"}


def test_a_judgement_says_what_was_asked(folder: Path) -> None:
    judged: Judged = trial(city(folder, WIDER).folder).judged[0]
    assert (judged.expected, judged.found) == ("denied", "allowed")
    assert judged.agreement.sha256 == load_agreement(folder / "clinic.yaml").sha256
    assert "is expected to be denied on 2026-09-01, and is allowed: clinic.yaml:33" in str(judged.finding())
