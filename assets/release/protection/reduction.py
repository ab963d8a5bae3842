"""Elimination: what is left of a problem once all that cannot move is gone, and the parts it falls into.

What belongs here: numbers that no reader can doubt leave the equations; equations that follow from others leave too
(exactly, coefficient by coefficient, each total in terms of its parts); what hangs together becomes a `Part`. Equations
are put in an order of their own first, so that the order in which they came changes nothing. What does not: any choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from assets.release.protection.problem import EPSILON, Bools, Problem
from assets.release.solver import Floats, Ints

MOST_TERMS = 1_000_000


@dataclass(frozen=True)
class Part:
    """One connected part in terms of moves y from the values, A y = 0; everything has shape (k,) but `matrix`.

    `near_low` <= y <= `near_high` while a number is shown, `far_low` <= y <= `far_high` when it is hidden.
    `loose`: hidden or derived from the start; `open`: may be hidden at `price`.
    """

    members: Ints
    matrix: sparse.csr_matrix
    near_low: Floats
    near_high: Floats
    far_low: Floats
    far_high: Floats
    price: Floats
    loose: Bools
    open: Bools
    up: Floats
    down: Floats
    width: Floats
    value: Floats
    whole: Bools

    @property
    def demanding(self) -> Ints:
        """The numbers that demand something, those that need most room first."""
        most = np.maximum(np.maximum(self.up, self.down), self.width)
        order = np.lexsort((self.members, self.value, -most))
        return order[most[order] > 0]


def parts_of(problem: Problem) -> Iterator[Part]:
    """Yield the connected parts in which something is demanded, by their first number."""
    derived = (problem.price <= 0) & ~problem.fixed & ~problem.hidden
    loose = problem.hidden | derived
    shut = problem.fixed & ~loose
    near_low, near_high = np.minimum(0.0, -problem.room_down), np.maximum(0.0, problem.room_up)
    far_low = np.where(shut, near_low, np.minimum(problem.lowest - problem.value, near_low))
    far_high = np.where(shut, near_high, np.maximum(problem.highest - problem.value, near_high))
    wanted = (problem.up > 0) | (problem.down > 0) | (problem.width > 0)
    moving = (far_high - far_low > EPSILON) | wanted
    columns = np.flatnonzero(moving)
    matrix = canonical(problem.matrix[:, columns].tocsr())
    for inside, rows in connected(matrix):
        members = columns[inside]
        if not wanted[members].any():
            continue
        yield Part(
            members=members,
            matrix=independent(matrix[rows][:, inside].tocsr(), problem.value[members]),
            near_low=near_low[members],
            near_high=near_high[members],
            far_low=far_low[members],
            far_high=far_high[members],
            price=problem.price[members],
            loose=loose[members],
            open=~loose[members] & ~shut[members],
            up=problem.up[members],
            down=problem.down[members],
            width=problem.width[members],
            value=problem.value[members],
            whole=problem.whole[members],
        )


def canonical(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the equations without empty and repeated ones, in an order that depends on nothing but what they say."""
    matrix = matrix.copy()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    matrix = matrix[np.diff(matrix.indptr) > 0]
    if not matrix.shape[0]:
        return matrix
    first = matrix.indptr[:-1]
    scale = sparse.diags(1.0 / matrix.data[first])
    matrix = (scale @ matrix).tocsr()
    matrix.sort_indices()
    number = np.arange(1.0, matrix.shape[1] + 1)
    scattered = 997.3 * np.sqrt(number), 991.7 * np.cbrt(number)
    marks = [np.round(matrix @ np.modf(one)[0], 9) for one in scattered]
    order = np.lexsort((*marks, np.diff(matrix.indptr), matrix.indices[first]))
    key = np.column_stack([matrix.indices[first], np.diff(matrix.indptr), *marks])[order]
    new = np.append(True, (np.diff(key, axis=0) != 0).any(axis=1))
    return matrix[order[new]]


def independent(matrix: sparse.csr_matrix, size: Floats) -> sparse.csr_matrix:
    """Return the equations that do not follow from those before; `size` (n,): larger numbers are expressed first.

    Beyond MOST_TERMS terms of fill the rest is kept as it is.
    """
    kept, _ = _eliminate(matrix, size)
    return matrix[kept]


def expressions(matrix: sparse.csr_matrix, size: Floats) -> dict[int, dict[int, float]]:
    """Return every number that the equations give, number -> {number that they do not give: coefficient}."""
    return _eliminate(matrix, size)[1].known


def _eliminate(matrix: sparse.csr_matrix, size: Floats) -> tuple[list[int], _Terms]:
    """Take equations of small numbers first: then no number is used before it is expressed, unless some repeat."""
    kept: list[int] = []
    terms = _Terms()
    largest = np.maximum.reduceat(size[matrix.indices], matrix.indptr[:-1]) if matrix.shape[0] else np.empty(0)
    order = np.argsort(largest, kind="stable").tolist()
    for number, row in enumerate(order):
        if terms.count > MOST_TERMS:
            return sorted(kept + order[number:]), terms
        span = slice(matrix.indptr[row], matrix.indptr[row + 1])
        left = terms.resolve(dict(zip(matrix.indices[span].tolist(), matrix.data[span].tolist(), strict=True)))
        if left:
            kept.append(row)
            terms.solve_for(max(left, key=lambda v: (abs(abs(left[v]) - 1) < EPSILON, size[v], -v)), left)
    return sorted(kept), terms


class _Terms:
    """Numbers expressed by others that are not expressed themselves: number -> {number: coefficient}."""

    def __init__(self) -> None:
        self.known: dict[int, dict[int, float]] = {}
        self._users: dict[int, set[int]] = {}
        self.count = 0

    def resolve(self, left: dict[int, float]) -> dict[int, float]:
        """Return the expression `left` in terms of numbers that are not expressed."""
        out: dict[int, float] = {}
        for number, factor in left.items():
            for v, c in self.known.get(number, {number: 1.0}).items():
                out[v] = out.get(v, 0.0) + factor * c
        return {v: c for v, c in out.items() if abs(c) > EPSILON}

    def solve_for(self, number: int, left: dict[int, float]) -> None:
        """Express `number` by the rest of an equation `left` = 0, here and wherever it was used."""
        scale = left.pop(number)
        self._set(number, {v: -c / scale for v, c in left.items()})
        for user in sorted(self._users.pop(number, ())):
            self._set(user, self.resolve(self.known[user]))

    def _set(self, number: int, terms: dict[int, float]) -> None:
        self.count += len(terms) - len(self.known.get(number, ()))
        self.known[number] = terms
        for v in terms:
            self._users.setdefault(v, set()).add(number)


def connected(matrix: sparse.csr_matrix) -> list[tuple[Ints, Ints]]:
    """Split equations into connected parts: (columns, rows) of each, by the first column; lone columns too."""
    m, n = matrix.shape
    coo = matrix.tocoo()
    graph = sparse.csr_matrix((np.ones(len(coo.row)), (coo.row, m + coo.col)), shape=(m + n, m + n))
    count, label = connected_components(graph, directed=False)
    column_order, row_order = np.argsort(label[m:], kind="stable"), np.argsort(label[:m], kind="stable")
    column_cut = np.searchsorted(label[m:][column_order], np.arange(count + 1))
    row_cut = np.searchsorted(label[:m][row_order], np.arange(count + 1))
    found = [
        (column_order[column_cut[i] : column_cut[i + 1]], row_order[row_cut[i] : row_cut[i + 1]]) for i in range(count)
    ]
    return sorted((part for part in found if len(part[0])), key=lambda part: int(part[0][0]))
