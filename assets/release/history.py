"""Whether a release keeps the word of the releases before it: closed periods stay as they were first shown.

What belongs here: comparing a released file with earlier ones, row by row, without a solver. A row that an earlier
release showed must be there, the same; a row that says an earlier release showed it must be found there, since the
rule is not applied to it again. What does not: what can be inferred from the series (`attacker`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from assets.release.published import rows_where, same_key
from assets.release.tables import Catalogue, PublishedTable, shown_as

EARLIER = "earlier"


def history_findings(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue, earlier: Sequence[Path], schema: str, release_id: str
) -> Iterator[tuple[str, str]]:
    """Yield (what, where) for rows that differ from how an earlier release showed them, or never were in one.

    `earlier`: the files of earlier releases, oldest first; each of them holds all that those before it froze.
    """
    for spec in catalogue.tables:
        if not (spec.period or spec.held) or not earlier:
            yield from _claimed(con, spec, schema, release_id, None)
    for number, path in enumerate(earlier):
        quoted = str(path).replace("'", "''")
        con.execute(f"attach '{quoted}' as {EARLIER} (read_only)")
        try:
            for spec in catalogue.tables:
                stays = bool(spec.period) or spec.held
                present = stays and bool(columns_of(con, EARLIER, spec.name))
                if spec.period and present:
                    yield from _changed(con, spec, schema)
                if stays and number == len(earlier) - 1:
                    yield from _claimed(con, spec, schema, release_id, EARLIER if present else None)
            yield from _left_out(con, catalogue)
        finally:
            con.execute(f"detach {EARLIER}")


def _left_out(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield tables of counts that an earlier release published and the catalogue no longer names.

    What they say stays known; left out, it would no longer be in the equations.
    """
    found = con.execute(
        "select distinct table_name from duckdb_columns() where database_name = ? and column_name = 'suppressed' "
        "order by table_name",
        [EARLIER],
    ).fetchall()
    for (name,) in found:
        if name not in catalogue.by_name:
            yield "a table of an earlier release is left out; keep it in the catalogue", name


def columns_of(con: duckdb.DuckDBPyConnection, database: str, table: str) -> set[str]:
    """Return the columns of a table of an attached file; none when there is no such table."""
    found = con.execute(
        "select column_name from duckdb_columns() where database_name = ? and table_name = ?",
        [database, table],
    ).fetchall()
    return {name for (name,) in found}


def _changed(con: duckdb.DuckDBPyConnection, spec: PublishedTable, schema: str) -> Iterator[tuple[str, str]]:
    """Compare one table's rows of closed periods with an earlier release's."""
    before = columns_of(con, EARLIER, spec.name)
    lacking = {*spec.dims, *spec.count_names, *spec.amount_names} - before
    if lacking:
        yield "its columns changed since an earlier release; give the new form another name", spec.name
        return
    told = [shown_as(rate) for rate in spec.coded_rates if shown_as(rate) in before]
    same = (*spec.count_names, *spec.amount_names, *told, "release_id")
    differ = " or ".join(f'l."{name}" is distinct from o."{name}"' for name in same)
    rows = f'{EARLIER}.main."{spec.name}" l left join {schema}."{spec.name}" o on {same_key(spec, "l", "o")}'
    missing = f'o."{spec.dims[0]}" is null'
    yield from rows_where(con, spec, f"{rows} where {missing}", "a row of an earlier release is left out")
    yield from rows_where(
        con, spec, f"{rows} where not ({missing}) and ({differ})", "it differs from an earlier release"
    )


def _claimed(
    con: duckdb.DuckDBPyConnection, spec: PublishedTable, schema: str, release_id: str, database: str | None
) -> Iterator[tuple[str, str]]:
    """Find rows that say another release showed them first, and are not found in the release before."""
    mine = "'" + release_id.replace("'", "''") + "'"
    unknown = "true"
    if database:
        unknown = f'not exists (from {database}.main."{spec.name}" o where {same_key(spec, "o", "l")})'
    rows = f'{schema}."{spec.name}" l where l.release_id is distinct from {mine} and {unknown}'
    yield from rows_where(con, spec, rows, "it claims that an earlier release showed it, and none did")
