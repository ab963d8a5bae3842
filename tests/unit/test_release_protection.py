"""The protection room piece by piece: elimination, witnesses, cuts, what is asked of each number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from support.protection_problems import reach, table, unmet

from assets.release.protection import QUICK, Problem, UnprotectableError, protect
from assets.release.protection.cuts import Cuts
from assets.release.protection.reach import Reach
from assets.release.protection.reduction import canonical, expressions, independent, parts_of

ONE = np.zeros((3, 3), bool)
ONE[0, 0] = True


def _plain(inner: list[list[int]] | None = None, sensitive: np.ndarray = ONE, level: float = 2.0) -> Problem:
    return table(np.array(inner or [[5, 20, 30], [40, 50, 60], [70, 80, 90]]), sensitive, level)


def test_the_cheapest_rectangle_is_hidden() -> None:
    found = protect(_plain())
    assert np.flatnonzero(found.hidden).tolist() == [0, 1, 4, 5], "the rectangle with the smallest three others"
    assert found.gap == 0.0


def test_equations_that_follow_from_others_are_left_out() -> None:
    problem = _plain()
    matrix = canonical(
        sparse.vstack([problem.matrix, -problem.matrix[2], problem.matrix[0] + problem.matrix[1]]).tocsr()
    )
    left = independent(matrix, problem.value)
    assert left.shape[0] == np.linalg.matrix_rank(problem.matrix.toarray()) == 7
    assert np.linalg.matrix_rank(sparse.vstack([left, problem.matrix]).toarray()) == 7


def test_every_total_is_expressed_by_the_cells() -> None:
    problem = _plain()
    found = expressions(canonical(problem.matrix), problem.value)
    assert set(found) == {3, 7, 11, 12, 13, 14, 15}
    assert found[15] == dict.fromkeys((0, 1, 2, 4, 5, 6, 8, 9, 10), 1.0)


def test_a_number_that_cannot_move_leaves_the_equations() -> None:
    problem = _plain([[5, 0, 30], [40, 50, 60], [70, 80, 90]])
    problem = replace(problem, highest=2 * problem.value)
    [part] = parts_of(problem)
    assert 1 not in part.members, "0 within [0, 0]"


def test_two_tables_that_share_nothing_are_two_parts() -> None:
    problem = _plain()
    both = Problem(
        **{
            name: sparse.block_diag([value, value], format="csr")
            if name == "matrix"
            else np.concatenate([value, value])
            if isinstance(value, np.ndarray)
            else value
            for name, value in vars(problem).items()
        }
    )
    assert len(list(parts_of(both))) == 2
    assert protect(both).price == 2 * protect(problem).price


@pytest.mark.parametrize(
    ("asked", "hidden"),
    [
        ({"up": 3.0}, True),
        ({"down": 3.0}, True),
        ({"width": 6.0}, True),
        ({"width": 0.0}, False),
    ],
)
def test_each_of_the_three_levels_is_asked_for_alone(asked: dict[str, float], hidden: bool) -> None:
    problem = _plain()
    levels = {name: np.zeros(16) for name in ("up", "down", "width")}
    for name, level in asked.items():
        levels[name][0] = level
    problem = replace(problem, **levels)
    found = protect(problem)
    assert (found.hidden.sum() > 1) == hidden
    up, down = reach(problem, found.hidden, 0)
    assert not hidden or (
        up >= asked.get("up", 0) and down >= asked.get("down", 0) and up + down >= asked.get("width", 0)
    )


def test_what_a_reader_knows_beforehand_narrows_what_hiding_gives() -> None:
    problem = _plain(level=4.0)
    bounded = replace(problem, highest=problem.value + 3.0)
    with pytest.raises(UnprotectableError) as error:
        protect(bounded)
    assert error.value.variable == 0
    assert "5" not in str(error.value), "no value in an error"


def test_what_must_stay_shown_stays_shown_and_what_must_be_hidden_hidden() -> None:
    problem = _plain()
    fixed, hidden = problem.fixed.copy(), problem.hidden.copy()
    fixed[[1, 4]], hidden[10] = True, True
    found = protect(replace(problem, fixed=fixed, hidden=hidden))
    assert not found.hidden[[1, 4]].any()
    assert found.hidden[10]
    assert not unmet(problem, found.hidden)


def test_a_rounded_table_protects_without_hiding() -> None:
    problem = _plain()
    room = np.full(16, 2.0)
    found = protect(replace(problem, room_up=room, room_down=room))
    assert found.price == 0


def test_halves_up_and_down_are_no_room_for_counts() -> None:
    """Two equations x + y and x + y + 2 z leave x half a unit up and half down: a count can only be what it is."""
    matrix = sparse.csr_matrix(np.array([[2.0, -1.0, 0.0], [0.0, 1.0, -1.0]]))
    nothing, one = np.zeros(3), np.array([1.0, 0.0, 0.0])
    problem = Problem(
        matrix,
        np.array([5.0, 10.0, 10.0]),
        nothing + 0.0,
        np.array([5.5, 11.0, 11.0]),
        nothing + 1.0,
        one > 0,
        one > 1,
        nothing,
        nothing,
        nothing,
        nothing,
        one,
        one >= 0,
    )
    with pytest.raises(UnprotectableError):
        protect(replace(problem, lowest=np.array([4.5, 9.0, 9.0])))
    assert not unmet(problem, protect(replace(problem, whole=one > 1)).hidden)


def test_a_witness_dies_with_the_number_it_moves_and_comes_back_when_showing_fails() -> None:
    [part] = parts_of(_plain())
    hidden = np.isin(part.members, [1, 4, 5])
    state = Reach(part, hidden)
    assert state.satisfy(0)
    assert not state.unmet().size
    assert not state.try_showing(1), "the rectangle needs each of its corners"
    assert not state.unmet().size, "and the witness is as before"
    state.show(np.array([1]))
    assert state.unmet().tolist() == [0]


def test_cuts_hold_for_every_pattern_that_protects_and_not_for_none() -> None:
    problem = _plain()
    [part] = parts_of(problem)
    cuts = Cuts(part)
    found = cuts.violated(0, np.zeros(int(part.open.sum())))
    assert found
    good = protect(problem).hidden[part.members][part.open].astype(float)
    for cut in found:
        assert cut.least == pytest.approx(2.0, abs=1e-4), "all of the level is missing where nothing more is hidden"
        assert cut.coefficients @ good >= cut.least - 1e-9


def test_nothing_is_demanded_nothing_is_hidden() -> None:
    problem = _plain(sensitive=np.zeros((3, 3), bool))
    assert not protect(problem, QUICK).hidden.any()
