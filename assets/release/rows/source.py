"""The rows before anything is made coarser: one a child and period, from the spine of the night.

What belongs here: running the measures of a request again under the same gate as a night does, putting their outcomes
side by side with the quasi-identifiers, and the random ids. Child IDs are in memory only and leave this module as ids:
HMAC-SHA-256 of child and periods under a key of the licence, so that the same child has another id in the file of
another licence and in the next file of this one. What does not: any rule of what may be seen (`request`, `classes`).
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from assets.night import Night
from assets.outcomes.definitions import Definition
from assets.outcomes.run import child_rows
from assets.release.rows.form import NO, UNKNOWN, YES, Outcome, column_of
from assets.release.rows.hierarchies import text_sql
from assets.release.rows.request import RowRequest

_BLOCK = 64
_ID_DIGITS = 32


@dataclass(frozen=True)
class Rows:
    """The rows as a table (child, period, quasi-identifiers, outcomes; all text), and the measure of each outcome."""

    table: pa.Table
    outcomes: dict[Outcome, Definition]


def load_rows(night: Night, request: RowRequest, periods: Sequence[str]) -> Rows:
    """Return the rows of the children that a measure of the request counts in one of the periods."""
    with child_rows(night, request.outcomes) as (con, made):
        found = {
            outcome: (relation, definition)
            for definition, relation in made
            for outcome in _outcomes(con, definition, relation)
        }
        if not found:
            return Rows(pa.table({"child": pa.array([], pa.string()), "period": pa.array([], pa.string())}), {})
        key = night.keys.derive(f"release.rows.{request.licence}")
        table = con.sql(
            _rows_sql(request, [(outcome, *of) for outcome, of in found.items()]),
            params={"periods": list(periods), **hmac_parameters(key), "label": "|".join(sorted(periods))},
        ).to_arrow_table()
    return Rows(table, {outcome: definition for outcome, (_, definition) in found.items()})


def _outcomes(con: duckdb.DuckDBPyConnection, definition: Definition, relation: str) -> list[Outcome]:
    """Return the outcomes of a measure: one, or one for each variant of its version."""
    variant = " || ' ' || variant" if "variant" in definition.file.shows else ""
    sql = f"select distinct {text_sql(definition.version)}{variant} from {relation} order by 1"
    return [
        Outcome(column_of(definition.name, version), definition.name, version)
        for (version,) in con.execute(sql).fetchall()
    ]


def _rows_sql(request: RowRequest, found: Sequence[tuple[Outcome, str, Definition]]) -> str:
    """Return the statement of the rows; parameters: periods, label, inner, outer."""
    counted = " union all ".join(_counted_sql(*one) for one in found)
    told = ", ".join(
        f"coalesce(max(case when numerator then {text_sql(YES)} else {text_sql(NO)} end) "
        f'filter (outcome = {text_sql(one.column)}), {text_sql(UNKNOWN)}) as "{one.column}"'
        for one, _, _ in found
    )
    outcomes = ", ".join(f't."{one.column}"' for one, _, _ in found)
    quasi = "".join(f', coalesce({q.model}."{q.column}", {text_sql(q.absent)}) as "{q.name}"' for q in request.quasi)
    joins = " ".join(
        f"left join lake.{model} on {model}.child_id = t.child_id"
        + ("" if model == "child" else f" and {model}.period = t.period")
        for model in sorted({one.model for one in request.quasi})
    )
    return f"""
        with counted as ({counted}),
        told as (
            select child_id, period, {told} from counted
            where list_contains($periods, period) group by child_id, period
        )
        select {hmac_sql("$label || '|' || t.child_id")} as child, t.period{quasi}, {outcomes}
        from told as t {joins}
        order by child, period
    """


def _counted_sql(outcome: Outcome, relation: str, definition: Definition) -> str:
    """Return the children that a measure counts, overall, under the name of one outcome."""
    variant = outcome.version.removeprefix(f"{definition.version} ")
    conditions = ["excluded is null"]
    if variant != outcome.version:
        conditions.append(f"variant = {text_sql(variant)}")
    if "program" in definition.file.shows:
        conditions.append("program = 'All'")
    return (
        f"select child_id, period, numerator, {text_sql(outcome.column)} as outcome from {relation} "
        f"where {' and '.join(conditions)}"
    )


def hmac_sql(message: str) -> str:
    """Return the SQL of the first 32 hexadecimal digits of HMAC-SHA-256 (RFC 2104) of a text; see `hmac_parameters`."""
    inner = f"unhex(sha256($inner::blob || encode({message})))"
    return f"left(sha256($outer::blob || {inner}), {_ID_DIGITS})"


def hmac_parameters(key: bytes) -> dict[str, bytes]:
    """Return the two padded keys of HMAC, for a key no longer than a block of SHA-256."""
    padded = key.ljust(_BLOCK, b"\0")
    return {"inner": bytes(b ^ 0x36 for b in padded), "outer": bytes(b ^ 0x5C for b in padded)}
