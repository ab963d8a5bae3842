"""Which rows a table has, whatever the children are: so that the presence of a row tells nothing.

A table of outcomes has a row where some child is in it. Shown with noise, that row would still say that there is one.
So a release under differential privacy has a row for every combination that its public domain lists, a count of 0 where
no child is, and no other rows. The outcomes bring the domains along, in their schema `domain`: for each table that has
one its dimensions, from lists of values, schools and programs that are known anyway (`assets.outcomes.domain`).

What belongs here: making the working tables so. What does not: listing the domains, drawing noise.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from datetime import date

import duckdb

from assets.release.calendar import period_end
from assets.release.policy import ReleaseError
from assets.release.tables import Catalogue, PublishedTable
from assets.release.working import WORK

DOMAIN = "outcomes.domain"


def complete(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, night: date) -> None:
    """Give the new rows of every working table the form of its domain; tables that are left out lose theirs.

    Columns computed from true counts become null. Rows that earlier releases showed are not touched. Raises
    ReleaseError where children are outside the domain.
    """
    absent, trees = left_out(con, catalogue), trees_of(catalogue)
    for spec in catalogue.tables:
        _forget_derived(con, spec)
        if spec.name in absent or (spec.name in trees and not _has_domain(con, spec)):
            # A row of the night that is held, or is not, tells how far its count has moved.
            kept = "release_id is null" if spec.period else "true"
            con.execute(f'delete from {WORK}."{spec.name}" where {kept}')
        elif spec.counts or spec.name in trees:
            _refuse_strangers(con, spec)
            _fill(con, spec, night)


def trees_of(catalogue: Catalogue) -> frozenset[str]:
    """Name the tables that are hierarchies: they have a row where some child is, so they need their domain as well."""
    return frozenset(part.hierarchy for spec in catalogue.tables for part in spec.partitions if part.hierarchy)


def left_out(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> tuple[str, ...]:
    """Name the tables with counts that a release under differential privacy does not show anew.

    These are tables without a public domain, and tables without periods, which would spend again in every release.
    """
    counted = [spec for spec in catalogue.tables if spec.counts]
    return tuple(spec.name for spec in counted if spec.period is None or not _has_domain(con, spec))


def _has_domain(con: duckdb.DuckDBPyConnection, spec: PublishedTable) -> bool:
    sql = (
        "select list(column_name) from duckdb_columns() "
        "where database_name || '.' || schema_name = ? and table_name = ?"
    )
    found = con.execute(sql, [DOMAIN, spec.name]).fetchall()[0][0]
    return found is not None and set(spec.dims) <= set(found)


def _forget_derived(con: duckdb.DuckDBPyConnection, spec: PublishedTable) -> None:
    """Empty the columns of new rows that were computed from true counts."""
    names = {column.name for column in spec.plain_columns if column.hidden_with_counts or column.least}
    names |= {name for borrowed in spec.borrowed for name in borrowed.hides}
    for name in sorted(names):
        con.execute(f'update {WORK}."{spec.name}" set "{name}" = null where release_id is null')


def _refuse_strangers(con: duckdb.DuckDBPyConnection, spec: PublishedTable) -> None:
    """Raise where a row is outside the domain: it names the dimensions, never a value."""
    for dim in spec.dims:
        outside = con.execute(
            f'select count(*) from {WORK}."{spec.name}" where release_id is null '
            f'and "{dim}" not in (select "{dim}"::varchar from {DOMAIN}."{spec.name}")'
        ).fetchall()[0][0]
        if outside:
            raise ReleaseError(
                f"table {spec.name} has values of {dim} that its public domain does not list, so showing them would "
                "tell that they exist; add them to the domain (assets/outcomes/data/domain.yaml), then run it again"
            )
    key = ", ".join(f'"{dim}"' for dim in spec.dims)
    rows = con.execute(
        f'select count(*) from (select {key} from {WORK}."{spec.name}" where release_id is null '
        f'except select {_text(spec)} from {DOMAIN}."{spec.name}")'
    ).fetchall()[0][0]
    if rows:
        raise ReleaseError(
            f"table {spec.name} has combinations of its dimensions that its public domain does not list; complete the "
            "domain (assets/outcomes/data/domain.yaml), then run it again"
        )


def _text(spec: PublishedTable) -> str:
    return ", ".join(f'"{dim}"::varchar' for dim in spec.dims)


def _fill(con: duckdb.DuckDBPyConnection, spec: PublishedTable, night: date) -> None:
    """Add the rows of the domain that no child is in, for the periods that are closed.

    Definitions and periods that an earlier release showed are complete as they are.
    """
    labels = con.execute(f'select distinct "{spec.period}"::varchar from {DOMAIN}."{spec.name}" order by 1').fetchall()
    closed = [str(label) for (label,) in labels if period_end(str(label)) < night]
    columns = ", ".join(f'"{name}"' for name in (*spec.dims, *spec.count_names))
    zeros = "".join(", 0" for _ in spec.counts)
    settled = " and ".join(f'w."{dim}" = d."{dim}"::varchar' for dim in spec.frozen_by)
    same = " and ".join(f'w."{dim}" = d."{dim}"::varchar' for dim in spec.dims)
    con.execute(
        f'insert into {WORK}."{spec.name}" ({columns}) '
        f'select distinct {_text(spec)}{zeros} from {DOMAIN}."{spec.name}" d '
        f'where list_contains($closed, "{spec.period}"::varchar) '
        f'and not exists (select 1 from {WORK}."{spec.name}" w where w.release_id is not null and {settled}) '
        f'and not exists (select 1 from {WORK}."{spec.name}" w where {same})',
        {"closed": closed},
    )
