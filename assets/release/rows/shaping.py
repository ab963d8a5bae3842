"""What of the rows goes into the search: which periods, which outcomes, and the levels of the quasi-identifiers.

What belongs here: leaving out what no level could make safe, with a line of reason each: periods that an earlier file
was made of or whose tables count other records, outcomes whose total is hidden. What does not: the search (`lattice`).
"""

# Names in these statements come from a validated catalogue and checked columns, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from assets.release.calendar import period_end
from assets.release.policy import ReleasePolicy
from assets.release.rows.classes import WIDE, Shape
from assets.release.rows.form import UNKNOWN, Outcome, RowFile
from assets.release.rows.hierarchies import Grouping, Quasi
from assets.release.rows.opening import Opening, strangers, trees
from assets.release.rows.request import RowRequest, dimensions_of
from assets.release.rows.source import Rows
from assets.release.tables import Catalogue, PublishedTable
from assets.release.writing import STAGE

CELLS = "measure"
"""The table of counts that a file of rows is compared with."""

WORK = "memory.work"


@dataclass(frozen=True)
class Site:
    """Where a file is made: tables before (`work`) and after hiding (`stage`) are in `con`, the files in `place`."""

    con: duckdb.DuckDBPyConnection
    catalogue: Catalogue
    policy: ReleasePolicy
    place: Path
    night: date
    earlier: Sequence[RowFile]

    @property
    def spec(self) -> PublishedTable:
        """The table of measures, whose cells rows can be counted into."""
        return self.catalogue.by_name[CELLS]


class NoFileError(Exception):
    """There can be no file of rows; the text says why, in one line."""


def periods_of(request: RowRequest, site: Site) -> list[str]:
    """Return the closed periods that the tables show of the measures asked for, and no earlier file was made of."""
    names = sorted({item.name for item in request.outcomes})
    found = site.con.execute(
        f'select distinct period from {STAGE}."{site.spec.name}" where list_contains($names, measure) order by period',
        {"names": names},
    ).fetchall()
    before = {period for file in site.earlier for period in file.about["considered"]}
    periods = [period for (period,) in found if period not in before and period_end(period) < site.night]
    if not periods:
        raise NoFileError("no period is closed that an earlier file of rows was not made of")
    return periods


def _register(con: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    con.execute("create schema if not exists memory.rows")
    con.register("rows_of_night", rows.table)
    con.execute(f"create or replace table {WIDE} as select * from rows_of_night")
    con.unregister("rows_of_night")


def shape_of(
    request: RowRequest, rows: Rows, site: Site, left_out: list[str]
) -> tuple[Shape, dict[Outcome, Mapping[str, str]], dict[str, str]]:
    """Put the rows into `memory.rows.wide` without the periods and outcomes that cannot be shown.

    Returns the shape, the quasi-identifier of each breakdown of the outcomes, and what each column says. Adds a line to
    `left_out` for what is not there.
    """
    con = site.con
    _register(con, rows)
    columns = {outcome: dimensions_of(definition, request.quasi) for outcome, definition in rows.outcomes.items()}
    for period in sorted(strangers(con, site.spec, WORK, WIDE, columns)):
        left_out.append(f"{period}: its tables were made of other records than are there tonight")
        con.execute(f"delete from {WIDE} where period = $period", {"period": period})
    opening = Opening(con, site.spec, STAGE, request.quasi, columns)
    periods = _distinct(con, "period")
    kept: dict[Outcome, Mapping[str, str]] = {}
    for outcome, names in columns.items():
        hidden = sorted(opening.hidden_totals(outcome) & set(periods))
        if hidden:
            left_out.append(f"{outcome.measure} {outcome.version}: a count of the whole city is hidden in {hidden[0]}")
        else:
            kept[outcome] = names
    if not kept:
        raise NoFileError("every outcome has a hidden total, or no period is left")
    nothing = " and ".join(f"\"{one.column}\" = '{UNKNOWN}'" for one in kept)
    con.execute(f"delete from {WIDE} where {nothing}")
    declared = {one.column: rows.outcomes[one].text("title") for one in kept}
    quasi_outcomes = [one for one in kept if rows.outcomes[one].key in request.declared]
    quasi = (
        *(_with_tree(one, kept, site) for one in request.quasi),
        *(Quasi(one.column, declared[one.column]) for one in quasi_outcomes),
    )
    sensitive = tuple(one for one in kept if one not in quasi_outcomes)
    if not sensitive:
        raise NoFileError("every outcome is a declared quasi-identifier; keep one that is none")
    says = {**{one.name: one.says for one in quasi}, **declared}
    return Shape(tuple(_distinct(con, "period")), quasi, sensitive), kept, says


def _with_tree(one: Quasi, kept: Mapping[Outcome, Mapping[str, str]], site: Site) -> Quasi:
    """Give a quasi-identifier without groupings that of the tree which the tables publish, if it is one everywhere."""
    found = {
        (part, whole)
        for outcome, names in kept.items()
        for dim, tree in trees(site.spec).items()
        if names.get(dim) == one.name
        for part, whole in site.con.execute(
            f'select part, whole from {STAGE}."{tree}" where measure = $measure and version = $version',
            {"measure": outcome.measure, "version": outcome.version},
        ).fetchall()
    }
    wholes = {whole for _, whole in found}
    if one.groupings or not found or len({part for part, _ in found}) < len(found) or wholes & {p for p, _ in found}:
        return one
    groups = {whole: tuple(sorted(part for part, of in found if of == whole)) for whole in sorted(wholes)}
    return replace(one, groupings=(Grouping(groups, "Another or none"),))


def _distinct(con: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    return [value for (value,) in con.execute(f'select distinct "{column}" from {WIDE} order by 1').fetchall()]
