"""Keyed draws: one 64-bit number for each count, the same for every count of the same children.

What belongs here: what makes two counts the same cell, and the keyed hash of it. What does not: what a mode makes of
a draw (`rounding`, `cell_key`).

Two counts are one cell where the outcomes give them the same key of children (`<count>__key`, see
`assets.outcomes.child_keys`). Where they give none, two counts are one where the equations leave no other way: a total
of one part that is not empty, a numerator that is its denominator. Noise drawn twice for one cell could be averaged.
"""

# Names in these statements come from a validated catalogue, never from data; keys are parameters.
# ruff: noqa: S608

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from assets.extracts.keyed import pads
from assets.release.system import Bools, Floats, Ints, Kind, System, TableBlock
from assets.release.working import WORK

Words = npt.NDArray[np.uint64]


def draws(con: duckdb.DuckDBPyConnection, system: System, secret: bytes) -> tuple[Floats, Bools]:
    """Return a draw of 0..1 for each variable, shape (n,), and whether the count has a key of its children, (n,).

    Draws are HMAC-SHA256 under `secret`, cut to 64 bits. Entries that are no counts are not to be used.
    """
    out, keyed = np.zeros(len(system.values), np.uint64), np.zeros(len(system.values), bool)
    for block in system.blocks:
        if block.spec.counts and block.rows:
            span = slice(block.offset, block.offset + block.rows * len(block.spec.counts))
            out[span], keyed[span] = _of_table(con, block, secret)
    chosen = np.where(keyed, out, out[_first_alike(system, keyed)])
    return np.asarray(chosen * 2.0**-64, np.float64), keyed


def _of_table(con: duckdb.DuckDBPyConnection, block: TableBlock, secret: bytes) -> tuple[Words, Bools]:
    """Return the draws of a table's counts in the order row, count, and which of them have a key."""
    spec = block.spec
    inner, outer = pads(secret)
    key = ", ".join(f'"{dim}"' for dim in spec.dims)
    chosen = []
    for number, name in enumerate(spec.count_names):
        cell = f"'cell' || to_json([{', '.join((repr_sql(spec.name), repr_sql(name), key))}])::varchar"
        text = f"coalesce('children ' || \"{name}__key\"::varchar, {cell})"
        hashed = f"sha256($outer::blob || unhex(sha256($inner::blob || encode({text}))))"
        chosen.append(f"('0x' || substr({hashed}, 1, 16))::ubigint as d{number}")
        chosen.append(f'"{name}__key" is not null as k{number}')
    found = con.execute(
        f'select {", ".join(chosen)} from {WORK}."{spec.name}" order by {key}', {"outer": outer, "inner": inner}
    ).fetchnumpy()
    numbers = range(len(spec.counts))
    drawn = np.column_stack([np.asarray(found[f"d{number}"], np.uint64) for number in numbers]).ravel()
    return drawn, np.column_stack([np.asarray(found[f"k{number}"], bool) for number in numbers]).ravel()


def repr_sql(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _first_alike(system: System, keyed: Bools) -> Ints:
    """Return for each variable, (n,), the one whose draw it takes: of its equals one with a key, or the first.

    An equation says that two numbers are equal when only these two of it are not zero, on opposite sides.
    """
    n = len(system.values)
    alive = system.matrix.multiply(system.values != 0).tocsr()
    alive.eliminate_zeros()
    pair = np.flatnonzero((np.diff(alive.indptr) == 2) & (np.asarray(alive.sum(axis=1)).ravel() == 0))
    left, right = alive.indices[alive.indptr[pair]], alive.indices[alive.indptr[pair] + 1]
    graph = sparse.csr_matrix((np.ones(len(pair)), (left, right)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    rank = np.where(keyed, 0, np.where(system.kind == Kind.COUNT, 1, 2))
    order = np.lexsort((np.arange(n), rank, label))
    first = order[np.searchsorted(label[order], np.arange(label.max(initial=-1) + 1))]
    return np.asarray(first[label], np.int64)
