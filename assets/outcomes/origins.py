"""Which columns of the agreements each outcome shows, and which it only counts: the table `column_lineage`.

What belongs here: writing down, beside the outcomes of a night, what their files say of themselves (`shows`) and what
they got to see. What does not: following the declarations (`assets.spine.shown`), judging what leaves
(`assets.release`). The table is not published: it is what a release is judged by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import duckdb

from assets.outcomes.cells import OF_THE_CHILD, OF_THE_PLACE, RELEASED_AS, WIDER
from assets.outcomes.definitions import Definition
from assets.spine.declared import ColumnRef, ModelColumn
from assets.spine.exposure import Columns
from assets.spine.shown import shown

CREATE_ORIGINS = """
    create table out.main.column_lineage (
        name varchar, version varchar, shown_in varchar, source varchar, table_name varchar, column_name varchar
    )
"""
"""`shown_in` is the released column as `table.column`, null where the column of the agreement is only counted."""

SUBGROUPS: tuple[ColumnRef | ModelColumn, ...] = (
    ModelColumn("child", "race_ethnicity"),
    ModelColumn("child", "sex"),
    ModelColumn("child", "birth_school_year"),
    ColumnRef("birth", "births", "zip3"),
    ColumnRef("birth", "births", "plurality"),
)
"""What the subgroups of the table `linkage_quality` show (`assets.quality`)."""


def add_origins(
    connection: duckdb.DuckDBPyConnection, definition: Definition, columns: Columns, left_out: Collection[str] = ()
) -> None:
    """Write what a measure or table that was computed shows and counts, less the breakdowns `left_out`."""
    file = definition.file
    models = {} if file.kind == "table" else {k: v for k, v in _models(definition).items() if k not in left_out}
    shows = {
        **{_released(definition, name): shown(file, name, columns) for name in file.shows},
        **{f"measure.{name}": _origin(origin, columns) for name, origin in models.items()},
    }
    for name, (column, tree) in WIDER.items():
        if name in definition.by and column not in left_out:
            whole = shows.pop(f"measure.{column}", frozenset())
            shows[f"measure.{name}"] |= whole
            shows |= {f"{tree}.part": shown(file, name, columns), f"{tree}.whole": whole}
    read = columns.row(file).union(*(columns.row(columns.files[origin.model]) for origin in models.values()))
    _insert(connection, definition.name, definition.version, shows, read)


def add_subgroup_origins(connection: duckdb.DuckDBPyConnection, columns: Columns) -> None:
    """Write what the subgroups of `linkage_quality` show tonight."""
    refs = frozenset().union(*(_origin(origin, columns) for origin in SUBGROUPS))
    _insert(connection, "linkage_quality", "", {"linkage_quality.subgroup": refs}, refs)


def _models(definition: Definition) -> dict[str, ModelColumn]:
    return {**OF_THE_CHILD, **(OF_THE_PLACE if "place" in definition.by else {})}


def _released(definition: Definition, column: str) -> str:
    """Return where a column of the result is seen in a release, as `table.column`."""
    if definition.file.kind == "table":
        return f"{definition.name}.{column}"
    return RELEASED_AS.get(column, f"measure.{column}")


def _origin(origin: ColumnRef | ModelColumn, columns: Columns) -> frozenset[ColumnRef]:
    if isinstance(origin, ModelColumn):
        return shown(columns.files[origin.model], origin.column, columns)
    return frozenset({origin}) if columns.gives(origin) else frozenset()


def _insert(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    version: str,
    shows: dict[str, frozenset[ColumnRef]],
    read: Collection[ColumnRef],
) -> None:
    rows = list(_rows(name, version, shows, read))
    if rows:
        connection.executemany("insert into out.main.column_lineage values (?, ?, ?, ?, ?, ?)", rows)


def _rows(
    name: str, version: str, shows: dict[str, frozenset[ColumnRef]], read: Collection[ColumnRef]
) -> Iterator[tuple[str | None, ...]]:
    for place, refs in sorted(shows.items()):
        for ref in sorted(refs):
            yield name, version, place, ref.source, ref.table, ref.column
    for ref in sorted(set(read).difference(*shows.values())):
        yield name, version, None, ref.source, ref.table, ref.column
