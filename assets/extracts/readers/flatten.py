"""FHIR resources to flat rows: the SQL of `assets/extracts/standards/fhir-bulk-r4` over batches of lines.

What belongs here: the one private DuckDB connection, in memory and without a temporary directory, so that
it cannot spill. What does not: files and their problems (`fhir`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from types import TracebackType

import duckdb
import pyarrow as pa

from assets.extracts.delivery import WITHDRAWN
from assets.extracts.standards import describe

STANDARD = "fhir-bulk-r4"
TYPE = "resourceType"
NUMBER = "row"
LINE = "line"
_KINDS = """
    select case when json_valid(line) then coalesce(json_extract_string(line, '$.resourceType'), '') end
        as kind
    from lines
"""
_VALID = "select case when json_valid(line) then json_type(line) = 'OBJECT' else false end as ok from lines"
_LINES = pa.schema([(NUMBER, pa.int64()), (LINE, pa.string())])


@cache
def _sql(name: str) -> str:
    folder = files("assets.extracts.standards") / str(describe(STANDARD).facts["sql"])
    return (folder / f"{name}.sql").read_text(encoding="utf-8")


class Flattener:
    """Turns lines of JSON into rows of columns. A context manager: it holds a connection."""

    def __init__(self) -> None:
        self._con = duckdb.connect(":memory:", config={"temp_directory": "", "threads": 1})
        self._con.execute(_sql("macros"))

    def __enter__(self) -> Flattener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._con.close()

    def types(self, lines: pa.Array) -> list[str | None]:
        """Return for every line its resource type, '' for JSON of another kind, None for no JSON."""
        numbers = pa.array(range(len(lines)), pa.int64())
        kinds: list[str | None] = self._run(_KINDS, pa.table([numbers, lines], schema=_LINES))["kind"].to_pylist()
        return kinds

    def valid(self, lines: pa.Table) -> pa.ChunkedArray:
        """Return which lines hold one JSON object (bool)."""
        return self._run(_VALID, lines)["ok"]

    def rows(self, table: str, wanted: Sequence[str], lines: pa.Table) -> pa.Table:
        """Flatten lines (row, line) of valid JSON: row, resourceType, the wanted columns, `__withdrawn`."""
        columns = ", ".join(f'"{name}"' for name in dict.fromkeys((NUMBER, TYPE, *wanted, WITHDRAWN)))
        return self._run(f"select {columns} from ({_sql(table)})", lines)  # noqa: S608  (names known, own SQL)

    def everything(self, table: str, lines: pa.Table) -> pa.Table:
        """Flatten lines (row, line) of valid JSON into all columns of the resource type."""
        return self._run(_sql(table), lines)

    def deletions(self, table: str, lines: pa.Table) -> pa.Table:
        """Return what bundles of deletions (row, line) delete of one type: row, type, id, `__withdrawn`."""
        return self._run(_sql(str(describe(STANDARD).facts["deletions"])), lines, {"type": table})

    def _run(self, query: str, lines: pa.Table, parameters: dict[str, str] | None = None) -> pa.Table:
        self._con.register("lines", lines)
        try:
            return self._con.sql(query, params=parameters or {}).to_arrow_table()
        finally:
            self._con.unregister("lines")


@cache
def columns_of(table: str) -> tuple[str, ...]:
    """Return the columns that a resource type is flattened into, as its SQL names them."""
    with Flattener() as flattener:
        names = flattener.everything(table, _LINES.empty_table()).column_names
    return tuple(name for name in dict.fromkeys(names) if name not in {NUMBER, TYPE, WITHDRAWN})
