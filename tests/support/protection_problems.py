"""Problems for tests of the protection room, an attacker of another library's making, the search of every pattern."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from assets.release.protection import Problem
from assets.release.system import Bools


def table(inner: np.ndarray, sensitive: np.ndarray, level: float, price: np.ndarray | None = None) -> Problem:
    """Return a table of any dimension with all its margins; inner cells in `sensitive` must move by `level` up or down.

    The lower level is `level` too, but at most the value. Prices are values unless given (shape of the whole table).
    """
    whole = inner.astype(float)
    for axis in range(inner.ndim):
        whole = np.concatenate([whole, whole.sum(axis=axis, keepdims=True)], axis=axis)
    number = np.arange(whole.size).reshape(whole.shape)
    rows, columns, factors = [], [], []
    count = 0
    for axis in range(inner.ndim):
        for line in np.moveaxis(number, axis, -1).reshape(-1, whole.shape[axis]):
            rows += [count] * len(line)
            columns += line.tolist()
            factors += [1.0] * (len(line) - 1) + [-1.0]
            count += 1
    up, hidden = np.zeros(whole.shape), np.zeros(whole.shape, bool)
    inside = tuple(slice(0, size) for size in inner.shape)
    up[inside][sensitive], hidden[inside] = level, sensitive
    value = whole.ravel()
    nothing = np.zeros(value.size)
    return Problem(
        matrix=sparse.csr_matrix((factors, (rows, columns)), shape=(count, value.size)),
        value=value,
        lowest=nothing,
        highest=np.full(value.size, np.inf),
        price=(whole if price is None else price).ravel() + 1.0,
        hidden=hidden.ravel(),
        fixed=nothing > 0,
        room_down=nothing,
        room_up=nothing,
        up=up.ravel(),
        down=np.minimum(up.ravel(), value),
        width=nothing,
        whole=nothing > 0,
    )


def reach(problem: Problem, hidden: Bools, cell: int) -> tuple[float, float]:
    """Return how far up and down a cell can move, by programs that share nothing with the room."""
    loose = hidden | ((problem.price <= 0) & ~problem.fixed)
    low = np.where(loose, problem.lowest - problem.value, -problem.room_down)
    high = np.where(loose, problem.highest - problem.value, problem.room_up)
    ends = []
    for sign in (1, -1):
        cost = np.zeros(len(low))
        cost[cell] = -sign
        found = linprog(
            cost,
            A_eq=problem.matrix,
            b_eq=np.zeros(problem.matrix.shape[0]),
            bounds=np.column_stack([low, high]),
            method="highs",
        )
        ends.append(np.inf if found.status == 3 else -found.fun)
    return ends[0], ends[1]


def unmet(problem: Problem, hidden: Bools) -> list[int]:
    """Return the cells whose demands a pattern does not meet."""
    asked = np.flatnonzero((problem.up > 0) | (problem.down > 0) | (problem.width > 0))
    return [
        int(cell)
        for cell, (up, down) in ((cell, reach(problem, hidden, int(cell))) for cell in asked)
        if up < problem.up[cell] - 1e-5 or down < problem.down[cell] - 1e-5 or up + down < problem.width[cell] - 1e-5
    ]


def cheapest(problem: Problem) -> float:
    """Return the price of the cheapest complements by trying every pattern."""
    free = np.flatnonzero(~problem.hidden & ~problem.fixed)
    tries = sorted(
        (float(problem.price[list(chosen)].sum()), chosen)
        for size in range(len(free) + 1)
        for chosen in itertools.combinations(free.tolist(), size)
    )
    for price, chosen in tries:
        hidden = problem.hidden.copy()
        hidden[list(chosen)] = True
        if not unmet(problem, hidden):
            return price
    return float("inf")
