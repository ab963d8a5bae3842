"""Readable grids for the tests of disclosure control: a two-way table in, what an attacker learns out.

A grid's first line names its dimensions and the columns; a cell is `12`, `12*` (hidden), `3/40` or `3*/40` (numerator
and denominator), `.` (no such row).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from assets.release.audit import AuditReport, audit
from assets.release.building import build_system
from assets.release.coding import Labels
from assets.release.policy import ReleasePolicy
from assets.release.sensitivity import demands
from assets.release.suppress import Suppression, suppress
from assets.release.system import Bools, System, rules_of
from assets.release.tables import Catalogue, Count, PublishedTable, Rate, Relation
from assets.release.working import annex_of
from assets.release.writing import log_table, stage_tables, write_tables


@dataclass(frozen=True)
class Grid:
    """One table: its catalogue entry, its rows, and which of its counts the text hides."""

    spec: PublishedTable
    rows: list[tuple[str, str, list[int]]]
    hidden: dict[tuple[str, str, int], bool] = field(default_factory=dict)


def grid(name: str, text: str, **changes: object) -> Grid:
    """Read a grid."""
    lines = [line.split() for line in text.strip().splitlines()]
    corner, *columns = lines[0]
    first, second = corner.split("\\")
    rows, hidden = [], {}
    for label, *cells in lines[1:]:
        for column, cell in zip(columns, cells, strict=True):
            if cell == ".":
                continue
            parts = cell.split("/")
            rows.append((label, column, [int(part.strip("*")) for part in parts]))
            for number, part in enumerate(parts):
                hidden[label, column, number] = part.endswith("*")
    two = len(rows[0][2]) == 2
    values: dict[str, object] = {
        "name": name,
        "description": f"Children by {first} and {second}.",
        "dims": (first, second),
        "counts": (Count("numerator", within="denominator"), Count("denominator")) if two else (Count("children"),),
        "rates": (Rate("rate", "numerator", "denominator"),) if two else (),
        "additive": (first, second),
        "comments": dict.fromkeys((first, second, "children", "numerator", "denominator", "rate"), "said"),
    }
    return Grid(PublishedTable(**{**values, **changes}), rows, hidden)  # type: ignore[arg-type]


@dataclass
class Bench:
    """Grids loaded into a connection as tonight's working tables."""

    con: duckdb.DuckDBPyConnection
    catalogue: Catalogue
    system: System
    marked: Bools
    policy: ReleasePolicy

    def release(self, hidden: Bools, coded: Labels | None = None) -> None:
        """Write the released form of the tables into the attached database `target`."""
        self.con.execute("detach database if exists target")
        self.con.execute("attach ':memory:' as target")
        stage_tables(self.con, self.catalogue, self.system, hidden, coded=coded)
        write_tables(self.con, self.catalogue, "target", "r-1", log_table([]))

    def audit(
        self, hidden: Bools | None = None, earlier: tuple[Path, ...] = (), coded: Labels | None = None
    ) -> AuditReport:
        """Attack the tables with the counts `hidden` (default: those the text marks) left out, bounds `coded` told."""
        chosen = self.marked if hidden is None else hidden
        self.release(chosen, coded)
        return self.audit_released(chosen, earlier)

    def audit_released(self, hidden: Bools, earlier: tuple[Path, ...] = ()) -> AuditReport:
        """Attack what was written before (and perhaps tampered with)."""
        annex = annex_of(self.system, hidden, demands(self.system, rules_of(self.system, self.policy, {})))
        return audit(
            self.con, self.catalogue, self.policy, annex, release_id="r-1", earlier=earlier, schema="target.main"
        )

    def suppress(self) -> Bools:
        """Return the counts that the room itself hides."""
        return suppress(self.system, self.policy).hidden

    def code(self) -> Suppression:
        """Return the counts that the room hides and the bounds of percentages that it tells."""
        return suppress(self.system, self.policy)

    def names(self, hidden: Bools) -> set[str]:
        """Name hidden counts."""
        return {self.system.coordinates(int(variable)) for variable in np.flatnonzero(hidden)}


def bench(
    *grids: Grid, relations: tuple[Relation, ...] = (), policy: ReleasePolicy | None = None, total: str = "All"
) -> Bench:
    """Load grids as the working tables of a night."""
    con = duckdb.connect(":memory:")
    con.execute("create schema work")
    for one in grids:
        first, second = one.spec.dims
        columns = {
            first: [row[0] for row in one.rows],
            second: [row[1] for row in one.rows],
            **{name: [row[2][number] for row in one.rows] for number, name in enumerate(one.spec.count_names)},
            "release_id": pa.array([None] * len(one.rows), pa.string()),
        }
        con.register("rows_of_grid", pa.table(columns))
        con.execute(f'create table work."{one.spec.name}" as select * from rows_of_grid')
        con.unregister("rows_of_grid")
    catalogue = Catalogue(tuple(one.spec for one in grids), relations)
    system = build_system(con, catalogue, "memory.work")
    marked = np.zeros(len(system.values), bool)
    for one, block in zip(grids, system.blocks, strict=True):
        width = len(one.spec.counts)
        for row, (first, second, _) in enumerate(sorted(one.rows, key=lambda found: found[:2])):
            for number in range(width):
                marked[block.offset + row * width + number] = one.hidden[first, second, number]
    return Bench(con, catalogue, system, marked, policy or ReleasePolicy())
