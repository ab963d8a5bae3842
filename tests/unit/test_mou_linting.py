"""Lint of a folder: drafts before they are signed, files that cannot be read, and what does not stop its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.mou import NIGHT, edited, write
from support.mou_clean import CLEAN, DSA, planted

from mou_policies.language import load_agreement
from mou_policies.linting import lint_folder
from mou_policies.policy import compile_policy

PROHIBITS = 'prohibits: [{use: [publish], class: ["education.*"], because: "Small", cite: "Rule 4"}]\nterms:\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agreements"


def rules(folder: Path) -> list[tuple[str, str]]:
    return [(found.file, found.rule) for found in lint_folder(folder, NIGHT)]


def test_drafts_are_judged_together_before_anybody_signs(folder: Path) -> None:
    for name, text in CLEAN.items():
        write(folder, edited("terms:\n", PROHIBITS, text) if name == "emou.yaml" else text, name)
    unsigned = [(name, "AGR-005") for name in sorted(CLEAN)]
    assert rules(folder) == sorted([*unsigned, ("dsa.yaml", "REL-001")])


def test_every_error_of_a_file_is_told(folder: Path) -> None:
    wrong = {"{date: year}": "keep", "id.ssn": "id.sn", "delivery: full": "delivery: fully"}
    planted(folder, {"dsa.yaml": {"period_days: 180": "period_days: TODO"}}, {})
    assert [rule for file, rule in rules(folder) if file == "dsa.yaml"] == ["AGR-017"]
    planted(folder.parent / "again" / "agreements", {"dsa.yaml": wrong}, {})
    again = rules(folder.parent / "again" / "agreements")
    assert [rule for file, rule in again if file == "dsa.yaml"] == ["STR-001", "FLD-007", "FLD-002"]


def test_a_licence_is_not_blamed_for_an_agreement_that_cannot_be_read(folder: Path) -> None:
    planted(folder, {"dsa.yaml": {"delivery: full": "delivery: fully"}}, {})
    assert [rule for file, rule in rules(folder) if file == "dul.yaml"] == ["AGR-009"]


def test_a_trust_store_that_cannot_be_read_is_a_finding(folder: Path) -> None:
    planted(folder, {}, {})
    (folder / "signers.yaml").write_text("signers: [\n", encoding="utf-8")
    (found,) = lint_folder(folder, NIGHT)
    assert (found.file, found.stops) == ("signers.yaml", True)


def test_a_draft_amendment_does_not_stop_what_is_signed(folder: Path, tmp_path: Path) -> None:
    ended = {"agreement: district-2025": "agreement: district-2024", "to: 2030-06-30": "to: 2026-06-30"}
    old = DSA
    for words, others in ended.items():
        old = edited(words, others, old)
    digest = load_agreement(write(tmp_path / "apart", old)).sha256
    amends = f'amends: {{agreement: district-2024, sha256: "{digest}"}}\nunder:'
    planted(folder, {"dsa.yaml": {"under:": amends}}, {"old.yaml": old})
    assert rules(folder) == [], "what has ended is not asked for where an amendment stands in its place"
    draft = edited("agreement: district-2025", "agreement: district-2027", edited("under:", amends, DSA))
    write(folder, draft, "draft.yaml")
    assert "district-2025" in compile_policy(folder, NIGHT).agreements
    assert ("draft.yaml", "AGR-014") in rules(folder)
    assert ("dsa.yaml", "AGR-014") not in rules(folder)
