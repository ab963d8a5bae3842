"""Random tables: the auditor against brute force, and suppression against the auditor."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.release_grids import Bench, Grid, bench, grid

from assets.release.policy import ReleasePolicy
from assets.release.system import Bools

SLOW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
SMALL = ReleasePolicy(threshold=3, certain="shown")


def _grid(cells: list[list[int]], hidden: list[list[bool]] | None = None, name: str = "t") -> Grid:
    """Return a grid with its margins from inner cells; `hidden` marks cells of the whole grid."""
    inner = np.array(cells)
    whole = np.block([[inner, inner.sum(axis=1, keepdims=True)], [inner.sum(axis=0), inner.sum()]])
    labels = [*(f"p{row}" for row in range(len(cells))), "All"]
    columns = [*(f"s{column}" for column in range(inner.shape[1])), "All"]
    text = ["place\\sex " + " ".join(columns)]
    for row, label in enumerate(labels):
        marks = ["*" if hidden is not None and hidden[row][column] else "" for column in range(len(columns))]
        text.append(" ".join([label, *(f"{whole[row, c]}{marks[c]}" for c in range(len(columns)))]))
    return grid(name, "\n".join(text))


def _possible(cells: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return every whole grid (with margins, flat) that fits what is shown of `cells`; the grand total is shown."""
    rows, columns = cells.shape[0] - 1, cells.shape[1] - 1
    total = int(cells[-1, -1])
    ranges = [range(total + 1) if hidden[r, c] else [int(cells[r, c])] for r in range(rows) for c in range(columns)]
    found = []
    for choice in itertools.product(*ranges):
        inner = np.array(choice).reshape(rows, columns)
        whole = np.block([[inner, inner.sum(axis=1, keepdims=True)], [inner.sum(axis=0), inner.sum()]])
        if (whole == cells)[~hidden].all():
            found.append(whole.ravel())
    return np.array(found)


@SLOW
@given(
    cells=st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=2, max_size=3),
    draw=st.data(),
)
def test_the_auditor_agrees_with_brute_force(cells: list[list[int]], draw: st.DataObject) -> None:
    rows, columns = len(cells) + 1, len(cells[0]) + 1
    hidden = np.array(
        draw.draw(st.lists(st.lists(st.booleans(), min_size=columns, max_size=columns), min_size=rows, max_size=rows))
    )
    hidden[-1, -1] = False
    if sum(map(sum, cells)) > 12:
        return
    room = bench(_grid(cells, hidden.tolist()), policy=SMALL)
    report = room.audit()
    inner = np.array(cells)
    whole = np.block([[inner, inner.sum(axis=1, keepdims=True)], [inner.sum(axis=0), inner.sum()]])
    possible = _possible(whole, hidden)
    least, most = possible.min(axis=0), possible.max(axis=0)
    expected = set()
    for place in np.flatnonzero(hidden.ravel()):
        small = 1 <= whole.ravel()[place] < SMALL.threshold
        low, high = least[place], most[place]
        if (small and not (low < 3 <= high and high - low >= 3)) or high == low:
            expected.add(_variable(room, place, columns))
    assert set(report.narrow) == expected


def _variable(room: Bench, place: int, columns: int) -> int:
    """Return the variable of a grid position: rows are numbered in the order of their key."""
    row, column = divmod(place, columns)
    names = [*(f"p{r}" for r in range(9)), "All"], [*(f"s{c}" for c in range(9)), "All"]
    count = room.system.n_counts // columns
    label = "All" if row == count - 1 else names[0][row]
    other = "All" if column == columns - 1 else names[1][column]
    keys = sorted(
        (first, second) for first in (*names[0][: count - 1], "All") for second in (*names[1][: columns - 1], "All")
    )
    return keys.index((label, other))


@SLOW
@given(cells=st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=2, max_size=6))
def test_what_suppression_hides_passes_the_audit(cells: list[list[int]]) -> None:
    room = bench(_grid(cells))
    report = room.audit(room.suppress())
    assert report.passed, [str(finding) for finding in report.findings]


@SLOW
@given(
    cells=st.lists(
        st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=2), min_size=2, max_size=5
    )
)
def test_rates_and_complements_pass_the_audit(cells: list[list[tuple[int, int]]]) -> None:
    yes, no = np.array([[c[0] for c in row] for row in cells]), np.array([[c[1] for c in row] for row in cells])
    room = bench(_pairs(yes, yes + no))
    report = room.audit(room.suppress())
    assert report.passed, [str(finding) for finding in report.findings]


def _pairs(numerator: np.ndarray, denominator: np.ndarray) -> Grid:
    def margins(inner: np.ndarray) -> np.ndarray:
        return np.block([[inner, inner.sum(axis=1, keepdims=True)], [inner.sum(axis=0), inner.sum()]])

    y, n = margins(numerator), margins(denominator)
    labels = [*(f"p{row}" for row in range(len(numerator))), "All"]
    text = ["place\\sex " + " ".join([*(f"s{c}" for c in range(numerator.shape[1])), "All"])]
    for r, label in enumerate(labels):
        text.append(" ".join([label, *(f"{y[r, c]}/{n[r, c]}" for c in range(y.shape[1]))]))
    return grid("t", "\n".join(text))


@SLOW
@given(
    cells=st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=3, max_size=4),
    seed=st.integers(0, 5),
)
def test_showing_one_more_primary_count_always_stops_the_release(cells: list[list[int]], seed: int) -> None:
    room = bench(_grid(cells))
    hidden = room.suppress()
    primary = np.flatnonzero(hidden & (room.system.values >= 1) & (room.system.values < 10))
    if len(primary):
        leaked: Bools = hidden.copy()
        leaked[primary[seed % len(primary)]] = False
        assert not room.audit(leaked).passed
