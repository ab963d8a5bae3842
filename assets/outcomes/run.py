"""Run every measure and linked table of a night into a new `outcomes.duckdb`.

What belongs here: the order, the policy gate of each file, what is withheld and why. What does not: the SQL,
the cells of a measure (`cells`), disclosure control (`assets.release`).

A file that lacks a column it needs is withheld, with the column, the reason and the clause; the rest goes on.
The result holds counts, and beside each the key of the children counted: no child ID, no record key of an agency.
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from assets.night import Night, StatePaths
from assets.outcomes.catalogue import catalogue
from assets.outcomes.cells import CREATE, OF_THE_CHILD, OF_THE_PLACE, add_cells, add_empty_groups
from assets.outcomes.child_keys import RELATION, SUFFIX, add_child_keys
from assets.outcomes.definitions import Definition, linked_tables, measures, usable
from assets.outcomes.domain import CREATE_DOMAIN, add_measure_domain, add_table_domain
from assets.outcomes.lookups import load_lookups
from assets.outcomes.origins import CREATE_ORIGINS, add_origins, add_subgroup_origins
from assets.outcomes.success import Target, add_success, load_targets
from assets.outcomes.trust import add_definitions, add_freshness, add_quality
from assets.spine.build import content_tables
from assets.spine.declared import ColumnRef, SqlFile
from assets.spine.exposure import CONTENT_PREFIX, Columns, Denied, expose, run_into

_WITHHELD = """
    create table out.main.measure_withheld (
        name varchar, version varchar, effect varchar, source varchar, table_name varchar, column_name
        varchar, reason varchar, clause varchar
    )
"""


@dataclass(frozen=True)
class OutcomePlace:
    """Prefixes while measures run: the spine is read-only, models and child rows are seen through `lake`."""

    content: str = "spine.main"
    models: str = "memory.lake"
    night: str = "spine.main"
    lookups: str = "memory.main"


@dataclass(frozen=True)
class OutcomesReport:
    """Cells by measure (`name version`), rows by table, and what is withheld with one line of reason."""

    periods: tuple[str, ...]
    cells: Mapping[str, int]
    tables: Mapping[str, int]
    withheld: Mapping[str, str] = field(default_factory=dict)


def build_outcomes(
    night: Night,
    quality: pa.Table | None = None,
    targets: tuple[Target, ...] | None = None,
    only: Collection[str] | None = None,
) -> OutcomesReport:
    """Build `night.paths.outcomes` from the night's spine; the old file stays until the new one is complete.

    `quality` is what `linkage.quality` estimated (`trust.QUALITY_SCHEMA`); `targets` the cabinet's, by
    default the packaged ones. Raises DeclarationError or MeasureError when a definition breaks its own
    header, and TargetError for the targets file: nothing is replaced then.
    """
    aims = load_targets() if targets is None else targets
    aside = night.paths.outcomes.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with _connection(night.paths, aside) as connection:
        connection.execute(CREATE)
        connection.execute(_WITHHELD)
        connection.execute(CREATE_ORIGINS)
        connection.execute(CREATE_DOMAIN)
        runner = _Runner(connection, night)
        for definition in measures():
            if only is None or definition.name in only:
                runner.measure(definition)
        for definition in measures():
            if {definition.key, definition.among} <= runner.cells.keys():
                runner.cells[definition.key] += add_empty_groups(connection, definition)
        for definition in linked_tables():
            if only is None or definition.name in only:
                runner.table(definition)
        runner.note_models()
        add_success(connection, aims)
        add_definitions(connection)
        add_quality(connection, quality)
        if quality is not None:
            add_subgroup_origins(connection, runner.columns)
        add_freshness(connection, night)
        periods = connection.execute("select period from spine.main.period order by period").fetchall()
        # Counted in memory and written in one go: a file of counts, without a trace of how they came about.
        connection.execute("copy from database out to written")
        connection.execute("checkpoint written")
    aside.replace(night.paths.outcomes)
    return OutcomesReport(tuple(row[0] for row in periods), runner.cells, runner.tables, runner.withheld)


@contextmanager
def child_rows(
    night: Night, wanted: Collection[Definition]
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[tuple[Definition, str]]]]:
    """Run measures of a night again and count nothing: yield each with the name of the relation of its child rows.

    The connection holds the models in the schema `lake`. The same gate applies as in `build_outcomes`; a measure that
    is withheld is not there.
    """
    with _connection(night.paths, None) as connection:
        connection.execute(CREATE)
        connection.execute(_WITHHELD)
        runner = _Runner(connection, night)
        yield connection, [(one, name) for one in wanted if (name := runner.child_rows(one)) is not None]


@contextmanager
def _connection(paths: StatePaths, aside: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the spine read-only and the new outcomes, if any, beside it; then no other file can be reached."""
    spill = paths.root / ("spill-outcomes" if aside else "spill-rows")
    with duckdb.connect(config={"temp_directory": str(spill)}) as connection:
        try:
            connection.execute("attach ':memory:' as out")
            for path, options in (
                (paths.spine, "as spine (read_only)"),
                (aside, "as written"),
                (paths.nights, "as nights (read_only)"),
            ):
                if path is not None and (path.exists() or path == aside):
                    name = str(path).replace("'", "''")
                    connection.execute(f"attach '{name}' {options}")
            load_lookups(connection)
            connection.execute("set enable_external_access = false")
            yield connection
        finally:
            for name in ("written", "spine", "nights"):
                connection.execute(f"detach database if exists {name}")
            shutil.rmtree(spill, ignore_errors=True)


class _Runner:
    """Runs files one after another in one connection and keeps what became of each.

    A measure's child rows stay in the schema `lake` beside the models, for the linked tables that use them.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, night: Night) -> None:
        self.connection = connection
        self.columns = Columns(night.policy, content_tables(connection, "spine", CONTENT_PREFIX), usable())
        self.cells: dict[str, int] = {}
        self.tables: dict[str, int] = {}
        self.withheld: dict[str, str] = {}
        self._lake: set[str] = set()
        connection.execute("create schema memory.lake")
        for name in content_tables(connection, "spine"):
            if not name.startswith(CONTENT_PREFIX):
                connection.execute(f"create view memory.lake.{name} as select * from spine.main.{name}")
                self._lake.add(name)
        add_child_keys(connection, night.keys.derive("release.cell-key"))
        self._lake.add(RELATION)

    def measure(self, definition: Definition) -> None:
        """Run one measure and count its cells, or withhold it."""
        rows = self.child_rows(definition)
        if rows is not None:
            left_out = [*definition.never_by, *self._left_out(definition)]
            self.cells[definition.key] = add_cells(self.connection, definition, rows, left_out)
            add_measure_domain(self.connection, definition, self.columns, left_out)
            add_origins(self.connection, definition, self.columns, left_out)

    def child_rows(self, definition: Definition) -> str | None:
        """Run one measure and return the relation of its child rows; None where it is withheld."""
        name = definition.file.path.stem
        if self._run(definition, f"memory.lake.{name}") is None:
            return None
        self._lake.add(name)
        return f"memory.lake.{name}"

    def table(self, definition: Definition) -> None:
        """Run one linked table; where it is withheld it exists and is empty."""
        rows = self._run(definition, f"out.main.{definition.name}")
        if rows is None:
            spec = catalogue().by_name[definition.name]
            columns = [
                *(f"{dim} varchar" for dim in spec.dims),
                *(f"{name} bigint" for name in spec.count_names),
                *(f"{name}{SUFFIX} ubigint" for name in spec.count_names),
            ]
            self.connection.execute(f"create table out.main.{definition.name} ({', '.join(columns)})")
        else:
            add_table_domain(self.connection, definition.name, self.columns)
            add_origins(self.connection, definition, self.columns)
        self.tables[definition.name] = rows or 0

    def _run(self, definition: Definition, target: str) -> int | None:
        """Run one file into `target`; return its rows, or None when it is withheld."""
        file = definition.file
        inherited = self._inherited(file)
        missing = [name for name in file.uses if name not in self._lake]
        if missing:
            needed = [item for item in inherited if item.needed]
            self._note(definition, "withheld", needed)
            if not needed:
                self._note_missing(definition, missing)
            return None
        exposure = expose(self.connection, file, self.columns, OutcomePlace())
        if exposure.stops:
            self._note(definition, "withheld", exposure.stops)
            return None
        self._note(definition, "without this column", exposure.denied)
        order = "order by all" if file.kind == "table" else ""
        return run_into(self.connection, file, exposure, target, order)

    def _left_out(self, definition: Definition) -> list[str]:
        """Return the breakdowns a measure may not be counted by, since they and it may not be in one row.

        Each is noted with the columns that are the reason.
        """
        own = self.columns.row(definition.file)
        found = []
        wider = OF_THE_PLACE if "place" in definition.by else {}
        for name, origin in {**OF_THE_CHILD, **wider}.items():
            apart = self.columns.joined(own | self.columns.row(self.columns.files[origin.model]), ())
            if apart:
                self._note(definition, f"without the breakdown by {name}", apart)
                found.append(name)
        return found

    def note_models(self) -> None:
        """Write the columns that the models had to do without into `measure_withheld`, once a model."""
        self.connection.execute(
            """
            insert into out.main.measure_withheld
            select
                model, 'model', case when needed then 'withheld' else 'without this column' end,
                source, table_name, column_name, reason, clause
            from spine.main.model_denied
            """
        )

    def _inherited(self, file: SqlFile) -> list[Denied]:
        """Return what the models that a file uses, and theirs, had to do without."""
        reached: set[str] = set()
        waiting = list(file.uses)
        while waiting:
            name = waiting.pop()
            used = self.columns.files.get(name)
            if used is not None and used.kind == "model" and name not in reached:
                reached.add(name)
                waiting.extend(used.uses)
        rows = self.connection.execute(
            "select source, table_name, column_name, reason, clause, needed from spine.main.model_denied "
            "where list_contains($names, model) order by all",
            {"names": sorted(reached)},
        ).fetchall()
        return [Denied(ColumnRef(*row[:3]), *row[3:]) for row in rows]

    def _note(self, definition: Definition, effect: str, denied: Sequence[Denied]) -> None:
        """Write what a file had to do without into `measure_withheld`, each column once."""
        for item in sorted({item.ref: item for item in denied}.values(), key=lambda item: item.ref):
            ref = item.ref
            self._insert(definition, effect, ref.source, ref.table, ref.column, item.reason, item.clause)
            if effect == "withheld":
                self.withheld.setdefault(definition.key, f"{ref}: {item.reason}")

    def _note_missing(self, definition: Definition, missing: Sequence[str]) -> None:
        reason = f"uses {', '.join(missing)}, which is withheld"
        self._insert(definition, "withheld", "", "", "", reason, "")
        self.withheld[definition.key] = reason

    def _insert(self, definition: Definition, *values: str) -> None:
        self.connection.execute(
            "insert into out.main.measure_withheld values (?, ?, ?, ?, ?, ?, ?, ?)",
            [definition.name, definition.version, *values],
        )
