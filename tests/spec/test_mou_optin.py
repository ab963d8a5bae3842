"""Where silence is a no: which doors make a source opt-in, and for which of its classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.mou import NIGHT, SMALL, edited, write

from mou_policies.language import load_agreement
from mou_policies.optin import opt_in_sources
from mou_policies.policy import assumed_policy
from mou_policies.vocabulary import exceptions

HIPAA = "hipaa.authorization"
PUBLIC = """\
  - exception: hipaa.public-health
    cite: "45 CFR 164.512(b)(1)(i)"
    elements: {authority: "Grant of 2 June 2025", minimum: "Reasons stand beside the fields"}
"""
CONSENT = f"""\
  - exception: {HIPAA}
    cite: "45 CFR 164.508(c)"
    elements: {{{", ".join(f'{name}: "As on form 7"' for name in exceptions()[HIPAA].elements)}}}
"""
SUBSTANCE = f"""\
  - exception: part2.consent
    cite: "42 CFR 2.31, 2.33"
    elements: {{{", ".join(f'{name}: "As on form 8"' for name in exceptions()["part2.consent"].elements)}}}
"""
VISITS = "          visits: {class: health.visit, use: publish, treatment: {top_code: 20}"


@pytest.mark.parametrize(
    ("doors", "more", "expected"),
    [
        pytest.param(PUBLIC, "", {}, id="a statute that asks for no consent"),
        pytest.param(CONSENT, "", {"clinic": {"health.visit": (HIPAA,)}}, id="the family's authorization alone"),
        pytest.param(PUBLIC + CONSENT, "", {}, id="either of the two"),
        pytest.param(
            PUBLIC + SUBSTANCE,
            '          sud: {class: health.substance_use, use: content, treatment: keep, reason: "Served"}\n',
            {"clinic": {"health.substance_use": ("part2.consent",)}},
            id="one class of it rests on consent alone",
        ),
    ],
)
def test_opt_in_sources(tmp_path: Path, doors: str, more: str, expected: dict[str, dict[str, tuple[str, ...]]]):
    text = edited(VISITS, more + VISITS, edited(PUBLIC, doors, SMALL))
    policy = assumed_policy([load_agreement(write(tmp_path, text))], NIGHT)
    assert list(policy.sources) == ["clinic"], policy.refusals
    assert opt_in_sources(policy) == expected


def test_the_doors_that_ask_for_consent_are_data():
    asking = {name for name, rule in exceptions().items() if rule.opt_in}
    assert asking == {"ferpa.consent", HIPAA, "idea.consent", "part2.consent"}
