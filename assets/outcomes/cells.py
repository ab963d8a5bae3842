"""From one row a child to cells: the breakdowns that every measure gets, by the same two statements.

What belongs here: counting children into the long table `measure` and into `measure_coverage`, with the key of the
children of each count (`child_keys`). What does not:
who is counted (the measure's own SQL).

A measure's statement returns one row for every child it could count, in a period and program:
`child_id, period, numerator (boolean), excluded (null, or the reason why the child is not counted)` and,
where the measure has them, `program` ('All' unless a part), `place`, `grade_or_age_band`, `variant` (a tool
and its version, never pooled: it becomes part of the version). A child is in one value of every dimension, so
the values of a breakdown partition the total; programs overlap and do not.

Values of two breakdowns lie within wider ones, which get a row too: a place in its neighbourhood (the model of
that name), a grade or age band in a wider band (`data/grade_band.csv`). `place_within` and `grade_within` say
which, for each measure and period; what lies in none is a part of the whole city.
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection

import duckdb

from assets.outcomes.child_keys import cell_key
from assets.outcomes.definitions import Definition
from assets.spine.declared import ModelColumn

OF_THE_CHILD = {
    "race_ethnicity": ModelColumn("child", "race_ethnicity"),
    "sex": ModelColumn("child", "sex"),
    "economic_status": ModelColumn("child_year", "economic_status"),
}
"""The breakdowns that every measure gets, and the column of a model that each one shows."""

OF_THE_PLACE = {"neighbourhood": ModelColumn("neighbourhood", "whole")}
"""The wider places that a measure by place gets, and the column of a model that they show."""

WIDER = {"place": ("neighbourhood", "place_within"), "grade_or_age_band": ("wider_band", "grade_within")}
"""The breakdowns whose values lie within wider ones: the column of these, and the table that says which."""

DIMENSIONS = ("place", "grade_or_age_band", *OF_THE_CHILD)
"""The breakdown columns of `measure`, beside `program`."""

ATTRIBUTES = tuple(dict.fromkeys(column.model for column in OF_THE_CHILD.values()))
"""The models that say which race, sex and economic status a child has, whatever the measure."""

RELEASED_AS = {"variant": "measure.version", "excluded": "measure_coverage.because"}
"""Where a column of a measure's rows is seen, if not in the column of `measure` of the same name."""

_OPTIONAL = {
    "program": "'All'",
    "place": "'All'",
    "grade_or_age_band": "'All'",
    "variant": "null::varchar",
}
_NEEDED = ("child_id", "period", "numerator", "excluded")

CREATE = """
    create table out.main.measure (
        measure varchar, version varchar, period varchar, place varchar, grade_or_age_band varchar,
        race_ethnicity varchar, sex varchar, economic_status varchar, program varchar,
        numerator bigint, denominator bigint, numerator__key ubigint, denominator__key ubigint
    );
    create table out.main.measure_coverage (
        measure varchar, version varchar, period varchar, because varchar, children bigint,
        children__key ubigint
    );
    create table out.main.place_within (
        measure varchar, version varchar, period varchar, part varchar, whole varchar
    );
    create table out.main.grade_within (
        measure varchar, version varchar, period varchar, part varchar, whole varchar
    );
"""


class MeasureError(Exception):
    """A measure whose rows break the rules above; one line: measure, what was found, what was expected."""


def add_cells(
    connection: duckdb.DuckDBPyConnection, definition: Definition, rows: str, left_out: Collection[str] = ()
) -> int:
    """Count the child rows in the relation `rows` into `measure` and `measure_coverage`; return new cells.

    `left_out` are breakdowns that these rows may not be counted by. Raises MeasureError when a child comes twice, an
    excluded child counts, a column is missing, or the header does not say what a column shows.
    """
    _check(connection, definition, rows)
    connection.execute(f"create or replace temp view counted as {_counted(connection, definition, rows)}")
    wider = {name: WIDER[name][0] for name in definition.by if WIDER[name][0] not in left_out}
    wanted = [(), *((name,) for name in (*_dimensions(definition), *wider.values())), ("race_ethnicity", "sex")]
    sets = [names for names in wanted if not set(names) & set(left_out)]
    before = _size(connection)
    connection.execute(_cells(sets, "program = 'All'", ()), {"measure": definition.name})
    connection.execute(_cells([()], "program <> 'All'", ("program",)), {"measure": definition.name})
    connection.execute(
        f"""
        insert into out.main.measure_coverage
        select $measure, version, period, coalesce(because, 'All'), count(*), {cell_key("true")}
        from (select version, period, child_key, coalesce(excluded, 'Counted') as because from counted where program =
        'All') group by grouping sets ((version, period), (version, period, because))
        """,
        {"measure": definition.name},
    )
    for name, column in wider.items():
        connection.execute(
            f"""
            insert into out.main.{WIDER[name][1]}
            select distinct $measure, version, period, {name}, {column}
            from counted
            where program = 'All' and excluded is null and {column} is not null
            """,
            {"measure": definition.name},
        )
    return _size(connection) - before


def add_empty_groups(connection: duckdb.DuckDBPyConnection, definition: Definition) -> int:
    """Give a measure a row of no child for each group in which nobody is counted `among` it; return the new rows.

    The other measure has a row for these groups, and its numerator of 0 may have to be hidden: a row that is missing
    here would tell it.
    """
    before = _size(connection)
    name, version = definition.among.split()
    chosen = {"measure": definition.name, "version": definition.version, "other": name, "other_version": version}
    for table, left, zero in (
        ("measure", "measure, version, numerator, denominator, numerator__key, denominator__key", ", 0, 0, 0, 0"),
        ("place_within", "measure, version", ""),
        ("grade_within", "measure, version", ""),
    ):
        connection.execute(
            f"""
            insert into out.main.{table}
            select $measure, $version, *{zero} from (
                select * exclude ({left}) from out.main.{table} where measure = $other and version = $other_version
                except
                select * exclude ({left}) from out.main.{table} where measure = $measure and version = $version
            )
            """,
            chosen,
        )
    return _size(connection) - before


def _dimensions(definition: Definition) -> tuple[str, ...]:
    return (*definition.by, *OF_THE_CHILD)


def _size(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute("select count(*) from out.main.measure").fetchall()[0][0])


def _columns(connection: duckdb.DuckDBPyConnection, rows: str) -> set[str]:
    return {row[0] for row in connection.execute(f"describe {rows}").fetchall()}


def _check(connection: duckdb.DuckDBPyConnection, definition: Definition, rows: str) -> None:
    columns = _columns(connection, rows)
    missing = set(_NEEDED) - columns
    unknown = columns - {*_NEEDED, *_OPTIONAL}
    if missing or unknown:
        raise MeasureError(f"{definition.key}: lacks columns {sorted(missing)}, has unexpected ones {sorted(unknown)}")
    unsaid = columns - {"child_id", "numerator", *definition.file.shows}
    if unsaid:
        raise MeasureError(f"{definition.key}: the header does not say what {sorted(unsaid)} show; add to `shows`")
    key = ", ".join(name for name in ("child_id", "period", "program", "variant") if name in columns)
    twice, wrong = connection.execute(
        f"""
        select
            count(*) - count(distinct ({key})),
            count(*) filter (numerator is null or (numerator and excluded is not null))
        from {rows}
        """
    ).fetchall()[0]
    if twice:
        raise MeasureError(f"{definition.key}: {twice} rows repeat a child in a period; expected one a child")
    if wrong:
        raise MeasureError(f"{definition.key}: {wrong} rows have no numerator or count an excluded child")


def _counted(connection: duckdb.DuckDBPyConnection, definition: Definition, rows: str) -> str:
    """Return the statement that puts every child row beside the child's own attributes and the wider values.

    A wider value that is also a value of the breakdown itself would be two groups of one name: it is left out.
    """
    columns = _columns(connection, rows)
    chosen = {name: f"coalesce(r.{name}, 'Unknown')" for name in DIMENSIONS[:2] if name in columns}
    value = {**_OPTIONAL, **chosen}
    version = f"'{definition.version}'" + (" || ' ' || r.variant" if "variant" in columns else "")
    wider = ", ".join(
        f"case when {column} not in (select {name} from child_row) then {column} end as {column}"
        for name, (column, _) in WIDER.items()
    )
    return f"""
        with child_row as (
            select
                r.period,
                {version} as version,
                {"r.program" if "program" in columns else "'All'"} as program,
                {value["place"]} as place,
                {value["grade_or_age_band"]} as grade_or_age_band,
                neighbourhood.whole as neighbourhood,
                grade_band.whole as wider_band,
                coalesce(child.race_ethnicity, 'Unknown') as race_ethnicity,
                coalesce(child.sex, 'Unknown') as sex,
                coalesce(child_year.economic_status, 'Unknown') as economic_status,
                r.numerator,
                r.excluded,
                child_key.child_key
            from {rows} as r
            left join lake.child_key on child_key.child_id = r.child_id
            left join lake.child on child.child_id = r.child_id
            left join lake.child_year on child_year.child_id = r.child_id and child_year.period = r.period
            left join lake.neighbourhood on neighbourhood.place = {value["place"]}
            left join memory.main.grade_band on grade_band.part = {value["grade_or_age_band"]}
        )
        select * replace ({wider}) from child_row
    """


def _cells(sets: list[tuple[str, ...]], where: str, fixed: tuple[str, ...]) -> str:
    """Return the insert that counts one row for every grouping set; a dimension outside the set is 'All'."""
    base = ("version", "period", *fixed)
    grouping = ", ".join(f"({', '.join((*base, *names))})" for names in sets)
    used = {name for names in sets for name in names}
    known = [f"and (grouping({column}) = 1 or {column} is not null)" for column, _ in WIDER.values() if column in used]
    shown = ", ".join(_shown(name, used) for name in DIMENSIONS)
    program = "program" if fixed else "'All'"
    return f"""
        insert into out.main.measure
        select
            $measure, version, period, {shown}, {program},
            count(*) filter (numerator and excluded is null), count(*) filter (excluded is null),
            {cell_key("numerator and excluded is null")}, {cell_key("excluded is null")}
        from counted
        where {where}
        group by grouping sets ({grouping})
        having count(*) filter (excluded is null) > 0 {" ".join(known)}
    """


def _shown(name: str, used: Collection[str]) -> str:
    """Return what a row shows of a dimension: its value, else the wider one, else All."""
    levels = [column for column in (name, *WIDER.get(name, ())[:1]) if column in used]
    cases = " ".join(f"when grouping({column}) = 0 then {column}" for column in levels)
    return f"case {cases} else 'All' end" if cases else "'All'"
