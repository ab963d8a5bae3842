"""The released tables: shown counts, rates computed from them, one flag and one sentence for what is hidden.

What belongs here: the form in which a reader gets the tables, with a comment on each table and column, and
the digest of a table's rows. What does not: what is hidden (`suppress`), the file's place and name
(`publish`).
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from assets.release.coding import Labels
from assets.release.published import guard_sql, percent_sql, rate_sql
from assets.release.system import Bools, Floats, Ints, System
from assets.release.tables import HIDDEN_SENTENCE, Amount, Catalogue, PublishedTable, Rate, shown_as
from assets.release.working import WORK

STAGE = "memory.stage"
CODED_COMMENT = (
    "{rate} as text, for reading: the number with its %, or only that it lies below or above a bound (<5 %, >95 %), "
    "which depends on the size of the group; {rate} and {numerator} are then empty. Empty: not shown at all."
)
LOG = "release_log"
LOG_COMMENTS = {
    "release_id": "Id of the release, which is the name of its folder.",
    "sequence": "Its place in the series, from 1.",
    "night": "The night it describes.",
    "policy": "The rule under which counts were hidden.",
    "tables": "Tables it holds, this log not counted.",
    "counts": "Counts in its tables.",
    "hidden": "Counts that it does not show.",
}


def stage_tables(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    system: System,
    hidden: Bools,
    shown: Floats | None = None,
    coded: Labels | None = None,
) -> None:
    """Create the released form of every table in the schema `stage`, from `work` and the counts to hide.

    `shown`, shape (n,): the number to show for each count that is not hidden; None shows what `work` holds. `coded`
    (n,): bounds of percentages told beside hidden numerators; None: no rule codes percentages.
    """
    numbers = np.nan_to_num(system.values if shown is None else shown).astype(np.int64)
    con.execute("drop schema if exists memory.stage cascade")
    con.execute("create schema memory.stage")
    for block in system.blocks:
        width = len(block.spec.counts)
        span = slice(block.offset, block.offset + block.rows * width)
        form = (block.rows, width)
        texts = None if coded is None else coded[span].reshape(form)
        sums = _amount_flags(system, block.spec, hidden)
        _stage(con, block.spec, hidden[span].reshape(form), numbers[span].reshape(form), texts, sums)
    for spec in catalogue.tables:
        _borrow(con, spec)


def _amount_flags(system: System, spec: PublishedTable, hidden: Bools) -> Bools:
    """Return which amounts of a table are hidden, shape (rows, amounts)."""
    for block in system.amounts:
        if block.spec.name == spec.name:
            return np.asarray(hidden[block.span].reshape(block.rows, len(block.names)), bool)
    return np.empty((0, 0), bool)


def _stage(
    con: duckdb.DuckDBPyConnection,
    spec: PublishedTable,
    flags: Bools,
    numbers: Ints,
    texts: Labels | None,
    sums: Bools,
) -> None:
    """Stage one table.

    `flags` and `numbers` (rows, counts): what it hides, and what it shows of the others; `sums` (rows, amounts): the
    amounts it hides; `texts` (rows, counts): bounds of percentages it tells.
    """
    names = spec.count_names
    columns: dict[str, object] = {f"h{number}": flags[:, number] for number in range(len(names))}
    columns |= {f"a{number}": sums[:, number] for number in range(len(spec.amounts))}
    hides = list(columns)
    columns |= {f"s{number}": numbers[:, number] for number in range(len(names))}
    coded = () if texts is None else spec.coded_rates
    bounds = [names.index(rate.numerator) for rate in coded]
    columns |= {f"b{number}": pa.array(texts[:, number], pa.string()) for number in bounds if texts is not None}
    con.register("flags", pa.table({"rid": np.arange(len(flags)), **columns}))
    key = ", ".join(f'"{dim}"' for dim in spec.dims)
    inner = ", ".join(
        (
            *(f'w."{dim}"' for dim in spec.dims),
            *(f'case when not h{i} then {_count(i, spec.rounding)} end as "{name}"' for i, name in enumerate(names)),
            *(f'case when not a{i} then {_amount(a)} end as "{a.name}"' for i, a in enumerate(spec.amounts)),
            *(_plain(column.name, column.digits) for column in spec.plain_columns),
            f"({' or '.join(hides) or 'false'}) as suppressed",
            "w.release_id",
            *(f"nullif(b{number}, '') as b{number}" for number in bounds),
        )
    )
    guarded = {column.name: guard_sql(column, names) for column in spec.plain_columns}
    guarded = {name: condition for name, condition in guarded.items() if condition}
    replaced = ", ".join(f'case when {condition} then "{name}" end as "{name}"' for name, condition in guarded.items())
    rates = "".join(f', {rate_sql(rate)} as "{rate.name}"' for rate in spec.rates)
    rates += "".join(f', {_shown(rate, n)} as "{shown_as(rate)}"' for rate, n in zip(coded, bounds, strict=True))
    without = f"exclude ({', '.join(f'b{number}' for number in bounds)}) " if bounds else ""
    con.execute(
        f'create table {STAGE}."{spec.name}" as with numbered as ('
        f'select row_number() over (order by {key}) - 1 as rid, * from {WORK}."{spec.name}"), '
        f"released as (select {inner} from numbered w left join flags f on f.rid = w.rid) "
        f"select * {without}{f'replace ({replaced})' if guarded else ''}{rates} from released order by {key}"
    )
    con.unregister("flags")


def _count(number: int, base: int | None) -> str:
    return f"(s{number} + {base // 2}) // {base} * {base}" if base else f"s{number}"


def _amount(amount: Amount) -> str:
    """Return the SQL of an amount with its last digit rounded half up, whole numbers without a point."""
    rounded = f'floor("{amount.name}" * 1e{amount.digits} + 0.5) / 1e{amount.digits}'
    return f"({rounded})::bigint" if amount.digits <= 0 else f"({rounded})::decimal(18, {amount.digits})"


def _shown(rate: Rate, number: int) -> str:
    """Return the SQL of a percentage as text: the number where it is shown, else the bound that is told."""
    return f"coalesce({percent_sql(rate)}, b{number})"


def _plain(name: str, digits: int | None) -> str:
    return f'w."{name}"' if digits is None else f'round(w."{name}", {digits}) as "{name}"'


def _borrow(con: duckdb.DuckDBPyConnection, spec: PublishedTable) -> None:
    """Fill the columns that show another table's numbers, and hide with them what was computed from them."""
    if not spec.borrowed:
        return
    name = f'{STAGE}."{spec.name}"'
    for borrowed in spec.borrowed:
        source = f'from {STAGE}."{borrowed.table}" r where {borrowed.on}'
        con.execute(
            f'create or replace table {name} as select * , (select r."{borrowed.column}" {source}) '
            f'as "{borrowed.name}", coalesce((select r."{borrowed.column}" is null {source}), false) as "h" '
            f"from {name} l"
        )
        con.execute(f"update {name} set suppressed = suppressed or h")
        for hidden in borrowed.hides:
            con.execute(f'update {name} set "{hidden}" = null where "{borrowed.name}" is null')
        con.execute(f'alter table {name} drop column "h"')


def content_digest(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> str:
    """Return the SHA-256 over the staged tables, in which new rows carry no release id yet."""
    whole = hashlib.sha256()
    for spec in catalogue.tables:
        whole.update(f"{spec.name}\n{table_digest(con, STAGE, spec.name)}\n".encode())
    return whole.hexdigest()


def table_digest(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    """Return the SHA-256 over a table's rows as JSON text, sorted, however the file stores them."""
    found = con.execute(f'select to_json(t)::varchar as line from {schema}."{table}" t order by line').fetchnumpy()
    return hashlib.sha256("\n".join(found["line"]).encode()).hexdigest()


def write_tables(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    target: str,
    release_id: str,
    log: pa.Table,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the staged tables and the log into the attached database `target`, with comments.

    `notes`: what a table's comment says beside its description, by table.
    """
    for spec in catalogue.tables:
        hides = bool(spec.counts or spec.borrowed)
        coded = [rate for rate in spec.coded_rates if _staged(con, spec.name, shown_as(rate))]
        columns = [f'"{name}"' for name in (*spec.column_names, *map(shown_as, coded))]
        if hides:
            columns += [
                "suppressed",
                f"case when suppressed then {_text(HIDDEN_SENTENCE)} end as suppressed_because",
            ]
        columns.append(f"coalesce(release_id, {_text(release_id)}) as release_id")
        key = ", ".join(f'"{dim}"' for dim in spec.dims)
        con.execute(
            f'create table {target}.main."{spec.name}" as select {", ".join(columns)} '
            f'from {STAGE}."{spec.name}" order by {key}'
        )
        note = (notes or {}).get(spec.name)
        described = f"{spec.description} {note}" if note else spec.description
        _comment(con, target, spec.name, described, _comments(spec, hides, coded))
    con.register("log_rows", log)
    con.execute(f"create table {target}.main.{LOG} as select * from log_rows order by sequence")
    con.unregister("log_rows")
    _comment(con, target, LOG, "Every release so far, this one included.", LOG_COMMENTS)


def _staged(con: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """Say whether a staged table has a column."""
    found = con.execute(
        "select 1 from duckdb_columns() "
        "where database_name || '.' || schema_name = ? and table_name = ? and column_name = ?",
        [STAGE, table, column],
    )
    return bool(found.fetchall())


def _comments(spec: PublishedTable, hides: bool, coded: Sequence[Rate] = ()) -> dict[str, str]:
    out = {name: spec.comments[name] for name in spec.column_names}
    for name in spec.count_names if spec.rounding else ():
        out[name] = f"{out[name]} Rounded to {spec.rounding}."
    for amount in spec.amounts:
        out[amount.name] = f"{out[amount.name]} Rounded to {10.0**-amount.digits:g}."
    for rate in coded:
        out[shown_as(rate)] = CODED_COMMENT.format(rate=rate.name, numerator=rate.numerator)
    if hides:
        out["suppressed"] = "True when a number of this row is hidden; it is then empty, and so is what needs it."
        out["suppressed_because"] = "Why, in one sentence that is the same for every hidden number."
    out["release_id"] = "Release that showed this row first; rows of closed periods keep their first form."
    return out


def _comment(
    con: duckdb.DuckDBPyConnection, target: str, table: str, description: str, columns: dict[str, str]
) -> None:
    con.execute(f'comment on table {target}.main."{table}" is {_text(description)}')
    for name, text in columns.items():
        con.execute(f'comment on column {target}.main."{table}"."{name}" is {_text(text)}')


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def log_table(entries: Sequence[dict[str, object]]) -> pa.Table:
    """Return the rows of `release_log` from one dict for each release, with the names of LOG_COMMENTS."""
    types = {"sequence": pa.int64(), "tables": pa.int64(), "counts": pa.int64(), "hidden": pa.int64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in LOG_COMMENTS])
    return pa.Table.from_pylist(list(entries), schema=schema)
