"""One attack: what its intervals are worth when the solver is off, undecided, or the counts are large."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from assets.release.attacker import CONTRADICTION, EXACT, TOO_NARROW, UNDECIDED, Attacker
from assets.release.policy import ReleaseError
from assets.release.solver import LinearProgram

T = 10
MILLIONS = 50_000_000.0


def _attacker(
    rows: list[list[float]], low: list[float], high: list[float] | None = None, most: float = 1e9
) -> Attacker:
    k = len(rows[0])
    ends = np.array(low, float), np.array(low if high is None else high, float)
    return Attacker(sparse.csr_matrix(rows), ends, (np.zeros(k), np.full(k, most)), np.full(k, T))


@pytest.mark.parametrize(
    ("rows", "low", "expected"),
    [
        pytest.param([[1, 1, 0], [0, 1, 1]], [MILLIONS + 5, MILLIONS], None, id="5 to 50,000,005"),
        pytest.param([[1, 1, 0], [0, 1, 1]], [MILLIONS + 10, MILLIONS], TOO_NARROW, id="10 and more"),
        pytest.param([[1, 1, 0], [1, 0, 1]], [MILLIONS, 9.0], TOO_NARROW, id="0 to 9"),
        pytest.param([[1, 1, 0], [1, 0, 1]], [MILLIONS, 10.0], None, id="0 to 10"),
        pytest.param([[1, 1, 0], [0, 1, 0]], [MILLIONS + 5, MILLIONS], EXACT, id="5"),
    ],
)
def test_a_few_children_are_seen_beside_millions(
    rows: list[list[float]], low: list[float], expected: str | None
) -> None:
    found = {number: what for number, what, _ in _attacker(rows, low).attack(np.array([2, 0, 0]))}
    assert found.get(0) == expected


def test_whole_numbers_are_looked_for_where_only_fractions_fit() -> None:
    # 2 x0 = 3 x1 + 1: x0 goes from 2 to 14, but never takes 3, 4 or 12.
    two = _attacker([[2.0, -3.0]], [1.0], most=14)
    assert list(two.attack(np.array([2, 0]))) == []
    halves = _attacker([[2.0, -4.0]], [1.0], most=14)
    assert [what for _, what, _ in halves.attack(np.array([2, 0]))] == [TOO_NARROW], "no whole numbers fit at all"


def test_the_ends_are_looked_for_where_one_solution_on_each_side_is_not_enough() -> None:
    # 3 x0 = 2 x1 with a fraction in between: x0 is even, from 0 to 16; 10 and 2 alone are not 10 apart.
    attacker = _attacker([[3.0, -2.0, 0.0], [0.0, 1.0, -3.0]], [0.0, 0.0], most=25)
    assert list(attacker.attack(np.array([2, 0, 0]))) == []
    least, most = attacker.interval(0)
    assert most - least >= T


def test_what_the_solver_cannot_decide_stops_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    solve = LinearProgram.solve

    def gives_up(self: LinearProgram, maximise: bool = False) -> np.ndarray | None:
        if self._whole:
            raise ReleaseError("the solver stopped with 'Time limit reached'")
        return solve(self, maximise)

    monkeypatch.setattr(LinearProgram, "solve", gives_up)
    assert [what for _, what, _ in _attacker([[2.0, -4.0]], [1.0], most=14).attack(np.array([2, 0]))] == [UNDECIDED]


def test_an_answer_that_does_not_fit_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    solve = LinearProgram.solve

    def dreams(self: LinearProgram, maximise: bool = False) -> np.ndarray | None:
        found = solve(self, maximise)
        return None if found is None else found + 30

    monkeypatch.setattr(LinearProgram, "solve", dreams)
    with pytest.raises(ReleaseError, match="does not fit what it was asked"):
        list(_attacker([[1.0, 1.0]], [5.0]).attack(np.array([2, 0])))


@pytest.mark.parametrize(("truth", "expected"), [((4.0, 16.0), None), ((40.0, 16.0), TOO_NARROW)])
def test_what_is_said_to_be_true_is_no_witness_unless_it_fits(truth: tuple[float, float], expected: str | None) -> None:
    ends = np.array([20.0, 0.0]), np.array([20.0, 9.0 if expected else 20.0])
    rows = sparse.csr_matrix([[1.0, 1.0], [1.0, 0.0]])
    attacker = Attacker(rows, ends, (np.zeros(2), np.full(2, 1e6)), np.full(2, T), np.array(truth))
    assert next((what for _, what, _ in attacker.attack(np.array([2, 0]))), None) == expected


def test_numbers_that_contradict_each_other_are_reported() -> None:
    twice = _attacker([[1.0, 1.0], [1.0, 1.0]], [5.0, 6.0])
    assert [what for _, what, _ in twice.attack(np.array([2, 0]))] == [CONTRADICTION]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [((0, 20), True), ((3, 15), True), ((0, 21), False), ((0, 9), False), ((5, 14), False)],
)
def test_a_certified_interval_is_tried(ends: tuple[float, float], expected: bool) -> None:
    attacker = _attacker([[1.0, 1.0]], [20.0])
    assert list(attacker.attack(np.array([2, 0]))) == []
    assert attacker.bears_out(0, 2, *ends) is expected
