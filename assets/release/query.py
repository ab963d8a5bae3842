"""Questions to the current release: one SELECT in a connection that can reach nothing else.

What belongs here: opening the current release's file so that a statement can read its tables and nothing
more: no other file, no network, no extension, no setting, bounded in time, memory and rows. What does not:
whether the release can be trusted (`verify`), how an answer is printed (`pipelines.cli`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from assets.release.folder import current
from assets.release.policy import ReleaseError


class QueryError(ReleaseError):
    """A question that cannot be answered; one line: why, and what to ask instead."""


@dataclass(frozen=True)
class QueryLimits:
    """How much one question may cost."""

    seconds: float = 30.0
    memory: str = "512MB"
    threads: int = 2
    rows: int = 100_000


@dataclass(frozen=True)
class Answer:
    """Rows of an answer with the names of its columns; `more` when rows beyond the limit were left out.

    `tables` are those of the release that the question read.
    """

    release_id: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool
    tables: tuple[str, ...] = ()


def query(releases: Path, sql: str, limits: QueryLimits | None = None) -> Answer:
    """Answer one SELECT on the current release. Raises QueryError, or ReleaseError when nothing is published."""
    release = current(releases)
    bounds = limits or QueryLimits()
    with locked(release.database, bounds) as con:
        _require_one_select(con, sql)
        tables = _tables_of(con, sql)
        timer = threading.Timer(bounds.seconds, con.interrupt)
        timer.start()
        try:
            result = con.execute(sql)
            columns = tuple(column[0] for column in result.description or ())
            rows = result.fetchmany(bounds.rows + 1)
        except duckdb.InterruptException:
            raise QueryError(
                f"the question took longer than {bounds.seconds:g} s and was stopped; ask for fewer rows or groups"
            ) from None
        except duckdb.OutOfMemoryException:
            raise QueryError(
                f"the question needed more than {bounds.memory} of memory; ask for fewer rows or groups"
            ) from None
        except duckdb.Error as error:
            raise QueryError(_one_line(error)) from None
        finally:
            timer.cancel()
    return Answer(release.id, columns, tuple(rows[: bounds.rows]), len(rows) > bounds.rows, tables)


@contextmanager
def locked(database: Path, limits: QueryLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a release file read-only with everything outside it shut off and the settings locked."""
    config: dict[str, Any] = {
        "memory_limit": limits.memory,
        "threads": limits.threads,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }
    try:
        con = duckdb.connect(str(database), read_only=True, config=config)
        # Last, in this order: without access outside, no other setting that names a place can still be given.
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
    except duckdb.Error:
        raise ReleaseError(
            f"{database.parent.name}: its database does not open; check it with `release verify`"
        ) from None
    try:
        yield con
    finally:
        con.close()


def _require_one_select(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise QueryError unless `sql` is one statement that only reads."""
    try:
        statements = con.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(_one_line(error)) from None
    if len(statements) != 1:
        raise QueryError(f"found {len(statements)} statements, expected one SELECT; ask one question at a time")
    kind = statements[0].type
    if kind not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        raise QueryError(f"found a {kind.name} statement, expected SELECT; a release can only be read")


def _tables_of(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, ...]:
    """Return the tables that a statement reads; where DuckDB cannot say before it runs, every table."""
    try:
        found = con.get_table_names(sql)
    except duckdb.Error:
        found = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
    return tuple(sorted(name.lower() for name in found))


def _one_line(error: duckdb.Error) -> str:
    """Return the first line of DuckDB's message: a release holds nothing that may not be shown."""
    first = str(error).strip().splitlines()[0]
    return f"{first}; `from duckdb_columns()` lists what can be asked, with comments"
