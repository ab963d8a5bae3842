"""Which nodes would open a hidden count of a table by themselves: the rows of a group tell the sum of its cells.

What belongs here: cells of the table of measures by the groups of a node, and whether exactly one count of such a group
is hidden: the rows then tell it. Coarser groups only hold more, so what a coarse node opens a finer one opens too. Also
whether rows and tables count the same children. What does not: combinations of several groups, which the audit finds.
"""

# Names in these statements come from a validated catalogue and checked columns, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from assets.release.rows.form import NO, YES, Outcome
from assets.release.rows.hierarchies import Quasi, grouped_sql, text_sql
from assets.release.tables import TOTAL, PublishedTable

Breakdown = tuple[str, ...]
"""Dimensions of the table of measures that are not `All` in a cell."""

CATEGORIES = ("measure", "version", "period")


def breakdowns(spec: PublishedTable, con: duckdb.DuckDBPyConnection, schema: str) -> tuple[Breakdown, ...]:
    """Return by which dimensions the cells of a table are broken down."""
    dims = [dim for dim in spec.dims if dim not in CATEGORIES]
    flags = ", ".join(f"\"{dim}\" <> '{TOTAL}'" for dim in dims)
    found = con.execute(f'select distinct {flags} from {schema}."{spec.name}" order by all').fetchall()
    return tuple(tuple(dim for dim, there in zip(dims, row, strict=True) if there) for row in found)


def where_sql(spec: PublishedTable, breakdown: Breakdown, schema: str) -> str:
    """Return the SQL condition that a cell is broken down by exactly these dimensions, each by its finest values.

    Wider values of a dimension (a neighbourhood of schools) are sums of finer ones, which the tables tell anyway.
    """
    dims = [dim for dim in spec.dims if dim not in CATEGORIES]
    conditions = [f"\"{dim}\" {'<>' if dim in breakdown else '='} '{TOTAL}'" for dim in dims]
    keys = ", ".join(CATEGORIES)
    conditions += [
        f'row({keys}, "{dim}") not in (select row({keys}, whole) from {schema}."{tree}")'
        for dim, tree in trees(spec).items()
        if dim in breakdown
    ]
    return " and ".join(conditions)


def trees(spec: PublishedTable) -> dict[str, str]:
    """Return for each dimension whose values lie within wider ones the table (part, whole) that says which."""
    named = {part.dim: getattr(part, "hierarchy", None) for part in spec.partitions}
    return {dim: tree for dim, tree in named.items() if tree is not None}


class Opening:
    """What a node opens. `columns`: for each outcome, the quasi-identifier that each dimension of its cells is."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        spec: PublishedTable,
        schema: str,
        quasi: Sequence[Quasi],
        columns: Mapping[Outcome, Mapping[str, str]],
    ) -> None:
        self._con, self._spec, self._schema = con, spec, schema
        self._quasi, self._columns = tuple(quasi), columns
        self._breakdowns = breakdowns(spec, con, schema)
        self._known: dict[tuple[Outcome, Breakdown, tuple[int, ...]], frozenset[str]] = {}

    def opens(self, periods: Sequence[str], levels: Sequence[int]) -> bool:
        """Say whether the groups of a node, by the level of each quasi-identifier, hold a single hidden count."""
        level = {one.name: value for one, value in zip(self._quasi, levels, strict=True)}
        return any(
            not self._opened(outcome, breakdown, level).isdisjoint(periods)
            for outcome in self._columns
            for breakdown in self._breakdowns
        )

    def hidden_totals(self, outcome: Outcome) -> frozenset[str]:
        """Return the periods in which a count of the whole city is hidden, which any row would tell."""
        return self._opened(outcome, (), {})

    def _opened(self, outcome: Outcome, breakdown: Breakdown, level: Mapping[str, int]) -> frozenset[str]:
        """Return the periods in which one breakdown of an outcome is opened."""
        names = self._columns[outcome]
        if any(dim not in names for dim in breakdown):
            return frozenset()
        at = tuple(level[names[dim]] for dim in breakdown)
        if (outcome, breakdown, at) not in self._known:
            self._known[outcome, breakdown, at] = self._look(outcome, breakdown, at)
        return self._known[outcome, breakdown, at]

    def _look(self, outcome: Outcome, breakdown: Breakdown, at: tuple[int, ...]) -> frozenset[str]:
        by_name = {one.name: one for one in self._quasi}
        names = self._columns[outcome]
        groups = "".join(
            f", {grouped_sql(quoted, by_name[names[dim]].grouping(level))}"
            for dim, level in zip(breakdown, at, strict=True)
            for quoted in (f'"{dim}"',)
        )
        lone = " or ".join(f'count_if("{name}" is null) = 1' for name in self._spec.count_names)
        found = self._con.execute(
            f'select distinct period from (select period{groups} from {self._schema}."{self._spec.name}" '
            f"where measure = $measure and version = $version and {where_sql(self._spec, breakdown, self._schema)} "
            f"group by all having {lone})",
            {"measure": outcome.measure, "version": outcome.version},
        ).fetchall()
        return frozenset(period for (period,) in found)


def strangers(
    con: duckdb.DuckDBPyConnection,
    spec: PublishedTable,
    schema: str,
    rows: str,
    columns: Mapping[Outcome, Mapping[str, str]],
) -> set[str]:
    """Return the periods in which the rows of `rows` are not the children that the table of measures counts."""
    found: set[str] = set()
    for outcome, names in columns.items():
        for breakdown in breakdowns(spec, con, schema):
            if all(dim in names for dim in breakdown):
                keys = "".join(f', "{names[dim]}" as "{dim}"' for dim in breakdown)
                cells = "".join(f', "{dim}"' for dim in breakdown)
                differing = con.execute(
                    f'with told as (select period{keys}, count_if("{outcome.column}" = {text_sql(YES)}) as numerator, '
                    f"count(*) as denominator from {rows} "
                    f'where "{outcome.column}" in ({text_sql(YES)}, {text_sql(NO)}) group by all), '
                    f'cell as (select period{cells}, numerator, denominator from {schema}."{spec.name}" '
                    f"where measure = $measure and version = $version and {where_sql(spec, breakdown, schema)} "
                    f"and period in (select period from {rows})) "
                    "select distinct period from ((from told except from cell) union all "
                    "(from cell except from told))",
                    {"measure": outcome.measure, "version": outcome.version},
                ).fetchall()
                found.update(period for (period,) in differing)
    return found
