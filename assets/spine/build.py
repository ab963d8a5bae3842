"""Build the child spine of a night: content under child IDs, behind the consent gate, and its models.

What belongs here: joining, gating, counting and running the models into a new `spine.duckdb` that replaces
the old one last. What does not: the rule of precedence (`consent.gate`), the SQL of a model (`*.sql`),
measures.

`spine.duckdb` holds `c_<source>__<table>` (content columns of the agreements in force, `child_id` in place of
the record key; reference tables without it), the models, and `model_denied` (columns a model had to do
without). No record key, row key or digest is in it.
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import duckdb

from assets.night import Night
from assets.spine.declared import SqlFile, parse_sql_file, snake
from assets.spine.exposure import CONTENT_PREFIX, Columns, Denied, expose, run_into
from assets.spine.gate import Gate, apply_gate, record_gate
from assets.spine.periods import make_periods
from mou_policies.policy import Policy

MODELS_FOLDER = Path(__file__).parent

KEYS = ("record_key", "row_key", "digest")
"""Columns of the content store that never enter the spine."""


@dataclass(frozen=True)
class SpinePlace:
    """Prefixes while the spine itself is being written."""

    content: str = "spine.main"
    models: str = "spine.main"
    night: str = "spine.main"
    lookups: str = "memory.main"


@dataclass(frozen=True)
class SpineReport:
    """Counts of one build: children, rows by table and by model, columns that models lacked, the gate."""

    children: int
    tables: Mapping[str, int]
    models: Mapping[str, int]
    denied: tuple[tuple[str, Denied], ...]
    gate: Gate = field(default_factory=Gate)

    @property
    def missing_models(self) -> tuple[str, ...]:
        """Names of the models that lack a column they need."""
        return tuple(sorted({name for name, item in self.denied if item.needed}))

    @property
    def unreconciled(self) -> tuple[str, ...]:
        """Content tables whose rows in the spine are not what the gate says it kept."""
        return tuple(
            f"{count.source}.{count.table}"
            for count in self.gate.tables
            if self.tables.get(f"{count.source}__{snake(count.table)}", 0) != count.kept
            or count.rows != count.kept + count.refused + count.unlinked
        )


@cache
def models() -> tuple[SqlFile, ...]:
    """Return the models in the order in which they can run. Raises DeclarationError for a bad header."""
    files = {file.name: file for file in map(parse_sql_file, sorted(MODELS_FOLDER.glob("*.sql")))}
    ordered: list[SqlFile] = []
    while len(ordered) < len(files):
        done = {"spine_member", *(file.name for file in ordered)}
        ready = [file for file in files.values() if file not in ordered and done.issuperset(file.uses)]
        if not ready:
            raise ValueError("models use each other in a circle, or one that is not there; see their `uses`")
        ordered.extend(ready)
    return tuple(ordered)


def build_spine(night: Night, periods: tuple[str, ...] | None = None) -> SpineReport:
    """Build `night.paths.spine` anew and write the gate's counts into `nights.duckdb`.

    `periods` are labels such as '2025-26', oldest first; by default the two last closed on the night. The old
    spine stays until the new one is complete, so a failed night leaves yesterday's.
    """
    aside = night.paths.spine.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with _connection(night, aside) as connection:
        make_periods(connection, "spine.main", night.date, periods)
        gate = apply_gate(connection, night)
        tables = join_content(connection, night.policy)
        rows, denied = _run_models(connection, night.policy, tables)
        children = connection.execute("select count(*) from spine.main.spine_member").fetchall()[0][0]
        counts = {
            name: connection.execute(f"select count(*) from spine.main.{CONTENT_PREFIX}{name}").fetchall()[0][0]
            for name in sorted(tables)
        }
        connection.execute("checkpoint spine")
    aside.replace(night.paths.spine)
    record_gate(night.paths.nights, night.date, gate)
    return SpineReport(int(children), counts, rows, tuple(denied), gate)


@contextmanager
def _connection(night: Night, aside: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the content store read-only and the new spine beside it; the ledger is a relation in memory."""
    paths = night.paths
    spill = paths.root / "spill-spine"
    with duckdb.connect(config={"temp_directory": str(spill)}) as connection:
        try:
            connection.execute(f"attach '{_literal(aside)}' as spine")
            if paths.content.exists():
                connection.execute(f"attach '{_literal(paths.content)}' as content (read_only)")
            else:
                connection.execute("attach ':memory:' as content")
            connection.register("record_child", night.record_child())
            yield connection
        finally:
            for name in ("spine", "content"):
                connection.execute(f"detach database if exists {name}")
            shutil.rmtree(spill, ignore_errors=True)


def _literal(path: Path) -> str:
    return str(path).replace("'", "''")


def content_tables(connection: duckdb.DuckDBPyConnection, catalog: str, prefix: str = "") -> dict[str, list[str]]:
    """Return the columns of each table of an attached database, by the name after `prefix`."""
    rows = connection.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns() "
        "where database_name = $catalog and schema_name = 'main' and starts_with(table_name, $prefix) "
        "group by table_name order by table_name",
        {"catalog": catalog, "prefix": prefix},
    ).fetchall()
    return {name[len(prefix) :]: list(columns) for name, columns in rows}


def granted_columns(policy: Policy, source: str, table: str) -> set[str]:
    """Return the content columns of a table that the agreements in force grant (content or publish)."""
    held = policy.sources[source].tables[table]
    names = {item.name for item in held.fields if item.is_content}
    return names | {f"{item.name}_year" for item in held.fields if item.treatment.unit == "school_day"}


def join_content(connection: duckdb.DuckDBPyConnection, policy: Policy) -> dict[str, list[str]]:
    """Create every `c_` table of the spine; return the tables (`source__table`) with their columns.

    The connection has `record_child`, `refused_source` and the attached databases `content` and `spine`.
    """
    held = content_tables(connection, "content")
    made: dict[str, list[str]] = {}
    for source, source_policy in policy.sources.items():
        if source_policy.kind == "consent":
            continue
        for table in source_policy.tables:
            name = f"{source}__{snake(table)}"
            columns = [
                column
                for column in held.get(name, ())
                if column not in KEYS and column in granted_columns(policy, source, table)
            ]
            if columns:
                child = "record_key" in held[name]
                _join_table(connection, name, columns, source_policy.records_of or source, child)
                made[name] = [*(("child_id",) if child else ()), *columns]
    return made


def _join_table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: list[str], namespace: str, child: bool
) -> None:
    """Create one `c_` table: rows of children that pass the gate, or all rows of a reference table."""
    source = name.partition("__")[0]
    listed = ", ".join(f'c."{column}"' for column in columns)
    target = f"spine.main.{CONTENT_PREFIX}{name}"
    if not child:
        connection.execute(f"create table {target} as select {listed} from content.main.{name} as c order by all")
        return
    # Ordered by child, so that nothing of the order in which records came is left.
    connection.execute(
        f"""
        create table {target} as
        select link.child_id, {listed}
        from content.main.{name} as c
        join record_child as link on link.source = $namespace and link.record_key = c.record_key
        where not exists (
            select 1 from refused_source as refused
            where refused.child_id = link.child_id and refused.source = $source
        )
        order by link.child_id
        """,
        {"namespace": namespace, "source": source},
    )


def _run_models(
    connection: duckdb.DuckDBPyConnection, policy: Policy, tables: Mapping[str, list[str]]
) -> tuple[dict[str, int], list[tuple[str, Denied]]]:
    """Run every model that has what it needs; return rows by model and the denied columns by model."""
    rows: dict[str, int] = {}
    denied: list[tuple[str, Denied]] = []
    columns = Columns(policy, tables, {file.name: file for file in models()})
    for file in models():
        if not {"spine_member", *rows}.issuperset(file.uses):
            continue
        exposure = expose(connection, file, columns, SpinePlace())
        denied.extend((file.name, item) for item in exposure.denied)
        if not exposure.stops:
            rows[file.name] = run_into(connection, file, exposure, f"spine.main.{file.name}", "order by all")
    connection.execute(
        "create table spine.main.model_denied (model varchar, source varchar, table_name varchar, "
        "column_name varchar, reason varchar, clause varchar, needed boolean)"
    )
    if denied:
        connection.execute("begin")
        connection.executemany(
            "insert into spine.main.model_denied values (?, ?, ?, ?, ?, ?, ?)",
            [
                (name, item.ref.source, item.ref.table, item.ref.column, item.reason, item.clause, item.needed)
                for name, item in denied
            ],
        )
        connection.execute("commit")
    return rows, denied
