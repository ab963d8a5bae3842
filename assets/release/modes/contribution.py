"""How much one child can change the counts of a release: which counts get noise of their own, and the bound they prove.

The unit of privacy is a child of the city with all its records: two cities are neighbours when one has one child more.
A child changes a count by 1 or not at all, since counts are of children, each counted once. So the bound (L1) is how
many counts with noise of their own a child can be in at once:

- In one slot (rows of a definition and period that are broken down by the same dimensions, at the same depth of their
  hierarchies) a child is in at most one row: parts that sum to an `All` row cannot gain more than that row does. Where
  the catalogue does not say so, or a row on the way to `All` is missing, every row is a slot of its own: programs.
- Of a numerator and what its denominator has beside it, a child is in at most one. So noise is drawn for the two, and
  the denominator is their sum: half the cost of drawing for numerator and denominator.
- What relations give from other counts (`shared`) costs nothing.

What belongs here: that choice, and the bound for each table. What does not: the noise (`noise`).
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from assets.release.modes.shared import drawn_elsewhere, new_counts
from assets.release.system import NEWEST, Bools, Ints, Kind, System, TableBlock, numbered
from assets.release.tables import TOTAL, PublishedTable
from assets.release.trees import DEEPEST, directly


@dataclass(frozen=True)
class Contribution:
    """What is drawn for a release.

    `drawn` (n,): variables with noise of their own, counts and complements. `recipe` CSR (n, n): every new count as the
    sum of drawn variables. `sensitivity`: by table, in how many drawn counts one child can be (L1); no single one
    changes by more than 1 (L infinity).
    """

    drawn: Bools
    recipe: sparse.csr_matrix
    sensitivity: Mapping[str, int]


def contribution(system: System, weights: Mapping[str, float], release: str = NEWEST) -> Contribution:
    """Return what is drawn for the new rows of a system, whose cells are those of public domains.

    `weights`: by table; of a cell that two tables share, the heavier table's is drawn. `release`: what new rows carry.
    """
    new = new_counts(system, release)
    same, sums = drawn_elsewhere(system, new, weights)
    n = len(system.values)
    drawn = new & (same == np.arange(n))
    drawn[np.unique(sums.nonzero()[0])] = False
    numerator, denominator, complement = _pairs(system)
    both = drawn[numerator] & drawn[denominator]
    numerator, denominator, complement = numerator[both], denominator[both], complement[both]
    drawn[denominator] = False
    drawn[complement] = True
    itself = np.flatnonzero(drawn & new)
    cells = (np.concatenate([itself, denominator, denominator]), np.concatenate([itself, numerator, complement]))
    own = sparse.csr_matrix((np.ones(len(cells[0])), cells), shape=(n, n))
    counts = np.flatnonzero(new)
    of = sparse.csr_matrix((np.ones(len(counts)), (counts, same[counts])), shape=(n, n))
    bound = {block.spec.name: _bound(system, block, drawn, numerator) for block in system.blocks}
    return Contribution(drawn, (of @ (own + sums @ own)).tocsr(), {name: most for name, most in bound.items() if most})


def _pairs(system: System) -> tuple[Ints, Ints, Ints]:
    """Return (numerator, denominator, complement) of the counts that are alone within their denominator."""
    every = np.flatnonzero(system.kind == Kind.COMPLEMENT)
    group, many = np.unique(system.minuend[every], return_counts=True)
    alone = every[np.isin(system.minuend[every], group[many == 1])]
    # Of a chain (a within b within c) only the lowest pair is taken, or b would be drawn twice.
    lowest = alone[~np.isin(system.subtrahend[alone], system.minuend[every])]
    return system.subtrahend[lowest], system.minuend[lowest], lowest


def _bound(system: System, block: TableBlock, drawn: Bools, numerator: Ints) -> int:
    """Return in how many drawn counts of one table a child can be."""
    spec, width = block.spec, len(block.spec.counts)
    if not width or not block.rows:
        return 0
    span = slice(block.offset, block.offset + block.rows * width)
    paired = np.zeros(len(drawn), bool)
    paired[numerator] = True
    cells, pairs = drawn[span].reshape(block.rows, width), paired[span].reshape(block.rows, width)
    rows, climbs = _Rows(system, block), _climbs(system, block)
    total = 0
    for number, count in enumerate(spec.counts):
        # A numerator and its complement are one slot: a child is in one of the two.
        names = {count.name} | ({str(count.within)} if pairs[:, number].any() else set())
        total += rows.slots(cells[:, number], [one for one in climbs if one.holds_for(names)])
    return total


@dataclass(frozen=True)
class _Climb:
    """For each row of a table, (rows,): where one dimension's sums lead from it, and over how many steps."""

    dim: str
    counts: Sequence[str] | None
    root: Ints
    steps: Ints

    def holds_for(self, names: set[str]) -> bool:
        return self.counts is None or names <= set(self.counts)


def _climbs(system: System, block: TableBlock) -> list[_Climb]:
    """Follow each sum of a table's dimensions upwards, among rows of one release."""
    tables: dict[str, PublishedTable] = {each.spec.name: each.spec for each in system.blocks}
    out = []
    for part in block.spec.partitions:
        if part.kind == "sum":
            found = system._con.execute(f"select a, b from ({directly(tables, block.spec, part)})").fetchnumpy()
            above, below = np.asarray(found["a"], np.int64), np.asarray(found["b"], np.int64)
            alike = block.release[above] == block.release[below]
            parent = np.arange(block.rows)
            parent[below[alike]] = above[alike]
            root, steps = np.arange(block.rows), np.zeros(block.rows, np.int64)
            for _ in range(DEEPEST):
                steps += parent[root] != root
                root = parent[root]
            out.append(_Climb(part.dim, part.counts, root, steps))
    return out


class _Rows:
    """The rows of a table, and into how many slots some of them fall."""

    def __init__(self, system: System, block: TableBlock) -> None:
        dims = ", ".join(f'"{dim}"' for dim in block.spec.dims)
        found = system._con.execute(f"select {dims} from {numbered(block.spec)} order by rid").fetchnumpy()
        values = {dim: np.asarray(found[dim], np.str_) for dim in block.spec.dims}
        self._total = {dim: value == TOTAL for dim, value in values.items()}
        self._code = {dim: np.unique(value, return_inverse=True)[1] for dim, value in values.items()}

    def slots(self, chosen: Bools, climbs: Sequence[_Climb]) -> int:
        """Return how many slots the chosen rows fall into; a row that does not climb to `All` is one by itself."""
        at, marks = np.arange(len(chosen)), []
        arrives = np.ones(len(chosen), bool)
        summed = list(dict.fromkeys(climb.dim for climb in climbs))
        for dim in summed:
            mark = np.where(self._total[dim][at], 0, -1)
            ways = [climb for climb in climbs if climb.dim == dim]
            up = at.copy()
            for number, climb in enumerate(ways):
                there = (mark < 0) & self._total[dim][climb.root[at]]
                mark[there] = 1 + number * (DEEPEST + 1) + climb.steps[at][there]
                up[there] = climb.root[at][there]
            at = up
            arrives &= mark >= 0
            marks.append(mark)
        apart = np.where(arrives, -1, np.arange(len(chosen)))
        named = [np.where(arrives, code, 0) for dim, code in self._code.items() if dim not in summed]
        keys = np.column_stack([apart, *named, *(np.where(arrives, mark, 0) for mark in marks)])[chosen]
        return len(np.unique(keys, axis=0)) if len(keys) else 0
