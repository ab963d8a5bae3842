"""Whether a released file holds what its catalogue says and nothing else: no table, column or word besides.

What belongs here: checks of a file's form that need neither equations nor an earlier release. A number that the
catalogue does not name is in no equation, so that no audit would look at it. What does not: whether numbers follow
from the counts beside them (`published`), what can be inferred (`attacker`).
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from assets.release.published import rows_where
from assets.release.tables import HIDDEN_SENTENCE, Catalogue, PublishedTable, shown_as

ACCOMPANYING = frozenset({"release_log"})
"""Tables that a release holds beside those of its catalogue; they say nothing of children."""
OF_THE_RELEASE = frozenset({"suppressed", "suppressed_because", "release_id"})
"""Columns that a release adds to its tables."""


def declared_findings(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, schema: str) -> Iterator[tuple[str, str]]:
    """Yield (what, where) for what the file in `schema` holds beside what the catalogue names."""
    database = schema.split(".", maxsplit=1)[0]
    found = con.execute(
        "select table_name, column_name from duckdb_columns() where database_name = ? and not internal order by all",
        [database],
    ).fetchall()
    for table, column in found:
        spec = catalogue.by_name.get(table)
        if spec is None and table not in ACCOMPANYING:
            yield "the catalogue does not name this table, so no audit looks at it", f"{table}.{column}"
        elif spec is not None and column not in _allowed(spec):
            yield "the catalogue does not name this column, so no audit looks at it", f"{table}.{column}"
    for spec in catalogue.tables:
        present = {column for table, column in found if table == spec.name}
        for condition, what in _conditions(spec, present):
            yield from rows_where(con, spec, f'{schema}."{spec.name}" l where {condition}', what)


def _allowed(spec: PublishedTable) -> set[str]:
    """Return the columns that a released table may have; a percentage may stand there as text too (`decoding`)."""
    return {*spec.column_names, *map(shown_as, spec.coded_rates), *OF_THE_RELEASE}


def _conditions(spec: PublishedTable, present: set[str]) -> Iterator[tuple[str, str]]:
    """Yield SQL conditions on a row `l` under which it breaks the form, and what is then wrong."""
    if "suppressed_because" in present:
        sentence = "'" + HIDDEN_SENTENCE.replace("'", "''") + "'"
        because = f"l.suppressed_because is distinct from case when l.suppressed then {sentence} end"
        yield because, "it says something else of why a number is hidden than the one sentence for all"
    if spec.rounding:
        finer = " or ".join(f'l."{name}" % {spec.rounding} <> 0' for name in spec.count_names)
        yield finer, "a count is shown finer than the table's rounding"
    for amount in spec.amounts:
        units = f'(l."{amount.name}"::double * 1e{amount.digits})'
        yield f"abs({units} - round({units})) > 1e-6", f"{amount.name} is shown finer than it should be"
    for column in spec.plain_columns:
        if column.digits is not None:
            value = f'l."{column.name}"::double'
            yield f"{value} <> round({value}, {column.digits})", f"{column.name} is shown finer than it should be"
