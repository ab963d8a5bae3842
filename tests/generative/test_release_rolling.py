"""Held tables over random series: no reader of every release can tell a change of 1..t-1 from none or from many."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.release_rolling import T, possible_changes, shown

from assets.release.holding import coarse_enough, step
from assets.release.policy import ReleaseError

MOST = 60
bases = st.sampled_from([8, 10, 20])
series = st.lists(st.integers(0, 45), min_size=2, max_size=5)
nudges = st.lists(st.integers(-6, 6), min_size=1, max_size=5)


@given(bases, st.integers(0, 45), nudges)
@settings(max_examples=15, deadline=None)
def test_the_changes_that_fit_what_was_shown_are_never_all_of_1_to_t_less_1(base, start, steps):
    counts = [start]
    for nudge in steps:
        counts.append(max(0, counts[-1] + nudge))
    _judge(counts, base)


@given(bases, series)
@example(base=8, counts=[15, 0, 12])
@example(base=10, counts=[15, 0, 12])
@settings(max_examples=15, deadline=None)
def test_nor_are_they_where_counts_leap(base, counts):
    _judge(counts, base)


def _judge(counts, base):
    seen = shown(counts, base)
    for first, last in combinations(range(len(counts)), 2):
        found = possible_changes(seen, first, last, MOST, base)
        true = counts[last] - counts[first]
        assert true in found
        if 0 < abs(true) < T:
            assert any(change == 0 or abs(change) >= T for change in found), (seen, first, last)
            assert len(found) > 1


@given(bases, st.integers(20, 60), st.data())
@settings(max_examples=15, deadline=None)
def test_fewer_than_a_step_of_rows_whatever_their_order_move_nothing(base, start, data):
    least = step(base, T)
    probes = data.draw(st.lists(st.integers(1 - least, least - 1), min_size=1, max_size=4))
    assert shown([start, *(start + probe for probe in probes)], base)[1:] == [
        (False, shown([start], base)[0][1]) for _ in probes
    ]


@pytest.mark.parametrize(("base", "threshold", "expected"), [(20, 10, 20), (10, 10, 10), (10, 11, 20), (6, 10, 12)])
def test_a_step_is_whole_units_of_rounding_and_no_less_than_the_threshold(base, threshold, expected):
    assert step(base, threshold) == expected


@pytest.mark.parametrize(
    ("base", "threshold", "fine"), [(6, 10, False), (8, 10, True), (10, 14, True), (10, 15, False), (20, 29, True)]
)
def test_a_table_that_is_rounded_too_finely_is_not_held(base, threshold, fine):
    assert coarse_enough(base, threshold) == fine
    if not fine:
        with pytest.raises(ReleaseError, match="too fine beside a threshold"):
            shown([20, 40], base, threshold)
