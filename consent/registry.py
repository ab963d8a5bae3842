"""The registry database: one engine a process and address, at the newest revision, with one writer at a time.

What belongs here: connecting, transactions, the lock that writers take in turn. What does not: any table's meaning
(`ledger`, `trail`, `disclosures`, `people`, `destruction`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event

from consent.schema import HEAD, revision_of, upgrade

WAIT_SECONDS = 30
"""How long a writer waits for another one before it gives up."""


def open_registry(url: str) -> Engine:
    """Return an engine on the database at `url` (SQLite or PostgreSQL), brought to its newest revision."""
    engine = engine_of(url)
    with engine.connect() as connection:
        current = revision_of(connection) == HEAD
    if not current:
        with writing(engine) as connection:
            upgrade(connection)
    return engine


def engine_of(url: str) -> Engine:
    """Return an engine; SQLite waits for another writer instead of failing, and syncs every commit."""
    engine = create_engine(url, connect_args={"timeout": WAIT_SECONDS} if url.startswith("sqlite") else {})
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _settings(connection: Any, _: Any) -> None:
            # Autocommit in the driver; SQLAlchemy's own `begin` below starts the transaction, so DDL is
            # inside it.
            connection.isolation_level = None
            connection.execute("pragma synchronous = full")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(
                "begin immediate" if connection.get_execution_options().get("writer") else "begin"
            )

    return engine


@contextmanager
def writing(engine: Engine, *tables: Table) -> Iterator[Connection]:
    """Open a transaction that writes; nobody else writes to `tables` until it ends. All or nothing."""
    with engine.execution_options(writer=True).begin() as connection:
        lock(connection, *tables)
        yield connection


def lock(connection: Connection, *tables: Table) -> None:
    """Let one writer at a time read the end of a table and add to it; SQLite's `begin immediate` has done so already.

    Tables are locked in the order of their names, whoever asks, so that two writers never wait for each other.
    """
    if connection.dialect.name == "postgresql":
        for table in sorted(tables, key=lambda one: one.name):
            connection.exec_driver_sql(f"lock table {table.name} in share row exclusive mode")
