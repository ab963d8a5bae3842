"""Random rounding and cell keys as readable tables: what is shown, what a reader can infer, what the audit catches."""

from __future__ import annotations

import numpy as np
import pytest
from support.release_grids import Grid, grid
from support.release_modes import UNDER_THE_RULE, attack, planted, protector, repaired, room_of, showing

from assets.release.inferred import FORMS
from assets.release.modes import ROUNDING
from assets.release.modes.cell_key import DEVIATION, VARIANCE, CellKey, noise, probabilities
from assets.release.modes.rounding import RandomRounding, rounded
from assets.release.policy import ReleaseError, ReleasePolicy

UNLUCKY = grid(
    # 14 and 17 leave a remainder of 2 and can go down by 2, their sum of 31 up by 2: 33 - 2 = (12 + 2) + (15 + 2).
    "t",
    r"""
    place\sex  F    M    All
    A          14   17   31
    """,
    additive=("sex",),
)
CITY = grid(
    "t",
    r"""
    place\sex  F    M    X    All
    A          36   44   3    83
    B          25   40   12   77
    C          0    31   50   81
    All        61   115  65   241
    """,
)


@pytest.mark.parametrize(
    ("count", "base", "possible"),
    [
        (0, 3, {0: 1}),
        (1, 3, {0: 2 / 3, 3: 1 / 3}),
        (2, 3, {0: 1 / 3, 3: 2 / 3}),
        (3, 3, {3: 1}),
        (100, 3, {99: 2 / 3, 102: 1 / 3}),
        (0, 5, {0: 1}),
        (7, 5, {5: 3 / 5, 10: 2 / 5}),
        (10, 5, {10: 1}),
        (104, 5, {100: 1 / 5, 105: 4 / 5}),
    ],
)
def test_a_count_goes_to_one_of_its_neighbours_and_is_itself_on_average(
    count: int, base: int, possible: dict[int, float]
) -> None:
    draws = (np.arange(15 * 40) + 0.5) / (15 * 40)
    shown, times = np.unique(rounded(np.full(len(draws), float(count)), draws, base), return_counts=True)
    assert dict(zip(shown, times / len(draws), strict=True)) == pytest.approx(possible)
    assert shown @ times / len(draws) == pytest.approx(count)


def test_the_noise_has_mean_0_the_variance_asked_for_and_the_most_entropy() -> None:
    step, p = np.arange(-DEVIATION, DEVIATION + 1), probabilities()
    assert p.sum() == pytest.approx(1)
    assert p @ step == pytest.approx(0)
    assert p @ step**2 == pytest.approx(VARIANCE)
    slope = np.diff(np.log(p))[DEVIATION:] / np.diff(step**2)[DEVIATION:]
    assert slope == pytest.approx(slope[0]), "a table of most entropy falls with the square of the step"
    draws = (np.arange(100_000) + 0.5) / 100_000
    shares = np.bincount((noise(draws) + DEVIATION).astype(int)) / len(draws)
    assert shares == pytest.approx(p, abs=1e-4)


@pytest.mark.parametrize("mode", UNDER_THE_RULE)
@pytest.mark.parametrize("threshold", [3, 4, 5, 10, 11, 16])
def test_a_shown_number_stands_for_no_small_count_and_a_hidden_one_may_be_large(mode: str, threshold: int) -> None:
    made = RandomRounding(None, ROUNDING[mode], threshold) if mode in ROUNDING else CellKey(None, threshold)  # type: ignore[arg-type]
    form = FORMS[mode]
    shown = np.arange(made.hidden_up_to + 1.0, made.hidden_up_to + 40)
    shown = shown[shown % form.base == 0]
    assert made.behind(shown)[0].min() >= threshold
    assert not form.unfit(shown, threshold).any()
    assert form.unfit(np.array([float(made.hidden_up_to)]), threshold).all(), "no lower number would do"
    assert np.array_equal(form.box(shown), made.behind(shown)), "both sides say the same of a number"
    most = made.hidden_up_to + form.reach
    assert most >= threshold, "a hidden number may be t or more"
    assert most - 1 >= threshold, "and lies in an interval t wide"


@pytest.mark.parametrize("mode", UNDER_THE_RULE)
def test_a_city_in_a_mode_passes_the_audit(mode: str) -> None:
    room = room_of(CITY, policy=ReleasePolicy(mode=mode), keys={"children": "hash(place, sex)"})  # type: ignore[arg-type]
    found, report = repaired(room, protector(room))
    assert report.passed, [str(finding) for finding in report.findings]
    assert "t.children (place=A, sex=X)" in room.names(found.hidden)
    assert "t.children (place=C, sex=F)" not in room.names(found.hidden), "0 is shown, and is 0"
    counts = room.system.n_counts
    assert (found.shown[:counts] != room.system.values[:counts])[~found.hidden[:counts]].any()


ROOMY = grid(
    "t",
    r"""
    place\sex  F    M    X    All
    A          136  144  3    283
    B          125  140  112  377
    C          100  131  150  381
    All        361  415  265  1041
    """,
)


@pytest.mark.parametrize(("mode", "hidden"), [("suppress", 4), ("round-5", 2), ("cell-key", 1)])
def test_the_room_that_a_mode_leaves_is_used_before_more_is_hidden(mode: str, hidden: int) -> None:
    room = room_of(ROOMY, policy=ReleasePolicy(mode=mode), keys={"children": "hash(place, sex)"})  # type: ignore[arg-type]
    found, report = repaired(room, protector(room))
    assert report.passed
    assert found.hidden.sum() == hidden


@pytest.mark.parametrize(
    ("numbers", "finding"),
    [
        pytest.param({"F": 12, "M": 15, "All": 33}, "worked out exactly", id="an unlucky draw pins all three"),
        pytest.param({"F": 14, "M": 18, "All": 30}, "cannot show this number", id="the truth instead of the draw"),
        pytest.param({"F": 12, "M": 18, "All": 36}, "does not stand for", id="farther off than the mode goes"),
        pytest.param({"F": 3, "M": 18, "All": 30}, "may stand for a small count", id="a small number"),
        pytest.param({"F": 15, "M": 18, "All": 0}, "does not stand for", id="a 0 that is none"),
        pytest.param({"F": 15, "M": 15, "All": 30}, None, id="a draw that leaves every number open"),
    ],
)
def test_the_audit_of_a_mode_catches_what_must_not_be(numbers: dict[str, int], finding: str | None) -> None:
    room = room_of(UNLUCKY, policy=ReleasePolicy(threshold=3, mode="round-3"))
    shown = planted(room, {("A", sex): number for sex, number in numbers.items()})
    report = attack(room, room.marked, shown)
    found = "; ".join(str(one) for one in report.findings)
    assert report.passed if finding is None else finding in found, found


def test_a_number_that_an_unlucky_draw_pins_is_made_uncertain_again() -> None:
    room = room_of(UNLUCKY, policy=ReleasePolicy(threshold=3, mode="round-3"))
    unlucky = planted(room, {("A", "F"): 12, ("A", "M"): 15, ("A", "All"): 33})
    found, report = repaired(room, showing(protector(room), unlucky))
    assert report.passed
    assert found.hidden.sum() == 1


LINE: Grid = grid(
    "t",
    r"""
    place\sex  F     All
    A          131   131
    B          77    77
    All        208   208
    """,
)


@pytest.mark.parametrize("seed", [b"1", b"2", b"3"])
@pytest.mark.parametrize("mode", ["round-3", "round-5"])
def test_counts_that_must_be_equal_are_drawn_once(mode: str, seed: bytes) -> None:
    room = room_of(LINE, policy=ReleasePolicy(mode=mode))  # type: ignore[arg-type]
    shown = protector(room, seed).protect({}).shown[:6].reshape(3, 2)
    assert (shown[:, 0] == shown[:, 1]).all(), "a place with girls only has one number"


def test_a_mode_by_children_stops_where_nobody_says_which_they_are() -> None:
    room = room_of(LINE, policy=ReleasePolicy(mode="cell-key"))
    with pytest.raises(ReleaseError, match="table t has counts without a key of their children"):
        protector(room)
