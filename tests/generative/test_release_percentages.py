"""Random tables under coded percentages: the auditor against brute force, and suppression against the auditor."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.release_grids import bench, grid

from assets.release.policy import CodedTail, ReleasePolicy

SLOW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
CODED = ReleasePolicy(percentages=(CodedTail(15, 10, 90), CodedTail(60, 5, 95)))
SMALL = ReleasePolicy(threshold=3, certain="shown", percentages=(CodedTail(5, 30, 80),))


def _text(yes: np.ndarray, groups: np.ndarray) -> str:
    """Return a grid of numerators and denominators with margins."""

    def margins(inner: np.ndarray) -> np.ndarray:
        return np.block([[inner, inner.sum(axis=1, keepdims=True)], [inner.sum(axis=0), inner.sum()]])

    y, n = margins(yes), margins(groups)
    rows = [*(f"p{r}" for r in range(len(yes))), "All"]
    lines = ["place\\sex " + " ".join([*(f"s{c}" for c in range(yes.shape[1])), "All"])]
    lines += [" ".join([label, *(f"{a}/{b}" for a, b in zip(y[r], n[r], strict=True))]) for r, label in enumerate(rows)]
    return "\n".join(lines)


@SLOW
@given(
    cells=st.lists(
        st.lists(st.tuples(st.integers(0, 8), st.integers(5, 90)), min_size=3, max_size=3), min_size=2, max_size=5
    )
)
def test_what_suppression_hides_and_tells_passes_the_audit(cells: list[list[tuple[int, int]]]) -> None:
    yes = np.array([[a for a, _ in row] for row in cells])
    room = bench(grid("t", _text(yes, yes + np.array([[b for _, b in row] for row in cells]))), policy=CODED)
    found = room.code()
    report = room.audit(found.hidden, coded=found.coded)
    assert report.passed, [str(finding) for finding in report.findings]
    assert found.coded is not None
    told = found.coded != ""
    assert not (told & ~found.hidden).any(), "a bound stands beside a hidden numerator only"


@SLOW
@given(yes=st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=2, max_size=2), draw=st.data())
def test_the_auditor_agrees_with_brute_force_on_bounds(yes: list[list[int]], draw: st.DataObject) -> None:
    numerators = np.array(yes)
    groups = np.array(draw.draw(st.lists(st.lists(st.integers(6, 8), min_size=2, max_size=2), min_size=2, max_size=2)))
    room = bench(grid("t", _text(numerators, groups)), policy=SMALL)
    size = room.system.n_counts
    hidden = np.zeros(len(room.system.values), bool)
    hidden[0:size:2] = draw.draw(st.lists(st.booleans(), min_size=size // 2, max_size=size // 2))
    share = 100 * room.system.values[0:size:2] / room.system.values[1:size:2]
    tell = hidden[0:size:2] & np.array(draw.draw(st.lists(st.booleans(), min_size=size // 2, max_size=size // 2)))
    coded = np.full(len(room.system.values), "", object)
    coded[0:size:2] = np.where(tell & (share < 30), "<30 %", np.where(tell & (share > 80), ">80 %", ""))
    report = room.audit(hidden, coded=coded)

    # Rows and columns sort `All` before the others, so the grid of variables is turned back by the keys' order.
    y, n = room.system.values[0:size:2].reshape(3, 3), room.system.values[1:size:2].reshape(3, 3)
    possible = []
    for inner in itertools.product(*(range(int(group) + 1) for group in n[1:, 1:].ravel())):
        block = np.array(inner).reshape(2, 2)
        whole = np.block([[block.sum(), block.sum(axis=0)], [block.sum(axis=1, keepdims=True), block]])
        fits = (whole == y) | hidden[0:size:2].reshape(3, 3)
        text = coded[0:size:2].reshape(3, 3)
        fits &= (text != "<30 %") | (100 * whole < 30 * n)
        fits &= (text != ">80 %") | (100 * whole > 80 * n)
        if fits.all():
            possible.append(whole.ravel())
    least, most = np.min(possible, axis=0), np.max(possible, axis=0)
    told = np.flatnonzero(coded[0:size:2] != "")
    bound = np.where(coded[0:size:2] == "<30 %", np.ceil(0.3 * n.ravel()) - 1, n.ravel())
    start = np.where(coded[0:size:2] == "<30 %", 0, np.floor(0.8 * n.ravel()) + 1)
    narrower = {int(2 * v) for v in told if least[v] > start[v] or most[v] < bound[v]}
    flagged = {v for v, ends in report.intervals.items() if v in set(2 * told) and v in report.narrow}
    assert narrower <= flagged, "a bound of which more is known is always found"
    for v in set(2 * told) - flagged:
        assert report.intervals[int(v)] == (start[v // 2], bound[v // 2]) == (least[v // 2], most[v // 2])
