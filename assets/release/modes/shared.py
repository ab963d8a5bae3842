"""Counts that follow from other counts of a release by its relations: they need no noise of their own.

What belongs here: which counts are the same children, so that one number is drawn for all of them, and which are sums
of counts of another table or row. What does not: the margins of a table, which are drawn (parts with noise do not add
up to a good total), the bound (`contribution`).

Everything here follows from rows and relations, never from a count.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from assets.release.system import NEWEST, Bools, Floats, Ints, System


def new_counts(system: System, release: str = NEWEST) -> Bools:
    """Return which variables, shape (n,), are counts that this release shows first."""
    out = np.zeros(len(system.values), bool)
    for block in system.blocks:
        width = len(block.spec.counts)
        out[block.offset : block.offset + block.rows * width] = np.repeat(block.release == release, width)
    return out


def drawn_elsewhere(system: System, new: Bools, weights: Mapping[str, float]) -> tuple[Ints, sparse.csr_matrix]:
    """Return for each variable, (n,), the one whose number it shows (itself for most), and CSR (n, n) of sums.

    Of equal counts that of the heaviest table is drawn. A count is made a sum of others only where these are of tables
    at least as heavy: a sum has the noise of all its parts, and what matters more should not have that of what matters
    less.
    """
    n = len(system.values)
    weight = np.zeros(n)
    for block in system.blocks:
        weight[block.offset : block.offset + block.rows * len(block.spec.counts)] = weights[block.spec.name]
    total, which, part = _equations(system, new)
    single = np.bincount(which, minlength=len(total))[which] == 1
    same = _same(total[which[single]], part[single], weight, n)
    rows: list[Ints] = [np.empty(0, np.int64)]
    cols: list[Ints] = [np.empty(0, np.int64)]
    made, used = np.zeros(n, bool), np.zeros(n, bool)
    for number in np.unique(which[~single]):
        upper, lower = int(same[total[number]]), same[part[which == number]]
        fits = weight[upper] <= weight[lower].min() and len(np.unique(lower)) == len(lower)
        if fits and not (made[upper] or used[upper] or made[lower].any() or upper in lower):
            made[upper], used[lower] = True, True
            rows.append(np.full(len(lower), upper))
            cols.append(lower)
    row, col = np.concatenate(rows), np.concatenate(cols)
    return same, sparse.csr_matrix((np.ones(len(row)), (row, col)), shape=(n, n))


def _same(one: Ints, other: Ints, weight: Floats, n: int) -> Ints:
    """Return for each variable, (n,), the one of those equal to it that is drawn: the heaviest, then the first."""
    graph = sparse.csr_matrix((np.ones(len(one)), (one, other)), shape=(n, n))
    _, group = connected_components(graph, directed=False)
    order = np.lexsort((np.arange(n), -weight, group))
    first = order[np.concatenate([[True], group[order][1:] != group[order][:-1]])] if n else order
    return np.asarray(first[group], np.int64)


def _equations(system: System, new: Bools) -> tuple[Ints, Ints, Ints]:
    """Return the sums that relations state between new counts: (totals, which total each part is of, parts)."""
    related = np.array([str(label).startswith("relation ") for label in system.labels], bool)
    chosen = system.matrix.tocsr()[np.flatnonzero(related & ~system.drifting)].tocoo()
    # A difference (`within`) is an equation too, with a variable that is no count.
    whole = np.ones(chosen.shape[0], bool)
    whole[np.unique(chosen.row[~new[chosen.col]])] = False
    keep = whole[chosen.row]
    row, col, sign = chosen.row[keep], chosen.col[keep].astype(np.int64), chosen.data[keep]
    equations, row = np.unique(row, return_inverse=True)
    total = np.zeros(len(equations), np.int64)
    total[row[sign < 0]] = col[sign < 0]
    return total, row[sign > 0], col[sign > 0]
