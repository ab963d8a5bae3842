"""What a reader loses with each count: the prices at which suppression chooses what else to hide.

What belongs here: how dear a count is by its size and by its place in the table (the city above its
neighbourhoods, these above their schools), and the weights that a data lead sets. What does not: the choice
(`suppress`), which numbers are sensitive (`sensitivity`). Prices never change what must be protected.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from assets.release.policy import ReleaseError
from assets.release.system import Floats, System, TableBlock, numbered
from assets.release.tables import TOTAL, Catalogue, PublishedTable
from assets.release.trees import heights

LEVEL_FACTOR = 50.0
"""How much dearer a margin is than the cells below it, for each level (the top three levels count)."""
LEVELS = 3.0
DENOMINATOR_FACTOR = 4.0
ZERO_FACTOR = 3.0

Weights = Iterable[tuple[str, float]]
"""Pairs (name, weight): a `table`, or a `table.dimension`, whose rows broken down by that dimension are meant."""


def prices(system: System, weights: Weights = ()) -> Floats:
    """Return what it costs to let each variable be uncertain by one, shape (n,); differences cost nothing."""
    price, asked = np.zeros(len(system.values)), dict(weights)
    tables = {block.spec.name: block.spec for block in system.blocks}
    for block in system.blocks:
        names = block.spec.count_names
        if not names or not block.rows:
            continue
        span = slice(block.offset, block.offset + block.rows * len(names))
        value = system.values[span]
        holds = {count.within for count in block.spec.counts}
        kind = np.tile([DENOMINATOR_FACTOR if name in holds else 1.0 for name in names], block.rows)
        row = _weights(system, block, asked) * LEVEL_FACTOR ** _levels(system, block, tables)
        price[span] = block.spec.weight * kind * (1 + np.log2(1 + value)) * np.repeat(row, len(names))
        price[span] *= np.where(value == 0, ZERO_FACTOR, 1.0)
    return price


def amount_prices(system: System, weights: Weights = ()) -> Floats:
    """Return what hiding each amount costs, shape (n,), by the same levels and weights; 0 for all else."""
    price, asked = np.zeros(len(system.values)), dict(weights)
    tables = {block.spec.name: block.spec for block in system.blocks}
    for block in system.amounts:
        row = _weights(system, block, asked) * LEVEL_FACTOR ** _levels(system, block, tables)
        size = 1 + np.log2(1 + np.maximum(system.values[block.span], 0))
        price[block.span] = block.spec.weight * size * np.repeat(row, len(block.names))
    return price


def check_weights(catalogue: Catalogue, weights: Weights) -> None:
    """Raise ReleaseError, naming it, for a weight of something that is no table and no dimension of one."""
    for name, _ in weights:
        table, _, dim = name.partition(".")
        spec = catalogue.by_name.get(table)
        if spec is None or not spec.counts:
            known = ", ".join(spec.name for spec in catalogue.tables if spec.counts)
            raise ReleaseError(f"release.weights names {table}, expected one of {known}; correct cradlepath.yaml")
        if dim and dim not in spec.dims:
            known = ", ".join(spec.dims)
            raise ReleaseError(f"release.weights names {name}, expected one of {known}; correct cradlepath.yaml")


def _levels(system: System, block: TableBlock, tables: Mapping[str, PublishedTable]) -> Floats:
    """Return how high each row of a table lies, shape (rows,): the sum of the heights of its dimensions' values.

    The lowest rows lie at 0; above LEVELS nothing is dearer.
    """
    spec, found = block.spec, np.zeros(block.rows)
    for dim in sorted({part.dim for part in spec.partitions}):
        ways = [heights(tables, spec, part) for part in spec.partitions if part.dim == dim]
        columns = [np.asarray(system._con.execute(sql).fetchnumpy()["height"], float) for sql in ways]
        found += np.max(columns, axis=0)
    lies: Floats = np.minimum(found - found.min(), LEVELS)
    return lies


def _weights(system: System, block: TableBlock, asked: Mapping[str, float]) -> Floats:
    """Return what the data lead asked for, for each row of a table, shape (rows,)."""
    spec = block.spec
    found = np.full(block.rows, asked.get(spec.name, 1.0))
    for dim in spec.dims:
        weight = asked.get(f"{spec.name}.{dim}")
        if weight is not None:
            sql = f"select \"{dim}\" <> '{TOTAL}' as broken_down from {numbered(spec)} order by rid"
            broken_down = np.asarray(system._con.execute(sql).fetchnumpy()["broken_down"], bool)
            found *= np.where(broken_down, weight, 1.0)
    return found
