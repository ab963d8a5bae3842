"""What the rows of a release tell an attacker about the counts of its tables: sums of cells, from below or exactly.

What belongs here: counting the published rows by each breakdown of the table of measures that they carry, and the rows
of equations that follow for the audit. It reads the file and what the manifest says of it, nothing else. What does not:
how the rows were made coarser, and what must not be known (`assets.release.audit`).

The rows of a group are children that some cells of a table count, together: so many at least. No more than the manifest
says were left out can be added, so where none were the sum is known exactly.
"""

# Names in these statements come from a signed manifest and a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from scipy import sparse

from assets.release.published import Knowledge
from assets.release.rows.check import row_findings
from assets.release.rows.form import NO, YES, Outcome, RowFile
from assets.release.system import Floats, System, TableBlock, numbered
from assets.release.tables import TOTAL


@dataclass(frozen=True)
class Told:
    """Linear facts `low <= matrix x <= high` over the n variables of a system; shapes (r, n), (r,), (r,)."""

    matrix: sparse.csr_matrix
    low: Floats
    high: Floats

    def fits(self, truth: Floats) -> bool:
        """Say whether numbers of shape (n,) are as the rows tell; unknown ones (NaN) fit anything."""
        found = self.matrix @ truth
        return not ((found < self.low - 0.5) | (found > self.high + 0.5)).any()


def beside(known: Knowledge, told: Told) -> Knowledge:
    """Return what a reader knows who has the rows as well as the tables."""
    return replace(
        known,
        rate_matrix=sparse.vstack([known.rate_matrix, told.matrix], format="csr"),
        rate_low=np.concatenate([known.rate_low, told.low]),
        rate_high=np.concatenate([known.rate_high, told.high]),
    )


def rows_knowledge(con: duckdb.DuckDBPyConnection, system: System, files: Sequence[RowFile]) -> Told:
    """Return what files of rows tell about the counts of a system, whose numbered tables are in `con`.

    The i-th file is attached to `con` as `rows_i`.
    """
    n = len(system.values)
    facts = [fact for i, file in enumerate(files) for fact in _of_file(con, system, file, f"rows_{i}.main")]
    if not facts:
        return Told(sparse.csr_matrix((0, n)), np.empty(0), np.empty(0))
    return Told(
        sparse.vstack([fact.matrix for fact in facts], format="csr"),
        np.concatenate([fact.low for fact in facts]),
        np.concatenate([fact.high for fact in facts]),
    )


def rows_heard(
    con: duckdb.DuckDBPyConnection, system: System, files: Sequence[RowFile], counts: Floats
) -> tuple[Told, list[tuple[str, str]]]:
    """Return what files of rows tell, and (what, where) for all that is wrong with them, given the true counts (n,).

    Rows of other children than the tables' stop a release by themselves; they tell nothing then, so that the rest of it
    can be attacked.
    """
    told = rows_knowledge(con, system, files)
    wrong = [finding for i, file in enumerate(files) for finding in row_findings(con, file, f"rows_{i}.main")]
    if told.fits(counts):
        return told, wrong
    strange = ("rows and tables do not count the same children", "the files of rows")
    return rows_knowledge(con, system, ()), [*wrong, strange]


def _of_file(con: duckdb.DuckDBPyConnection, system: System, file: RowFile, schema: str) -> Iterator[Told]:
    """Yield what one file tells, outcome by outcome and breakdown by breakdown."""
    block = next((block for block in system.blocks if block.spec.name == file.about["cells"]), None)
    if block is None:
        return
    rows = f'{schema}."{file.table}"'
    shown = con.execute(f"select count(*) from {rows}").fetchall()[0][0]
    percent = int(file.about["dropped_percent"])
    slack = float(shown * percent // (100 - percent))
    dims = [dim for dim in block.spec.dims if dim not in ("measure", "version", "period")]
    flags = ", ".join(f"\"{dim}\" <> '{TOTAL}'" for dim in dims)
    patterns = con.execute(f"select distinct {flags} from {numbered(block.spec)} order by all").fetchall()
    for outcome in file.counted:
        carried: Mapping[str, str] = file.about["breakdowns"][outcome.column]
        for pattern in patterns:
            broken_down = [dim for dim, there in zip(dims, pattern, strict=True) if there]
            if set(broken_down) <= set(carried):
                found = _groups(con, block, file, rows, outcome, {dim: carried[dim] for dim in broken_down})
                yield _facts(found, block, len(system.values), slack)


def _groups(
    con: duckdb.DuckDBPyConnection, block: TableBlock, file: RowFile, rows: str, outcome: Outcome, by: Mapping[str, str]
) -> Mapping[str, Any]:
    """Return (number, rid, yes, counted): groups, the cells in each, and how many rows of it are shown."""
    levels = {item["name"]: item for item in file.about["quasi"]}
    dims = [dim for dim in block.spec.dims if dim not in ("measure", "version", "period")]
    cell = "".join(f', {_group_sql(dim, levels[name])} as "{name}"' for dim, name in by.items())
    keys = "".join(f', "{name}"' for name in by.values())
    only = " and ".join(f"\"{dim}\" {'<>' if dim in by else '='} '{TOTAL}'" for dim in dims) + _finest(block, by)
    return con.execute(
        f"""
        with cell as (
            select rid, period{cell} from {numbered(block.spec)}
            where measure = $measure and version = $version and {only} and list_contains($periods, period)
        ),
        told as (
            select period{keys}, count_if("{outcome.column}" = '{YES}') as yes,
                count_if("{outcome.column}" in ('{YES}', '{NO}')) as counted
            from {rows} group by all
            having counted > 0
        ),
        numbered_group as (
            select *, row_number() over (order by period{keys}) - 1 as number
            from (select distinct period{keys} from (select * exclude (rid) from cell union all
            select * exclude (yes, counted) from told))
        )
        select number, coalesce(rid, -1) as rid, coalesce(yes, 0) as yes, coalesce(counted, 0) as counted
        from numbered_group left join cell using (period{keys}) left join told using (period{keys})
        order by number, rid
        """,
        {"measure": outcome.measure, "version": outcome.version, "periods": list(file.about["periods"])},
    ).fetchnumpy()


def _finest(block: TableBlock, by: Mapping[str, str]) -> str:
    """Return the condition that no value is a wider one, whose parts have cells of their own."""
    named = {part.dim: getattr(part, "hierarchy", None) for part in block.spec.partitions}
    keys = "measure, version, period"
    return "".join(
        f' and row({keys}, "{dim}") not in (select row({keys}, whole) from temp.main."numbered_{named[dim]}")'
        for dim in by
        if named.get(dim) is not None
    )


def _group_sql(dim: str, level: Mapping[str, Any]) -> str:
    """Return the SQL of the group in which a file shows a value of a dimension."""

    def text(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    if level["others"] is None:
        return f'"{dim}"'
    cases = "".join(
        f' when "{dim}" in ({", ".join(map(text, values))}) then {text(group)}'
        for group, values in level["groups"].items()
    )
    return f"case when false then ''{cases} else {text(level['others'])} end"


def _facts(found: Mapping[str, Any], block: TableBlock, n: int, slack: float) -> Told:
    """Return two facts for each group: the sum of its numerators and of its denominators."""
    number = np.asarray(found["number"], np.int64)
    rid = np.asarray(found["rid"], np.int64)
    groups, first = np.unique(number, return_index=True)
    there = rid >= 0
    matrices: list[sparse.csr_matrix] = []
    lows: list[npt.NDArray[np.float64]] = []
    for name, shown in (("numerator", "yes"), ("denominator", "counted")):
        column = block.offset + rid[there] * len(block.spec.counts) + block.spec.count_names.index(name)
        matrices.append(sparse.csr_matrix((np.ones(len(column)), (number[there], column)), shape=(len(groups), n)))
        lows.append(np.asarray(found[shown], np.float64)[first])
    low = np.concatenate(lows)
    return Told(sparse.vstack(matrices, format="csr"), low, low + slack)
