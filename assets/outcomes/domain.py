"""The public domain of each table: the rows it can have, whatever the children are.

What belongs here: filling the schema `domain` of the outcomes, one table of dimensions for each published table that
has a domain, from `data/domain.yaml`, the district's list of schools, and the programs whose data cover a period. What
does not: any count; what a release makes of it (`assets.release.modes.domains`).

Taken as public, and not hidden by adding a child or taking one away: which definitions and versions of tools a night
computes for which periods, and which breakdowns agreements leave out.
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from ruamel.yaml import YAML

from assets.outcomes.cells import DIMENSIONS, OF_THE_CHILD, WIDER
from assets.outcomes.definitions import Definition
from assets.spine.declared import ColumnRef, ModelColumn
from assets.spine.exposure import CONTENT_PREFIX, Columns

SCHOOL_NAME = ColumnRef("school", "orgs", "name")
SCHOOL_TYPE = ColumnRef("school", "orgs", "type")
LEAD_RESULT = ColumnRef("health", "Observation", "value")

CREATE_DOMAIN = """
    create schema out.domain;
    create table out.domain.measure (
        measure varchar, version varchar, period varchar, place varchar, grade_or_age_band varchar,
        race_ethnicity varchar, sex varchar, economic_status varchar, program varchar
    );
    create table out.domain.place_within (
        measure varchar, version varchar, period varchar, part varchar, whole varchar
    );
    create table out.domain.grade_within (
        measure varchar, version varchar, period varchar, part varchar, whole varchar
    );
    create table out.domain.measure_coverage (measure varchar, version varchar, period varchar, because varchar);
"""

_TABLES = {
    "distinct_served": """
        with program as (select period, list_sort(list(distinct program)) as programs from covering group by period)
        select period, 'All' as programs from program
        union all
        select
            period,
            array_to_string(list_filter(programs, lambda one, place: (chosen >> (place - 1)) & 1 = 1), ' + ')
        from program, range(1, 1 << len(programs)) as subset(chosen)
    """,
    "program_overlap": """
        select one.period, one.program as program_a, other.program as program_b
        from covering as one
        join covering as other on other.period = one.period and other.program >= one.program
    """,
    "absence_by_service_context": """
        with happened as (select distinct period from out.main.absence_by_service_context)
        select period, context from happened, unnest(['All', ... $contexts]) as listed(context)
        union
        select period, program from happened join covering using (period) where program <> 'Preschool'
    """,
    "readiness_by_pathway": """
        with happened as (select distinct period, tool from out.main.readiness_by_pathway)
        select period, tool, birth, preschool
        from happened, unnest(['All', ... $births]) as b(birth), unnest(['All', ... $preschools]) as p(preschool)
    """,
}


@cache
def listed() -> Mapping[str, Any]:
    """Return the packaged lists of values."""
    text = (Path(__file__).with_name("data") / "domain.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = YAML(typ="safe").load(text)
    return found


def add_measure_domain(
    connection: duckdb.DuckDBPyConnection, definition: Definition, columns: Columns, left_out: Collection[str]
) -> None:
    """Add the rows that one measure can have in `measure` and `measure_coverage`, for the periods it was computed for.

    `left_out`: breakdowns that agreements do not let it be counted by.
    """
    reasons = ["All", "Counted", *listed()["excluded"].get(definition.key, [])]
    _of_definition(connection, definition, "measure_coverage", [("because", reasons)])
    values = {name: _values(connection, definition, columns, name) for name in (*definition.by, *OF_THE_CHILD)}
    for name in definition.by:
        if not {name, WIDER[name][0]} & set(left_out):
            values[name] = [*values[name], *_add_tree(connection, definition, name, values[name])]
    wanted: list[Sequence[str]] = [(), *((name,) for name in values), ("race_ethnicity", "sex")]
    for names in wanted:
        if not set(names) & set(left_out):
            rest = [(name, ["All"]) for name in (*DIMENSIONS, "program") if name not in names]
            _of_definition(connection, definition, "measure", [*((name, values[name]) for name in names), *rest])
    _leave_out_unknowable(connection, definition)
    connection.execute(
        "insert into out.domain.measure select distinct measure, version, period, 'All', 'All', 'All', 'All', 'All', "
        f"program from out.main.measure where program <> 'All' and {_OF}",
        {"measure": definition.name, "version": definition.version},
    )


def _leave_out_unknowable(connection: duckdb.DuckDBPyConnection, definition: Definition) -> None:
    """Take out the economic status of periods that none of its programs covers: the model calls all of it Unknown."""
    _note_covering(connection, listed()["economic_programs"])
    connection.execute(
        "delete from out.domain.measure where measure = $measure and economic_status not in ('All', 'Unknown') "
        "and period not in (select period from covering)",
        {"measure": definition.name},
    )


_OF = "measure = $measure and (version = $version or starts_with(version, $version || ' '))"


def _of_definition(
    connection: duckdb.DuckDBPyConnection,
    definition: Definition,
    table: str,
    dims: Sequence[tuple[str, Sequence[str]]],
) -> None:
    """Add every combination of the listed values for the versions and periods of one definition."""
    sources = ", ".join(f"unnest(${name}) as v_{name}({name})" for name, _ in dims)
    connection.execute(
        f"insert into out.domain.{table} by name "
        f"with happened as (select distinct measure, version, period from out.main.measure_coverage where {_OF}) "
        f"select measure, version, period, {', '.join(name for name, _ in dims)} from happened, {sources}",
        {"measure": definition.name, "version": definition.version, **{name: list(values) for name, values in dims}},
    )


_WIDER = {"place": ("memory.lake.neighbourhood", "place"), "grade_or_age_band": ("memory.main.grade_band", "part")}


def _add_tree(
    connection: duckdb.DuckDBPyConnection, definition: Definition, name: str, values: Sequence[str]
) -> list[str]:
    """Say which listed value of a breakdown lies within which wider one; return the wider ones.

    A wider value that is also listed by itself makes no group, as in `cells`.
    """
    table, column = _WIDER[name]
    edges = connection.execute(
        f"select distinct {column}, whole from {table} where list_contains($values, {column}) and whole is not null "
        "and not list_contains($values, whole) order by all",
        {"values": list(values)},
    ).fetchall()
    for part, whole in edges:
        _of_definition(connection, definition, WIDER[name][1], [("part", [part]), ("whole", [whole])])
    return sorted({whole for _, whole in edges})


def _values(
    connection: duckdb.DuckDBPyConnection, definition: Definition, columns: Columns, name: str
) -> Sequence[str]:
    """Return the values that a breakdown of a measure can have."""
    said = listed()["breakdowns"]
    if name == "place":
        return sorted({*said["place"], *_schools(connection, columns)})
    if name == "grade_or_age_band":
        shown = {f"{one.model}.{one.column}" for one in definition.file.shows[name] if isinstance(one, ModelColumn)}
        kind = next(kind for kind in ("school_year.grade", "child_year.age_band") if kind in shown)
        return list(listed()["grades"].get(definition.key, said[kind]))
    return list(said[name])


def _schools(connection: duckdb.DuckDBPyConnection, columns: Columns) -> list[str]:
    """Return the district's own list of its schools, where agreements let their names be published.

    An organisation that schools lie in is a neighbourhood and no school; nor is a district.
    """
    if not columns.gives(SCHOOL_NAME):
        return []
    school = "and coalesce(lower(type), 'school') = 'school' " if columns.gives(SCHOOL_TYPE) else ""
    found = connection.execute(
        f"select distinct name from spine.main.{CONTENT_PREFIX}{SCHOOL_NAME.view} where name is not null {school}"
        "and name not in (select whole from memory.lake.neighbourhood where whole is not null)"
    ).fetchall()
    return [name for (name,) in found]


def add_table_domain(connection: duckdb.DuckDBPyConnection, name: str, columns: Columns) -> None:
    """Add the rows that one linked table can have, for the periods it was computed for; none where it is not listed."""
    if name not in _TABLES:
        return
    said = listed()
    _note_covering(connection, said["programs"])
    contexts = [one for one in said["contexts"] if one != "Elevated lead" or columns.gives(LEAD_RESULT)]
    statement = _TABLES[name]
    for key, values in (("contexts", contexts), ("births", said["births"]), ("preschools", said["preschools"])):
        statement = statement.replace(f"... ${key}", ", ".join(f"'{value}'" for value in values))
    connection.execute(f"create table out.domain.{name} as {statement}")


def _note_covering(connection: duckdb.DuckDBPyConnection, programs: Sequence[str]) -> None:
    """Create `covering(program, period)`: the listed programs whose data cover a period."""
    known = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'spine' and table_name = 'program_period'"
    ).fetchall()
    rows = "select distinct program, period from spine.main.program_period where list_contains($programs, program)"
    none = "select null::varchar as program, null::varchar as period where list_contains($programs, null)"
    connection.execute(f"create or replace temp table covering as {rows if known else none}", {"programs": [*programs]})
