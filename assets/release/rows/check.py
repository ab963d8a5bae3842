"""The check of a finished file of rows: is it as its manifest says, and does every class meet k, l and t.

What belongs here: the rules of `release.records` stated again, over the file alone. What does not: making one
(`classes`), what rows tell about tables (`knowledge`).

Children whose whole histories look alike are a class. Of each class and each of its periods: how many children there
are (k); how many values each outcome has, and whether Yes and No are both among them (l); how far the shares of the
values are from those of the whole period (t). An outcome that nobody has in a period is passed over there.
"""

# Names in these statements come from a signed manifest, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from assets.release.rows.form import NO, UNKNOWN, YES, RowFile

_ID = "[0-9a-f]{32}"


@dataclass(frozen=True)
class Reached:
    """What a file holds to: the smallest class, the fewest values of an outcome in one, the greatest distance."""

    k: int
    l: int  # noqa: E741  (the name of the rule)
    t: float


def reached(con: duckdb.DuckDBPyConnection, file: RowFile, schema: str) -> Reached:
    """Return what a file attached as `schema` reaches; l is 1 where a class lacks Yes or No of an outcome."""
    _remember(con, file, schema)
    smallest = con.execute(
        "select coalesce(min(n), 0) from (select count(*) as n from temp.history group by history)"
    ).fetchall()[0][0]
    least = con.execute(
        """
        select coalesce(min(case when yes and no then different else 1 end), 0) from (
            select
                history, period, outcome, count(distinct value) as different,
                bool_or(value = $yes) as yes, bool_or(value = $no) as no
            from temp.answer group by all
        )
        """,
        {"yes": YES, "no": NO},
    ).fetchall()[0][0]
    farthest = con.execute(
        """
        with class as (
            select history, period, outcome, value, count(*)::double as n from temp.answer group by all
        ),
        told as (
            select history, period, outcome, sum(n) as children, map(list(value), list(n)) as ns
            from class group by all
        ),
        everyone as (
            select period, outcome, value, sum(n) as n from class group by all
        ),
        share as (
            select *, n / sum(n) over (partition by period, outcome) as share from everyone
        )
        select coalesce(max(distance), 0) from (
            select sum(abs(coalesce(ns[value], 0) / children - share)) / 2 as distance
            from told join share using (period, outcome)
            group by history, told.period, told.outcome
        )
        """
    ).fetchall()[0][0]
    return Reached(int(smallest), int(least), float(farthest))


def _remember(con: duckdb.DuckDBPyConnection, file: RowFile, schema: str) -> None:
    """Create the temporary tables `history` (child, history) and `answer` (one row a child, period and outcome)."""
    rows = f'{schema}."{file.table}"'
    key = " || chr(31) || ".join(["period", *(f'"{name}"' for name in file.quasi)])
    con.execute(
        f"create or replace temp table history as "
        f"select child, string_agg({key}, chr(30) order by period) as history from {rows} group by child"
    )
    columns = ", ".join(f'"{one.column}"' for one in file.outcomes)
    con.execute(
        f"create or replace temp table answer as "
        f"with long as (unpivot (select child, period, {columns} from {rows}) on {columns} into name outcome "
        f"value value) select history, period, outcome, value from long join history using (child) "
        f"qualify bool_or(value <> '{UNKNOWN}') over (partition by period, outcome)"
    )


def row_findings(con: duckdb.DuckDBPyConnection, file: RowFile, schema: str) -> Iterator[tuple[str, str]]:
    """Yield (what, where) for all that is not as the manifest and the licence say of a file."""
    where = file.table
    told = con.execute(
        "select column_name from duckdb_columns() where database_name = ? and table_name = ? order by column_index",
        [schema.split(".", maxsplit=1)[0], where],
    ).fetchall()
    expected = ["child", "period", *file.quasi, *(one.column for one in file.outcomes)]
    if [name for (name,) in told] != expected:
        yield "its columns are not those of the manifest", where
        return
    yield from ((what, where) for what in _misshapen(con, file, schema))
    found, rule = reached(con, file, schema), file.about["rule"]
    if found.k < rule["k"]:
        yield "fewer children than k share a history of quasi-identifiers", where
    if found.l < rule["l"]:
        yield "an outcome takes fewer than l values, or Yes or No only, among children of one history", where
    if rule["t"] is not None and found.t > rule["t"] + 1e-6:
        yield "the outcomes of children of one history are farther than t from those of everyone", where


def _misshapen(con: duckdb.DuckDBPyConnection, file: RowFile, schema: str) -> Iterator[str]:
    """Yield what is wrong with the values of a file."""
    rows = f'{schema}."{file.table}"'
    answers = " or ".join(f"\"{one.column}\" not in ('{YES}', '{NO}', '{UNKNOWN}')" for one in file.outcomes)
    checks = {
        f"not regexp_full_match(child, '{_ID}')": "an id is no random id",
        "not list_contains($periods, period)": "a period is not among those of the manifest",
        answers: "an outcome is neither Yes, No nor Unknown",
        **{
            f'not list_contains({_listed([*level["groups"], level["others"]])}, "{level["name"]}")': (
                f"{level['name']} is not as coarse as the manifest says"
            )
            for level in file.about["quasi"]
            if level["others"] is not None
        },
    }
    for condition, what in checks.items():
        sql = f"select count(*) from {rows} where coalesce({condition}, true)"
        parameters = {"periods": list(file.about["periods"])} if "$periods" in condition else None
        if con.execute(sql, parameters).fetchall()[0][0]:
            yield what
    twice = f"select count(*) - count(distinct (child, period)) from {rows}"
    if con.execute(twice).fetchall()[0][0]:
        yield "a child has two rows in one period"


def _listed(values: list[str]) -> str:
    return "[" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + "]"
