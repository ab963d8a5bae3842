"""Tonight's tables before suppression: new rows from the outcomes, frozen rows from the release before.

What belongs here: choosing the rows. A row whose period is still open is left out. A row of a closed period
that was published before keeps its published form for ever, together with everything of the same definition
and period: its hidden counts come back from the sealed annex, since the equations need them. A row of a held table
keeps it until it has moved (`holding`). What does not: hiding (`suppress`).
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from assets.release.amounts import contributions_of
from assets.release.annex import Annex
from assets.release.calendar import period_end
from assets.release.coding import Labels
from assets.release.holding import hold
from assets.release.policy import ReleaseError
from assets.release.system import NEWEST, Bools, Floats, Kind, System
from assets.release.tables import Catalogue, PublishedTable, Rate, contributions, shown_as

OUTCOMES, PREVIOUS, WORK = "outcomes.main", "previous.main", "memory.work"


@dataclass(frozen=True)
class Previous:
    """The release before: its catalogue and its opened annex; its file is attached as `previous`."""

    catalogue: Catalogue
    annex: Annex


def assemble(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue, night: date, previous: Previous | None, threshold: int = 10
) -> None:
    """Create the catalogue's tables in schema `work` of `con`, which has `outcomes` (`previous`) attached.

    Each has the columns of its catalogue entry that are not computed, `release_id` (NULL for new rows) and, for each
    count and amount, `<count>__shown`, the number an earlier release shows (NULL for new rows and for what it hides),
    for each count `<count>__key`, the key of the children counted, where the outcomes give one, and for each percentage
    the bound that an earlier release tells of it. Raises ReleaseError for a missing table or column, an unknown period
    label, or a table whose dimensions changed since the release before.
    """
    con.execute("create schema work")
    for spec in catalogue.tables:
        _copy_new(con, spec, night)
        if previous is not None and spec.name in previous.catalogue.by_name:
            if spec.period:
                _copy_frozen(con, spec, previous)
            elif spec.held:
                _hold(con, spec, previous, threshold)


def frozen(con: duckdb.DuckDBPyConnection, system: System) -> tuple[Bools, Bools]:
    """Return which counts of a system over `work` earlier releases show, and which they hide, both (n,)."""
    shown, hidden = np.zeros(len(system.values), bool), np.zeros(len(system.values), bool)
    for block in (*system.blocks, *system.amounts):
        names = block.names
        old = np.repeat(block.release != NEWEST, len(names))
        if not (names and old.any()):
            continue
        key = ", ".join(f'"{dim}"' for dim in block.spec.dims)
        flags = ", ".join(f'"{name}__shown" is not null as "{name}"' for name in names)
        found = con.execute(f'select {flags} from {WORK}."{block.spec.name}" order by {key}').fetchnumpy()
        visible = np.column_stack([np.asarray(found[name], bool) for name in names]).ravel()
        shown[block.span], hidden[block.span] = old & visible, old & ~visible
    return shown, hidden


def published_as(con: duckdb.DuckDBPyConnection, system: System) -> Floats:
    """Return the numbers that earlier releases show, shape (n,), NaN for all else."""
    out = np.full(len(system.values), np.nan)
    for block in system.blocks:
        names = block.spec.count_names
        if not names or not block.rows:
            continue
        key = ", ".join(f'"{dim}"' for dim in block.spec.dims)
        shown = ", ".join(f'"{name}__shown"::double as "{name}"' for name in names)
        found = con.execute(f'select {shown} from {WORK}."{block.spec.name}" order by {key}').fetchnumpy()
        columns: list[Floats] = [np.ma.filled(np.ma.asarray(found[name], float), np.nan) for name in names]
        out[block.offset : block.offset + block.rows * len(names)] = np.column_stack(columns).ravel()
    return out


def bounds_told(con: duckdb.DuckDBPyConnection, system: System) -> Labels:
    """Return the bounds of percentages that earlier releases tell, at their numerators, else '', shape (n,)."""
    told = np.full(len(system.values), "", object)
    for block in system.blocks:
        names = block.spec.count_names
        if not (block.release != NEWEST).any():
            continue
        key = ", ".join(f'"{dim}"' for dim in block.spec.dims)
        for rate in block.spec.coded_rates:
            sql = f'select coalesce("{shown_as(rate)}", \'\') from {WORK}."{block.spec.name}" order by {key}'
            texts = np.array([text for (text,) in con.execute(sql).fetchall()], object)
            first = block.offset + names.index(rate.numerator)
            told[first : block.offset + block.rows * len(names) : len(names)] = texts
    return told


def annex_of(system: System, hidden: Bools, demands: np.ndarray, changed: Bools | None = None) -> Annex:
    """Return the annex of a release in which the counts `hidden` (n,) are left out and `changed` (n,) shown changed."""
    left_out = hidden.copy() if changed is None else hidden | changed
    for block in system.blocks:
        if block.spec.rounding:
            left_out[block.span] = True
    left_out[system.amount] = True
    where = np.flatnonzero(left_out & ((system.kind == Kind.COUNT) | system.amount))
    sensitive = np.flatnonzero(demands > 0)
    return Annex(
        hidden=where,
        truth=system.values[where],
        sensitive=sensitive,
        demand=demands[sensitive].astype(np.int64),
        drifting=np.flatnonzero(system.drifting),
        contributions=contributions_of(system),
    )


def _require(con: duckdb.DuckDBPyConnection, schema: str, spec: PublishedTable, names: tuple[str, ...]) -> None:
    lacking = set(names) - _columns(con, schema, spec.name)
    if lacking:
        raise ReleaseError(
            f"{schema}: table {spec.name} lacks {', '.join(sorted(lacking))}, which the catalogue names; "
            "the catalogue and the tables must agree (a table that changes its form needs a new name)"
        )


def _columns(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> set[str]:
    found = con.execute(
        "select column_name from duckdb_columns() where database_name || '.' || schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    return {name for (name,) in found}


def _copy_new(con: duckdb.DuckDBPyConnection, spec: PublishedTable, night: date) -> None:
    plain = tuple(column.name for column in spec.plain_columns)
    beside = _contributions(con, OUTCOMES, spec)
    _require(con, OUTCOMES, spec, (*spec.dims, *spec.count_names, *spec.amount_names, *plain))
    known = _columns(con, OUTCOMES, spec.name)
    columns = ", ".join(
        (
            *(f'"{dim}"::varchar as "{dim}"' for dim in spec.dims),
            *(f'"{name}"::bigint as "{name}"' for name in spec.count_names),
            *(f'"{name}"::double as "{name}"' for name in (*spec.amount_names, *beside)),
            *(f'"{name}"' for name in plain),
            "null::varchar as release_id",
            *(f'null::bigint as "{name}__shown"' for name in spec.count_names),
            *(f'null::double as "{name}__shown"' for name in spec.amount_names),
            *(f'{_key(name, known)} as "{name}__key"' for name in spec.count_names),
            *(f'null::varchar as "{shown_as(rate)}"' for rate in spec.coded_rates),
        )
    )
    closed, condition = [], "true"
    if spec.period:
        sql = f'select distinct "{spec.period}"::varchar from {OUTCOMES}."{spec.name}" order by 1'
        labels = [str(label) for (label,) in con.execute(sql).fetchall()]
        closed = [label for label in labels if period_end(label) < night]
        condition = f'list_contains($closed, "{spec.period}"::varchar)'
    rows = f'from {OUTCOMES}."{spec.name}" where {condition}'
    con.execute(
        f'create table {WORK}."{spec.name}" as select {columns} {rows}',
        {"closed": closed} if spec.period else None,
    )


def _key(name: str, known: set[str]) -> str:
    """Return the SQL of the key of a count's children, null where the outcomes give none."""
    return f'"{name}__key"::ubigint' if f"{name}__key" in known else "null::ubigint"


def _copy_frozen(con: duckdb.DuckDBPyConnection, spec: PublishedTable, previous: Previous) -> None:
    """Replace new rows of what was published before by the published rows, truth filled in."""
    group = " and ".join(f'o."{dim}" = w."{dim}"' for dim in spec.frozen_by)
    with _shown_before(con, spec, previous) as rows:
        con.execute(
            f'delete from {WORK}."{spec.name}" as w using '
            f'(select distinct {", ".join(spec.frozen_by)} from {PREVIOUS}."{spec.name}") as o where {group}'
        )
        con.execute(f'insert into {WORK}."{spec.name}" select * from {rows}')


def _hold(con: duckdb.DuckDBPyConnection, spec: PublishedTable, previous: Previous, threshold: int) -> None:
    """Replace new rows of a held table that have hardly moved by the rows shown before."""
    with _shown_before(con, spec, previous) as rows:
        hold(con, spec, f'{WORK}."{spec.name}"', rows, threshold)


@contextmanager
def _shown_before(con: duckdb.DuckDBPyConnection, spec: PublishedTable, previous: Previous) -> Iterator[str]:
    """Yield a query of a table's rows as the release before showed them, truth filled in, in the form of `work`."""
    before = previous.catalogue.by_name[spec.name]
    if (before.dims, before.count_names, before.amounts) != (spec.dims, spec.count_names, spec.amounts):
        raise ReleaseError(
            f"table {spec.name} changed its dimensions, counts or amounts since the release before; "
            "give the new form another name, so that what was published keeps its form"
        )
    _require(con, PREVIOUS, spec, (*spec.dims, *spec.count_names, *spec.amount_names, "release_id"))
    con.register("truth_before", _truth(con, previous, spec.name))
    if spec.amounts:
        con.register("amounts_before", _amounts_before(con, previous, spec))
    key = ", ".join(f'"{dim}"' for dim in spec.dims)
    known = _columns(con, PREVIOUS, spec.name)
    columns = ", ".join(
        (
            *(f'p."{dim}"' for dim in spec.dims),
            *(
                f"coalesce((select truth from truth_before t where t.rid = p.rid and t.count = {i}), "
                f'p."{name}") as "{name}"'
                for i, name in enumerate(spec.count_names)
            ),
            *(f'a."{name}" as "{name}"' for name in (*spec.amount_names, *_contributions(con, OUTCOMES, spec))),
            *(
                f'{f"""p."{column.name}" """ if column.name in known else "null"} as "{column.name}"'
                for column in spec.plain_columns
            ),
            "p.release_id",
            *(f'p."{name}" as "{name}__shown"' for name in (*spec.count_names, *spec.amount_names)),
            *(f'null as "{name}__key"' for name in spec.count_names),
            *(_told(rate, shown_as(rate) in known) for rate in spec.coded_rates),
        )
    )
    amounts = " join amounts_before a using (rid)" if spec.amounts else ""
    try:
        yield (
            f"(select {columns} from (select row_number() over (order by {key}) - 1 as rid, * "
            f'from {PREVIOUS}."{spec.name}") p{amounts})'
        )
    finally:
        con.unregister("truth_before")


def _told(rate: Rate, known: bool) -> str:
    """Return the SQL of the bound that the release before tells of a percentage whose numerator it hides."""
    text = f'case when p."{rate.numerator}" is null then p."{shown_as(rate)}" end' if known else "null"
    return f'{text} as "{shown_as(rate)}"'


def _contributions(con: duckdb.DuckDBPyConnection, schema: str, spec: PublishedTable) -> tuple[str, ...]:
    """Return the columns of contributions that a table has beside its amounts."""
    present = _columns(con, schema, spec.name)
    return tuple(name for amount in spec.amounts for name in contributions(amount) if name in present)


def _amounts_before(con: duckdb.DuckDBPyConnection, previous: Previous, spec: PublishedTable) -> pa.Table:
    """Return the true amounts and contributions of a published table by row number, from the annex."""
    sizes = {
        table.name: con.execute(f'select count(*) from {PREVIOUS}."{table.name}"').fetchall()[0][0]
        for table in previous.catalogue.tables
    }
    first = offset = sum(sizes[table.name] * len(table.counts) for table in previous.catalogue.tables)
    for table in previous.catalogue.tables:
        if table.name == spec.name:
            break
        offset += sizes[table.name] * len(table.amounts)
    rows, width = sizes[spec.name], len(spec.amounts)
    annex = previous.annex
    columns: dict[str, object] = {"rid": np.arange(rows)}
    for number, amount in enumerate(spec.amounts):
        variables = offset + np.arange(rows) * width + number
        unit = 10.0**-amount.digits
        columns[amount.name] = annex.truth[np.searchsorted(annex.hidden, variables)] * unit
        for name, values in zip(contributions(amount), annex.contributions, strict=True):
            columns[name] = values[variables - first] * unit
    return pa.table(columns)


def _truth(con: duckdb.DuckDBPyConnection, previous: Previous, table: str) -> pa.Table:
    """Return (rid, count, truth) of what a table does not show as it is; the annex numbers by table, row, count."""
    offset = 0
    for spec in previous.catalogue.tables:
        rows = con.execute(f'select count(*) from {PREVIOUS}."{spec.name}"').fetchall()[0][0]
        width = len(spec.counts)
        if spec.name == table:
            break
        offset += rows * width
    annex = previous.annex
    inside = (annex.hidden >= offset) & (annex.hidden < offset + rows * width)
    row, count = np.divmod(annex.hidden[inside] - offset, width)
    return pa.table({"rid": row, "count": count, "truth": annex.truth[inside].astype(np.int64)})
