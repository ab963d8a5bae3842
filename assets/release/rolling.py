"""The auditor's look at held tables: every release beside the one before it.

What belongs here: the rule of `holding`, said again by whoever checks it. A row of a table that changes with every
release is either, to the last number, the row that the release before showed, or a count behind it has moved by a step:
at least the threshold, in whole units of the table's rounding. Then a reader of both releases cannot tell a change of a
few children from none. From the files alone a count is known as far as its rounding tells; with both annexes, exactly.
No code is shared with the choice of the rows.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from assets.release.annex import Annex
from assets.release.tables import Catalogue, PublishedTable

NOT_ROUNDED = "a count that changes with every release is not a multiple of the table's rounding"
NOT_MOVED = "it is shown anew although no count of it moved by the threshold"
NOT_KEPT = "it says that it is as an earlier release showed it, and is not"
CAME = "its row appears although no count of it moved by the threshold since the release before"
WENT = "its row is gone although no count of it moved by the threshold since the release before"

BEFORE = "shown_before"
_ANY = 1 << 60


@dataclass(frozen=True)
class Told:
    """A release as the auditor has it: its catalogue, and its annex where the key was at hand."""

    catalogue: Catalogue
    annex: Annex | None = None


def rolling_findings(
    con: duckdb.DuckDBPyConnection,
    schema: str,
    now: Told,
    earlier: Sequence[Path],
    before: Told | None,
    threshold: int,
) -> Iterator[tuple[str, str]]:
    """Yield (what, where) for rows of held tables in `schema` that break the rule beside the last of `earlier`.

    `before` tells of that last release; without it, it is compared as far as its file goes.
    """
    held = [spec for spec in now.catalogue.tables if spec.held and spec.rounding]
    for spec in held:
        off = " or ".join(f'n."{name}" % {spec.rounding} <> 0' for name in spec.count_names)
        yield from _named(con, spec, f'{schema}."{spec.name}" n where {off}', NOT_ROUNDED)
    if not (held and earlier):
        return
    con.execute(f"attach '{str(earlier[-1]).replace(chr(39), chr(39) * 2)}' as {BEFORE} (read_only)")
    try:
        for spec in held:
            if _has(con, spec):
                _bounds(con, spec, "n", schema, now)
                _bounds(con, spec, "o", f"{BEFORE}.main", before or Told(Catalogue((spec,))))
                yield from _compared(con, spec, threshold)
    finally:
        con.execute(f"detach {BEFORE}")


def _has(con: duckdb.DuckDBPyConnection, spec: PublishedTable) -> bool:
    """Say whether the release before has the table in this form; another form is another table's (`published`)."""
    found = con.execute(
        "select column_name from duckdb_columns() where database_name = ? and table_name = ?", [BEFORE, spec.name]
    ).fetchall()
    return {*spec.dims, *spec.count_names, "release_id"} <= {name for (name,) in found}


def _bounds(con: duckdb.DuckDBPyConnection, spec: PublishedTable, name: str, schema: str, told: Told) -> None:
    """Create the temporary table `rolling_<name>`: the shown rows, with the least and greatest of each count."""
    key = ", ".join(f'"{dim}"' for dim in spec.dims)
    base = spec.rounding or 1
    con.register("rolling_truth", _truth(con, spec, schema, told))
    columns = []
    for number, count in enumerate(spec.count_names):
        truth = f"(select truth from rolling_truth t where t.rid = r.rid and t.count = {number})"
        low = f'case "{count}" when 0 then 0 else greatest(0, "{count}" - {base // 2}) end'
        high = f'case "{count}" when 0 then 0 else "{count}" + {base // 2 - 1} end'
        columns += [
            f'coalesce({truth}, {low}, 0) as "{count}__least"',
            f'coalesce({truth}, {high}, {_ANY}) as "{count}__most"',
        ]
    con.execute(
        f"create or replace temp table rolling_{name} as select *, {', '.join(columns)} from "
        f'(select row_number() over (order by {key}) - 1 as rid, * from {schema}."{spec.name}") r'
    )
    con.unregister("rolling_truth")


def _truth(con: duckdb.DuckDBPyConnection, spec: PublishedTable, schema: str, told: Told) -> pa.Table:
    """Return (rid, count, truth) of what an annex tells of a table: it numbers counts by table, row and count."""
    first, width = 0, len(spec.counts)
    empty = np.empty(0, np.int64)
    rid = count = truth = empty
    if told.annex is not None and spec.name in told.catalogue.by_name:
        for other in told.catalogue.tables:
            if other.name == spec.name:
                break
            first += con.table(f"{schema}.{other.name}").count("*").fetchall()[0][0] * len(other.counts)
        rows = con.table(f"{schema}.{spec.name}").count("*").fetchall()[0][0]
        inside = (told.annex.hidden >= first) & (told.annex.hidden < first + rows * width)
        rid, count = np.divmod(told.annex.hidden[inside] - first, width)
        truth = told.annex.truth[inside].astype(np.int64)
    return pa.table({"rid": rid, "count": count, "truth": truth})


def _compared(con: duckdb.DuckDBPyConnection, spec: PublishedTable, threshold: int) -> Iterator[tuple[str, str]]:
    base = spec.rounding or 1
    least = (threshold + base - 1) // base * base
    key = " and ".join(f'n."{dim}" = o."{dim}"' for dim in spec.dims)
    both = f"rolling_n n join rolling_o o on {key}"
    kept = [*spec.count_names, *(column.name for column in spec.plain_columns if column.held)]
    differ = " or ".join(f'n."{name}" is distinct from o."{name}"' for name in kept)
    unmoved = " and ".join(
        f'greatest(n."{c}__most" - o."{c}__least", o."{c}__most" - n."{c}__least") < {least}' for c in spec.count_names
    )
    yield from _named(con, spec, f"{both} where n.release_id = o.release_id and ({differ})", NOT_KEPT)
    yield from _named(con, spec, f"{both} where n.release_id <> o.release_id and {unmoved}", NOT_MOVED)
    few = " and ".join(f'n."{name}__most" < {least}' for name in spec.count_names)
    yield from _named(con, spec, f"rolling_n n anti join rolling_o o on {key} where {few}", CAME)
    yield from _named(con, spec, f"rolling_o n anti join rolling_n o on {key} where {few}", WENT)


def _named(con: duckdb.DuckDBPyConnection, spec: PublishedTable, rows: str, what: str) -> Iterator[tuple[str, str]]:
    dims = ", ".join(f'n."{dim}"' for dim in spec.dims)
    for found in con.execute(f"select {dims} from {rows} order by all limit 20").fetchall():
        yield what, f"{spec.name} ({', '.join(f'{d}={v}' for d, v in zip(spec.dims, found, strict=True))})"
