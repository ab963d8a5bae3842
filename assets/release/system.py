"""One sparse linear system over every count of a release: what is true of the numbers whatever they are.

What belongs here: the form of the system: all counts of all tables, the differences that can be derived from
them as variables of their own, the equations between them, how a variable is named for people, and which
parts of the system hang together. What does not: reading it from tables (`building`), which variables are
sensitive (`sensitivity`), what to hide (`suppress`), what an attacker learns (`audit`).

Shapes: `n` variables (counts first, in the order table, row, count; then differences), `m` equations A x = 0.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import duckdb
import numpy as np
import numpy.typing as npt
from scipy import sparse

from assets.release.policy import ReleasePolicy
from assets.release.tables import TOTAL, PublishedTable

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NEWEST = "~"
"""Stands for the release that is being built, where rows of earlier releases carry their release id."""


class Kind(IntEnum):
    """What a variable is."""

    COUNT = 0
    """a count that a table holds"""
    COMPLEMENT = 1
    """a denominator less its numerator"""
    NESTED = 2
    """a total less a part that is contained in it"""
    CHANGE = 3
    """the difference of two versions' counts of one closed period, published apart; may be negative"""
    DRIFT = 4
    """what is missing in an equation between rows of different releases; may be negative"""
    AMOUNT = 5
    """an amount that a table holds, in units of the last digit shown; a real number"""


@dataclass(frozen=True)
class TableBlock:
    """Where the counts of one table lie: variable `offset + row * len(counts) + count`; or its amounts, likewise."""

    spec: PublishedTable
    offset: int
    rows: int
    release: npt.NDArray[np.object_]
    """shape (rows,): id of the release that published the row first, or NEWEST"""
    amounts: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it numbers: counts, or amounts."""
        return self.spec.amount_names if self.amounts else self.spec.count_names

    @property
    def span(self) -> slice:
        """Its variables."""
        return slice(self.offset, self.offset + self.rows * len(self.names))


@dataclass(frozen=True)
class System:
    """Variables and equations of a release.

    `kind`, `minuend`, `subtrahend`, `sensitive` have shape (n,): for a difference the variables that it is
    taken from (-1 for a count), and whether it can be sensitive at all. `values` (n,) holds NaN for what is
    not shown.
    `matrix` is CSR (m, n); `labels` (m,) names each equation. `drifting` (m,) marks those with a DRIFT
    variable.
    """

    blocks: tuple[TableBlock, ...]
    kind: npt.NDArray[np.int8]
    minuend: Ints
    subtrahend: Ints
    sensitive: Bools
    values: Floats
    matrix: sparse.csr_matrix
    labels: npt.NDArray[np.object_]
    drifting: Bools
    _con: duckdb.DuckDBPyConnection = field(repr=False, compare=False)
    amounts: tuple[TableBlock, ...] = ()
    """the tables with amounts; their variables follow all counts"""

    @property
    def n_counts(self) -> int:
        """How many of the variables are counts of a table."""
        return int((self.kind == Kind.COUNT).sum())

    @property
    def signed(self) -> Bools:
        """Shape (n,): variables that may be negative."""
        return np.isin(self.kind, (Kind.CHANGE, Kind.DRIFT))

    @property
    def amount(self) -> Bools:
        """Shape (n,): variables that are amounts."""
        return np.isin(self.kind, (Kind.AMOUNT,))

    def described(self, block: TableBlock) -> Mapping[str, Floats]:
        """Return the columns of a table that are numbers, by name, in the order of its rows."""
        found = self._con.execute(f"select * from {numbered(block.spec)} order by rid").fetchnumpy()
        return {name: np.ma.filled(np.ma.asarray(v, float), np.nan) for name, v in found.items() if v.dtype == float}

    def block_of(self, variable: int) -> tuple[TableBlock, int, int]:
        """Return the table, the row and the number of a count or an amount."""
        for block in (*self.blocks, *self.amounts):
            width = len(block.names)
            if width and block.offset <= variable < block.offset + block.rows * width:
                return block, *divmod(variable - block.offset, width)
        raise IndexError(variable)

    def coordinates(self, variable: int) -> str:
        """Name a variable for people: table, count, values of its dimensions; never a number of children."""
        if self.kind[variable] == Kind.DRIFT:
            return f"late change of {self.coordinates(int(self.minuend[variable]))}"
        if self.kind[variable] not in (Kind.COUNT, Kind.AMOUNT):
            upper, lower = int(self.minuend[variable]), int(self.subtrahend[variable])
            return f"{self.coordinates(upper)} less {self.coordinates(lower)}"
        block, row, count = self.block_of(variable)
        spec = block.spec
        dims = ", ".join(f'"{dim}"' for dim in spec.dims)
        found = self._con.execute(f"select {dims} from {numbered(spec)} where rid = ?", [row]).fetchall()
        named = ", ".join(f"{dim}={value}" for dim, value in zip(spec.dims, found[0], strict=True) if value != TOTAL)
        return f"{spec.name}.{block.names[count]} ({named or 'the total'})"


def numbered(spec: PublishedTable) -> str:
    """Name the temporary table that holds a table's rows with their number `rid`."""
    return f'temp.main."numbered_{spec.name}"'


@dataclass(frozen=True)
class Rules:
    """The rule of each variable, all of shape (n,): threshold, whether zeros and certain rates are hidden.

    `policy` (n,) is the place of its rule in `policies`, for what is not one number a rule (percentages, amounts).
    """

    threshold: Ints
    zeros: Bools
    certain: Bools
    policy: Ints
    policies: tuple[ReleasePolicy, ...]


def rules_of(system: System, policy: ReleasePolicy, before: Mapping[str, ReleasePolicy]) -> Rules:
    """Return the rule by which each variable is judged.

    Rows of closed periods keep the rule of the release that showed them first (`before`, by release id), and
    so do differences within one release; all else is judged by `policy`.
    """
    policies, index = by_rule(system, policy, before)
    plain = (system.minuend >= 0) & (system.subtrahend >= 0)
    upper, lower = index[system.minuend], index[system.subtrahend]
    index = np.where(plain, np.where(upper == lower, upper, 0), index)
    return Rules(
        threshold=np.array([each.threshold for each in policies])[index],
        zeros=np.array([each.zeros == "hidden" for each in policies])[index],
        certain=np.array([each.certain == "hidden" for each in policies])[index],
        policy=index,
        policies=tuple(policies),
    )


def by_rule(
    system: System, policy: ReleasePolicy, before: Mapping[str, ReleasePolicy]
) -> tuple[list[ReleasePolicy], Ints]:
    """Return the policies at hand, tonight's first, and for each variable, (n,), the number of its row's own."""
    order = sorted(before)
    index = np.zeros(len(system.values), np.int64)
    for block in (*system.blocks, *system.amounts):
        own = np.zeros(block.rows, np.int64)
        for number, release in enumerate(order, start=1):
            own[block.release == release] = number
        index[block.span] = np.repeat(own, len(block.names))
    return [policy, *(before[release] for release in order)], index
