"""How much one child can change the counts of a release: which counts get noise of their own, and the bound they prove.

The unit of privacy is a child of the city with all its records: two cities are neighbours when one has one child more.
A child changes a count by 1 or not at all, since counts are of children, each counted once. So the bound (L1) is how
many counts a child can be in at once:

- In one slot (the rows of a definition and period that are broken down by the same dimensions) a child is in at most
  one row: parts that sum to an `All` row cannot gain more than that row does. Where the catalogue does not say that
  values partition their `All` row, or that row is missing, every value is a slot of its own: programs overlap.
- Of a numerator and what its denominator has beside it, a child is in at most one. So noise is drawn for the two, and
  the denominator is their sum: half the cost of drawing for numerator and denominator.
- A count that a relation gives as the sum of others is that sum of noisy counts, and costs nothing: shared cells are
  drawn once, pairs of programs follow from the sets.

What belongs here: that choice, and the bound for each table by set-based SQL. What does not: the noise (`noise`).
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from assets.release.system import NEWEST, Bools, Ints, Kind, System, TableBlock, numbered
from assets.release.tables import TOTAL, Additive, PublishedTable


@dataclass(frozen=True)
class Contribution:
    """What is drawn for a release.

    `drawn` (n,): variables with noise of their own, counts and complements. `recipe` CSR (n, n): every new count as the
    sum of drawn variables (a drawn one is itself). `sensitivity`: by table, in how many drawn counts one child can be
    (L1); no single one changes by more than 1 (L infinity).
    """

    drawn: Bools
    recipe: sparse.csr_matrix
    sensitivity: Mapping[str, int]


def contribution(system: System, weights: Mapping[str, float], release: str = NEWEST) -> Contribution:
    """Return what is drawn for the new rows of a system, whose cells are those of public domains.

    `weights`: by table; of a cell that two tables share, the heavier table's is drawn. `release`: what new rows carry.
    """
    new = new_counts(system, release)
    derived = _derived(system, new, weights)
    n = len(system.values)
    drawn = new.copy()
    drawn[derived.nonzero()[0]] = False
    numerator, denominator, complement = _pairs(system)
    both = drawn[numerator] & drawn[denominator]
    numerator, denominator, complement = numerator[both], denominator[both], complement[both]
    drawn[denominator] = False
    drawn[complement] = True
    itself = np.flatnonzero(drawn)
    first = sparse.csr_matrix(
        (
            np.ones(len(itself) + 2 * len(denominator)),
            (
                np.concatenate([itself, denominator, denominator]),
                np.concatenate([itself, numerator, complement]),
            ),
        ),
        shape=(n, n),
    )
    recipe = (first + derived @ first).tocsr()
    bound = {block.spec.name: _bound(system, block, drawn, numerator) for block in system.blocks}
    return Contribution(drawn, recipe, {name: most for name, most in bound.items() if most})


def new_counts(system: System, release: str = NEWEST) -> Bools:
    """Return which variables, shape (n,), are counts that this release shows first."""
    out = np.zeros(len(system.values), bool)
    for block in system.blocks:
        width = len(block.spec.counts)
        out[block.offset : block.offset + block.rows * width] = np.repeat(block.release == release, width)
    return out


def _pairs(system: System) -> tuple[Ints, Ints, Ints]:
    """Return (numerator, denominator, complement) of the counts that are alone within their denominator."""
    every = np.flatnonzero(system.kind == Kind.COMPLEMENT)
    group, many = np.unique(system.minuend[every], return_counts=True)
    alone = every[np.isin(system.minuend[every], group[many == 1])]
    # Of a chain (a within b within c) only the lowest pair is taken, or b would be drawn twice.
    lowest = alone[~np.isin(system.subtrahend[alone], system.minuend[every])]
    return system.subtrahend[lowest], system.minuend[lowest], lowest


def _derived(system: System, new: Bools, weights: Mapping[str, float]) -> sparse.csr_matrix:
    """Return CSR (n, n): counts that a relation between tables gives as the sum of others of this release."""
    n = len(system.values)
    rows: list[Ints] = []
    cols: list[Ints] = []
    taken, used = np.zeros(n, bool), np.zeros(n, bool)
    for total, count, part in _equations(system, new):
        upper, lower = total[count], part
        shared = len(np.unique(part)) == len(part) == len(total)
        if shared and _weight(system, weights, lower) < _weight(system, weights, upper):
            upper, lower = lower, upper
        bad = used[upper] | taken[upper] | taken[lower]
        whole = ~np.isin(upper, upper[bad])
        upper, lower = upper[whole], lower[whole]
        taken[upper], used[lower] = True, True
        rows.append(upper)
        cols.append(lower)
    row, col = np.concatenate([*rows, np.empty(0, np.int64)]), np.concatenate([*cols, np.empty(0, np.int64)])
    return sparse.csr_matrix((np.ones(len(row)), (row, col)), shape=(n, n))


def _equations(system: System, new: Bools) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield for each relation between tables (totals, which total each part belongs to, parts), all of new counts."""
    labels = system.labels.astype(str)
    matrix = system.matrix.tocsr()
    for label in sorted({str(label) for label in labels if str(label).startswith("relation ")}):
        chosen = matrix[np.flatnonzero((labels == label) & ~system.drifting)].tocoo()
        counts_only = np.ones(chosen.shape[0], bool)
        foreign = ~new[chosen.col]
        counts_only[np.unique(chosen.row[foreign])] = False
        keep = counts_only[chosen.row]
        row, col, coefficient = chosen.row[keep], chosen.col[keep], chosen.data[keep]
        equations, row = np.unique(row, return_inverse=True)
        total = np.zeros(len(equations), np.int64)
        total[row[coefficient < 0]] = col[coefficient < 0]
        yield total, row[coefficient > 0], col[coefficient > 0]


def _weight(system: System, weights: Mapping[str, float], variables: Ints) -> float:
    if not len(variables):
        return 0.0
    return weights[system.block_of(int(variables[0]))[0].spec.name]


def _bound(system: System, block: TableBlock, drawn: Bools, numerator: Ints) -> int:
    """Return in how many drawn counts of one table a child can be."""
    spec, width = block.spec, len(block.spec.counts)
    if not width or not block.rows:
        return 0
    span = slice(block.offset, block.offset + block.rows * width)
    paired = np.zeros(len(drawn), bool)
    paired[numerator] = True
    cells, pairs = drawn[span].reshape(block.rows, width), paired[span].reshape(block.rows, width)
    total = 0
    for number, name in enumerate(spec.count_names):
        # A numerator and its complement are one slot: a child is in one of the two.
        names = {name} | ({str(spec.counts[number].within)} if pairs[:, number].any() else set())
        total += _slots(system, spec, cells[:, number], names)
    return total


def _slots(system: System, spec: PublishedTable, drawn: Bools, names: set[str]) -> int:
    """Return how many slots the drawn rows of a count fall into."""
    con = system._con
    con.register("drawn_rows", pa.table({"rid": np.arange(len(drawn)), "drawn": drawn}))
    parted = [
        part
        for part in spec.partitions
        if part.kind == "sum" and (part.counts is None or names <= set(part.counts)) and part.dim != spec.period
    ]
    dims = [part.dim for part in parted]
    marks = [f"case when t.\"{dim}\" = '{TOTAL}' then '{TOTAL}' else '' end" for dim in dims]
    plain = [f't."{dim}"' for dim in spec.dims]
    slot = [*(f't."{dim}"' for dim in spec.dims if dim not in dims), *marks]
    whole = " and ".join(_margin_is_there(spec, dims[: number + 1], parted) for number in range(len(dims))) or "true"
    sql = (
        f"select count(distinct case when {whole} then ['', {', '.join(slot) or 'null'}] "
        f"else ['each', {', '.join(plain)}] end) from {numbered(spec)} t join drawn_rows using (rid) where drawn"
    )
    found = con.execute(sql).fetchall()[0][0]
    con.unregister("drawn_rows")
    return int(found)


def _margin_is_there(spec: PublishedTable, collapsed: Sequence[str], parted: Sequence[Additive]) -> str:
    """Return the SQL condition that a row's margin over the first of the partitioned dimensions is in the table."""
    same = [f'm."{dim}" = t."{dim}"' for dim in spec.dims if dim not in collapsed]
    margin = [f"m.\"{dim}\" = '{TOTAL}'" for dim in collapsed]
    holds = [f"({part.where})" for part in parted if part.where]
    where = " and ".join([*same, *margin, "m.of_release = t.of_release"])
    rows = f"(select * from {numbered(spec)} where {' and '.join(holds)})" if holds else numbered(spec)
    inside = f" and t.rid in (select rid from {rows})" if holds else ""
    return f"exists (select 1 from {rows} m where {where}){inside}"
