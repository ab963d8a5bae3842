"""What workspace and licences agree on for a release: of two that say something, the stricter holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.licences import DUL
from support.mou import edited, write

from assets.release.agreed import agreed, quarrels
from assets.release.policy import MODES, ReleaseError, ReleasePolicy
from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement

# workspace | what the licences' release sections say beside name and level | what holds
AGREED = [
    ({},                     [""],                                          {}),
    ({},                     ["minimum_cell: 11"],                          {"threshold": 11}),
    ({"threshold": 20},      ["minimum_cell: 11"],                          {"threshold": 20}),
    ({},                     ["zeros: hidden", "zeros: shown"],             {"zeros": "hidden"}),
    ({"certain": "hidden"},  ["certain: shown"],                            {"certain": "hidden"}),
    ({"certain": "shown"},   ["certain: shown"],                            {"certain": "shown"}),
    ({"certain": "shown"},   ["certain: hidden"],                           {"certain": "hidden"}),
    ({},                     ["mode: round-5"],                             {"mode": "round-5"}),
    ({},                     ["mode: differential-privacy\n  privacy: {epsilon: 1, budget: 4}",
                              "mode: differential-privacy\n  privacy: {epsilon: 0.5, budget: 8}"],
     {"mode": "differential-privacy", "epsilon": 0.5, "budget": 4.0}),
    ({},                     ["percentages: [{least: 10, low: 20, high: 80}, {least: 100, low: 5, high: 95}]",
                              "percentages: [{least: 40, low: 10, high: 85}]"],
     {"percentages": [(10, 20, 80), (40, 20, 80), (100, 10, 85)]}),
    ({},                     ["percentages: nces"],
     {"percentages": [(10, 20, 80), (21, 10, 90), (41, 5, 95), (101, 2, 98), (301, 1, 99)]}),
    ({},                     ["amounts: {dominant: 1, share: 75}", "amounts: {dominant: 2, share: 85, prior: 15}"],
     {"amounts": (2, 75.0, 15.0)}),
]  # fmt: skip


def licence(folder: Path, text: str, name: str = "outcomes.yaml") -> Agreement:
    """Return a licence whose release section says `text` beside its own."""
    return load_agreement(write(folder, edited("  minimum_cell: 11\n", f"  {text}\n" if text else "", DUL), name))


@pytest.mark.parametrize(("workspace", "licences", "holds"), AGREED)
def test_the_stricter_of_two_holds(tmp_path: Path, workspace: dict, licences: list[str], holds: dict) -> None:
    held = [licence(tmp_path, text) for text in licences]
    found = agreed(ReleasePolicy(**workspace), held)
    for name, value in {**workspace, **holds}.items():
        said = getattr(found, name)
        if name == "percentages":
            said = [(t.least, t.low, t.high) for t in said]
        elif name == "amounts":
            said = (said.dominant, said.share, said.prior)
        assert said == value, name
    assert ReleasePolicy.from_json(found.to_json()) == found


def test_licences_that_ask_for_different_modes_stop_the_release(tmp_path: Path) -> None:
    two = [licence(tmp_path, "mode: round-3"), licence(tmp_path, "mode: cell-key", "other.yaml")]
    (said,) = quarrels(two)
    assert "cell-key by" in said and "round-3 by" in said and "amend" in said
    assert not list(quarrels(two[:1]))


def test_the_vocabulary_and_the_room_know_the_same_modes() -> None:
    assert set(vocabulary.release_modes()) == set(MODES)


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "round-7"},
        {"mode": "differential-privacy"},
        {"epsilon": 1.0},
        {"mode": "differential-privacy", "epsilon": 2.0, "budget": 1.0},
        {"weights": (("measure", 0.0),)},
    ],
)
def test_a_policy_that_means_nothing_is_refused(changes: dict) -> None:
    with pytest.raises(ReleaseError, match="correct the release section"):
        replace(ReleasePolicy(), **changes)


# what a licence says | the error
WRONG = [
    ("mode: round-7",                                            "unknown mode 'round-7'"),
    ("mode: differential-privacy",                               "`privacy` belongs to the mode differential-privacy"),
    ("privacy: {epsilon: 1, budget: 2}",                         "`privacy` belongs to the mode differential-privacy"),
    ("zeros: maybe",                                             "unknown switch 'maybe'"),
    ("percentages: [{least: 10, low: 80, high: 20}]",            "the upper bound is not above the lower one"),
    ("percentages: [{least: 20, low: 5, high: 95}, {least: 10, low: 10, high: 90}]", "the groups do not grow"),
    ("percentages: [{least: 10, low: 5, high: 105}]",            "where a percentage is expected"),
    ("percentages: ncse",                                        "did you mean 'nces'"),
    ("amounts: {dominant: 1}",                                   "found no whole rule for amounts"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_licence_that_means_nothing_is_an_error_at_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(AgreementError, match=says):
        licence(tmp_path, text)
