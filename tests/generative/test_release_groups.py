"""Small tables in three levels and a table linked to them: the auditor against every table that fits what is shown.

Schools S1 to S4 lie in neighbourhoods N1 and N2 of a city; a second table counts N1 and the rest again. What is shown
is held against every assignment of whole numbers to the schools, and every group of hidden counts is looked at.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.release_grids import Bench, Grid, bench, grid

from assets.release.policy import ReleasePolicy
from assets.release.tables import Additive, CellRef, Relation

T = 3
POLICY = ReleasePolicy(threshold=T, certain="shown")
PLACES, SEXES = ("S1", "S2", "S3", "S4", "N1", "N2", "All"), ("F", "M", "All")
BANDS = ("low", "rest", "All")
OF_PLACE = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]])
OF_SEX = np.array([[1, 0], [0, 1], [1, 1]])
CITY = np.kron(OF_PLACE, OF_SEX)
"""Shape (21, 8): each published cell from the schools' counts by sex."""
LINKED = np.kron(OF_PLACE[[4, 5, 6]], OF_SEX)
IN_NEIGHBOURHOOD = "substr(l.place, 1, 1) = 'N' and r.place in (case l.place when 'N1' then 'S1' else 'S3' end, " \
    "case l.place when 'N1' then 'S2' else 'S4' end) and l.sex = r.sex"  # fmt: skip
WITHIN = Relation("schools of a neighbourhood", CellRef("t", "children"), CellRef("t", "children"), on=IN_NEIGHBOURHOOD)
SAME = Relation(
    "bands are neighbourhoods",
    CellRef("u", "children"),
    CellRef("t", "children"),
    on="l.sex = r.sex and r.place = case l.band when 'low' then 'N1' when 'rest' then 'N2' else 'All' end",
)
UPPER = (Additive("place", where="place in ('N1', 'N2', 'All')"), "sex")
SETTINGS = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

schools = st.lists(st.integers(0, 3), min_size=8, max_size=8)


def _grid(
    name: str, corner: str, labels: tuple[str, ...], cells: np.ndarray, hidden: np.ndarray, **more: object
) -> Grid:
    marks = np.where(hidden, "*", "")
    lines = [f"{corner}\\sex " + " ".join(SEXES)]
    for row, label in enumerate(labels):
        lines.append(" ".join([label, *(f"{cells[row * 3 + c]}{marks[row * 3 + c]}" for c in range(3))]))
    return grid(name, "\n".join(lines), **more)


def _room(inner: np.ndarray, hidden: np.ndarray, linked: np.ndarray | None) -> Bench:
    tables = [_grid("t", "place", PLACES, CITY @ inner, hidden, additive=UPPER)]
    if linked is None:
        return bench(*tables, relations=(WITHIN,), policy=POLICY)
    tables.append(_grid("u", "band", BANDS, LINKED @ inner, linked))
    return bench(*tables, relations=(WITHIN, SAME), policy=POLICY)


def _fitting(shown: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return every school table (rows) whose cells `shown` (r, 8) have these values; the city's total is among them."""
    total = int(values[-1])
    bars = np.array(list(itertools.combinations(range(total + 7), 7)))
    edges = np.hstack([np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), total + 7)])
    every = np.diff(edges, axis=1) - 1
    return every[(every @ shown.T == values).all(axis=1)]


def _variables(room: Bench) -> np.ndarray:
    """Return the variable of each cell; a table's rows are numbered in the order of their key."""
    found: list[int] = []
    for block, labels in zip(room.system.blocks, (PLACES, BANDS), strict=False):
        keys = [(label, sex) for label in labels for sex in SEXES]
        order = {key: block.offset + number for number, key in enumerate(sorted(keys))}
        found += [order[key] for key in keys]
    return np.array(found)


def _open(inner: np.ndarray, away: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what the hidden cells can be (every table that fits in a row), and what they are."""
    cells = CITY if len(away) == len(CITY) else np.vstack([CITY, LINKED])
    shown = np.append(np.setdiff1d(np.flatnonzero(~away), 20), 20)
    return _fitting(cells[shown], cells[shown] @ inner) @ cells[away].T, cells[away] @ inner


def _wrong(possible: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Say for each hidden cell whether it is known, or small and within too narrow an interval."""
    least, most = possible.min(axis=0), possible.max(axis=0)
    small = (true >= 1) & (true < T)
    return (most == least) | (small & ~((least < T) & (most >= T) & (most - least >= T)))


def _case(draw: st.DataObject, size: int) -> np.ndarray:
    hidden = np.array(draw.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    hidden[-1] = False
    return hidden


@pytest.mark.parametrize("two", [False, True], ids=["three levels", "three levels and a linked table"])
@SETTINGS
@given(inner=schools, draw=st.data())
def test_the_auditor_agrees_with_every_table_that_fits(two: bool, inner: list[int], draw: st.DataObject) -> None:
    assume(1 <= sum(inner) <= 9)
    hidden, linked = _case(draw, 21), _case(draw, 9) if two else None
    room = _room(np.array(inner), hidden, linked)
    report = room.audit()
    away = hidden if linked is None else np.concatenate([hidden, linked])
    possible, true = _open(np.array(inner), away)
    variables = _variables(room)[away]
    assert set(report.narrow) & set(variables) == set(variables[_wrong(possible, true)])
    if _a_group_is_known(possible, true):
        assert report.findings


def _a_group_is_known(possible: np.ndarray, true: np.ndarray) -> bool:
    """Say whether some group of hidden cells has a known sum of 1..t-1, trying every group (of at most 12 cells)."""
    few = np.flatnonzero(true < T)[:12]
    groups = np.array(list(itertools.product([0, 1], repeat=len(few))), np.int64).reshape(2 ** len(few), len(few))
    sums = possible[:, few] @ groups.T
    known = (sums.min(axis=0) == sums.max(axis=0)) & (sums[0] >= 1) & (sums[0] < T)
    return bool(known.any())


@pytest.mark.parametrize("two", [False, True], ids=["three levels", "three levels and a linked table"])
@SETTINGS
@given(inner=schools)
def test_what_suppression_chooses_lets_every_sensitive_number_and_group_stay_open(two: bool, inner: list[int]) -> None:
    counts = np.array(inner)
    assume(3 <= counts.sum() <= 11)
    nothing = np.zeros(21, bool), np.zeros(9, bool)
    room = _room(counts, nothing[0], nothing[1] if two else None)
    hidden = room.suppress()
    report = room.audit(hidden)
    assert report.passed, [str(finding) for finding in report.findings]
    possible, true = _open(counts, hidden[_variables(room)])
    assert not _wrong(possible, true).any()
    assert not _a_group_is_known(possible, true)
