"""Readable tables of amounts for the tests: what each contributor brings in, what a release shows of the sums.

A table's first line names its two dimensions and the columns; a cell lists contributions (`100,80,3x20`), `-` is none.
Margins are added.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from assets.release.audit import AuditReport, audit
from assets.release.building import build_system
from assets.release.policy import AmountRule, ReleasePolicy
from assets.release.suppress import Suppression, suppress
from assets.release.system import Bools, System
from assets.release.tables import Amount, Catalogue, Count, PublishedTable, Relation
from assets.release.working import annex_of
from assets.release.writing import log_table, stage_tables, write_tables

Cells = dict[tuple[str, str], list[float]]


def amounts_table(name: str, dims: tuple[str, str], digits: int = 0) -> PublishedTable:
    """Children and what was paid for them, by two dimensions."""
    return PublishedTable(
        name=name,
        description="Children and what was paid for them.",
        dims=dims,
        counts=(Count("children"),),
        amounts=(Amount("paid", "children", digits),),
        additive=dims,
        comments=dict.fromkeys((*dims, "children", "paid"), "said"),
    )


def cells(text: str) -> tuple[tuple[str, str], Cells]:
    """Read a table: its dimensions and the contributions of each inner cell."""
    lines = [line.split() for line in text.strip().splitlines()]
    first, second = lines[0][0].split("\\")
    found: Cells = {}
    for label, *row in lines[1:]:
        for column, cell in zip(lines[0][1:], row, strict=True):
            found[label, column] = [] if cell == "-" else _contributions(cell)
    return (first, second), found


def _contributions(cell: str) -> list[float]:
    out: list[float] = []
    for part in cell.split(","):
        times, _, value = part.rpartition("x")
        out += [float(value)] * int(times or 1)
    return out


def _with_margins(inner: Cells) -> Cells:
    whole: Cells = {}
    for (first, second), values in inner.items():
        for key in ((first, second), (first, "All"), ("All", second), ("All", "All")):
            whole.setdefault(key, []).extend(values)
    return whole


@dataclass
class AmountBench:
    """Tables of amounts loaded into a connection as tonight's working tables."""

    con: duckdb.DuckDBPyConnection
    catalogue: Catalogue
    system: System
    policy: ReleasePolicy

    def suppress(self) -> Suppression:
        """Return what the room hides."""
        return suppress(self.system, self.policy)

    def release(self, hidden: Bools) -> None:
        """Write the released form of the tables into the attached database `target`."""
        self.con.execute("detach database if exists target")
        self.con.execute("attach ':memory:' as target")
        stage_tables(self.con, self.catalogue, self.system, hidden)
        write_tables(self.con, self.catalogue, "target", "r-1", log_table([]))

    def audit(self, found: Suppression, hidden: Bools | None = None) -> AuditReport:
        """Attack the tables with what was found, or something else, left out."""
        chosen = found.hidden if hidden is None else hidden
        self.release(chosen)
        annex = annex_of(self.system, chosen, found.demands)
        return audit(self.con, self.catalogue, self.policy, annex, release_id="r-1", schema="target.main")

    def paid(self, table: str = "t") -> dict[tuple[str, str], object]:
        """Return the amounts that the release shows, None where it hides one."""
        first, second = self.catalogue.by_name[table].dims
        rows = self.con.execute(f"select {first}, {second}, paid from target.{table}").fetchall()
        return {(a, b): paid for a, b, paid in rows}

    def variable(self, name: str) -> int:
        """Find a number by its coordinates."""
        return next(v for v in range(len(self.system.values)) if self.system.coordinates(v) == name)


def amount_bench(
    *tables: tuple[PublishedTable, list[tuple[object, ...]]],
    rule: AmountRule,
    threshold: int = 3,
    relations: tuple[Relation, ...] = (),
) -> AmountBench:
    """Load tables of rows (two dimensions, children, paid, largest, second, top)."""
    con = duckdb.connect(":memory:")
    con.execute("create schema work")
    names = ("children", "paid", "paid__largest", "paid__second", "paid__top")
    for spec, rows in tables:
        columns = dict(zip((*spec.dims, *names), zip(*rows, strict=True), strict=True))
        columns["release_id"] = pa.array([None] * len(rows), pa.string())
        con.register("rows_of_table", pa.table(columns))
        con.execute(f'create table work."{spec.name}" as select * from rows_of_table')
        con.unregister("rows_of_table")
    catalogue = Catalogue(tuple(spec for spec, _ in tables), relations)
    policy = ReleasePolicy(threshold=threshold, amounts=rule)
    return AmountBench(con, catalogue, build_system(con, catalogue, "memory.work"), policy)


def rows_of(inner: Cells, dominant: int = 2) -> list[tuple[object, ...]]:
    """Return the rows of a table and its margins with their contributions."""
    out: list[tuple[object, ...]] = []
    for (first, second), values in sorted(_with_margins(inner).items()):
        top = np.sort(np.array(values))[::-1]
        some = [float(top[:1].sum()), float(top[1:2].sum()), float(top[:dominant].sum())]
        out.append((first, second, len(values), float(top.sum()), *some))
    return out
