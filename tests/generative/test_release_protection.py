"""Random problems: every demand met, the cheapest pattern found where that can be checked, order without effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.protection_problems import cheapest, table, unmet

from assets.release.protection import QUICK, THOROUGH, Problem, UnprotectableError, protect

FEW = settings(max_examples=8, deadline=None, derandomize=True)
FEWER = settings(FEW, max_examples=4)


def _problem(seed: int, shape: tuple[int, ...], share: float, level: float, top: int = 30) -> Problem:
    draw = np.random.default_rng(seed)
    inner = draw.integers(0, top, shape)
    return table(inner, (inner > 0) & (draw.random(shape) < share), level)


@FEW
@given(st.integers(0, 10_000), st.sampled_from([(4, 5), (3, 3, 3), (2, 3, 2, 2)]), st.sampled_from([1.0, 4.0]))
def test_every_demand_is_met(seed: int, shape: tuple[int, ...], level: float) -> None:
    problem = _problem(seed, shape, 0.2, level)
    try:
        found = protect(problem)
    except UnprotectableError:  # only when hiding everything would not help either
        assert unmet(problem, ~problem.fixed)
        return
    assert not unmet(problem, found.hidden)
    assert found.hidden[problem.hidden].all()
    assert found.bound <= found.price + 1e-6


@FEWER
@given(st.integers(0, 10_000), st.sampled_from([1.0, 5.0]))
def test_small_problems_are_solved_to_the_optimum(seed: int, level: float) -> None:
    problem = _problem(seed, (2, 2), 0.3, level, top=12)
    best = cheapest(problem)
    if not np.isfinite(best):
        return
    found = protect(problem, replace(THOROUGH, rounds=40))
    assert abs(found.price - best) < 1e-4 * max(1.0, best)
    assert found.gap < 1e-4
    quick = protect(problem, replace(QUICK, exact_cells=0))
    assert quick.price <= 2.5 * best + 1e-6


@FEWER
@given(st.integers(0, 10_000))
def test_the_order_and_sign_of_equations_change_nothing(seed: int) -> None:
    problem = _problem(seed, (4, 4), 0.2, 3.0)
    draw = np.random.default_rng(seed)
    order = draw.permutation(problem.matrix.shape[0])
    other = problem.matrix[order].multiply(draw.choice([-1.0, 1.0], (len(order), 1))).tocsr()
    first, again, shuffled = protect(problem), protect(problem), protect(replace(problem, matrix=other))
    assert (first.hidden == again.hidden).all()
    assert (first.hidden == shuffled.hidden).all()


@FEW
@given(st.integers(0, 10_000))
def test_no_complement_can_be_shown_again(seed: int) -> None:
    problem = _problem(seed, (3, 4), 0.25, 2.0)
    found = protect(problem)
    for cell in np.flatnonzero(found.hidden & ~problem.hidden):
        fewer = found.hidden.copy()
        fewer[cell] = False
        assert unmet(problem, fewer), f"cell {cell} is hidden for nothing"
