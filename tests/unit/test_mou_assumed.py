"""What drafts would grant if they were signed: all tests of a night but the signatures."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.mou import NIGHT, SMALL, edited, sign_all, write

from mou_policies.language import load_agreement
from mou_policies.policy import assumed_policy, compile_policy

CASES = [
    # words changed           by                  on                 granted, or why not
    ("term:",                 "term:",            NIGHT,             None),
    ("term:",                 "term:",            date(2025, 6, 30), "begins on 2025-07-01"),
    ("term:",                 "term:",            date(2030, 7, 1),  "ended on 2030-06-30 (AGR-004)"),
    ("public-health: \"Who",  "research: \"Who",  NIGHT,             "(AGR-018)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "on", "why"), CASES)
def test_a_draft_is_judged_as_if_signed(tmp_path: Path, old: str, new: str, on: date, why: str | None) -> None:
    draft = load_agreement(write(tmp_path, edited(old, new)))
    assert not compile_policy(tmp_path, on).sources
    policy = assumed_policy([draft], on)
    assert list(policy.sources) == ([] if why else ["clinic"])
    assert [why in r.reason for r in policy.refusals if why] == ([True] if why else [])


def test_what_is_signed_grants_what_its_draft_would(tmp_path: Path) -> None:
    file = write(tmp_path / "agreements", SMALL)
    assumed = assumed_policy([load_agreement(file)], NIGHT)
    signed = compile_policy(sign_all(file.parent), NIGHT)
    assert (assumed.sources, assumed.digest) == (signed.sources, signed.digest)
