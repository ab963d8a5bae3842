"""The registry database: one engine a process and address, at the newest revision, with one writer at a time.

What belongs here: connecting, transactions, the lock that writers take in turn. What does not: any table's meaning
(`ledger`, `trail`, `disclosures`, `people`, `destruction`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError

from consent.database_errors import moved, speak_for_people
from consent.errors import RegistryError
from consent.schema import HEAD, revision_of, upgrade

WAIT_SECONDS = 30
"""How long a writer waits for another one, or for a server to answer, before it gives up."""

_POSTGRESQL_CONNECTION = {
    "connect_timeout": WAIT_SECONDS,
    # A server that went silent is found out within a minute instead of two hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}

_POSTGRESQL_WRITER = """
    select
        set_config('lock_timeout', %(wait)s, true),
        set_config(
            'synchronous_commit',
            case when current_setting('synchronous_commit') = 'off' then 'on'
            else current_setting('synchronous_commit') end,
            true
        )
"""
"""Within the transaction: wait for other writers so long only, and say committed only of what is on disk."""


def open_registry(url: str) -> Engine:
    """Return an engine on the database at `url` (SQLite or PostgreSQL), brought to its newest revision.

    Raises `RegistryError` where it cannot be opened, or was made by a newer version of the program.
    """
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            current = revision_of(connection) == HEAD
        if not current:
            with writing(engine) as connection:
                upgrade(connection)
    except BaseException:
        engine.dispose()
        raise
    if engine.dialect.name == "sqlite":
        _make_no_other(engine)
    return engine


def engine_of(url: str) -> Engine:
    """Return an engine whose troubles are `RegistryError`s and whose errors show no value of a row.

    SQLite waits for another writer instead of failing, and syncs every commit with the folder that holds its journal.
    A connection that broke while nobody used it is replaced before its next use.
    """
    try:
        address = make_url(url)
        sqlite = address.get_backend_name() == "sqlite"
        settings = {"timeout": WAIT_SECONDS} if sqlite else _POSTGRESQL_CONNECTION
        engine = create_engine(
            address,
            connect_args={name: value for name, value in settings.items() if name not in address.query},
            hide_parameters=True,
            pool_pre_ping=True,
            **({} if sqlite else {"isolation_level": "READ COMMITTED"}),
        )
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise RegistryError(
            "the registry's address is none that is known; expected sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST/DATABASE; correct `registry` in cradlepath.yaml"
        ) from None
    speak_for_people(engine)
    if sqlite:
        _settle_sqlite(engine)
    return engine


def _settle_sqlite(engine: Engine) -> None:
    """Let SQLAlchemy begin transactions, so that DDL is inside them and a writer takes its lock at once.

    A connection is used only while the file it opened is in its place.
    """
    file = _file_of(engine)

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        connection.execute("pragma synchronous = extra")
        # What is erased is gone from the file; not every build of SQLite does so by itself.
        connection.execute("pragma secure_delete = on")
        record.info["file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def _compare(_: Any, record: Any, __: Any) -> None:
        if record.info["file"] != _identity(file):
            raise DisconnectionError

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("begin immediate" if connection.get_execution_options().get("writer") else "begin")


def _make_no_other(engine: Engine) -> None:
    """Refuse to make a new, empty file in the place of a registry that was there and is gone."""
    file = _file_of(engine)

    @event.listens_for(engine, "do_connect")
    def _look(*_: Any) -> None:
        if file and not file.exists():
            raise moved(engine.url)


def _file_of(engine: Engine) -> Path | None:
    """Return the file of a SQLite database, None for one in memory."""
    name = str(engine.url.database or "").removeprefix("file:")
    return None if name in {"", ":memory:"} else Path(name).absolute()


def _identity(file: Path | None) -> int | None:
    """Return what tells a file from another one of its name."""
    return file.stat().st_ino if file and file.exists() else None


@contextmanager
def writing(engine: Engine, *tables: Table) -> Iterator[Connection]:
    """Open a transaction that writes; nobody else writes to `tables` until it ends. All or nothing.

    Raises `RegistryError` where the database refuses it, `ConnectionLostError` where it broke on the way.
    """
    with engine.execution_options(writer=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_POSTGRESQL_WRITER, {"wait": f"{WAIT_SECONDS}s"})
        lock(connection, *tables)
        yield connection


def lock(connection: Connection, *tables: Table) -> None:
    """Let one writer at a time read the end of a table and add to it; SQLite's `begin immediate` has done so already.

    Tables are locked in the order of their names and the audit chain's last, whoever asks, so that two writers never
    wait for each other: who has appended to the chain locks no other table after it.
    """
    if connection.dialect.name == "postgresql":
        for name in sorted((table.name for table in tables), key=lambda name: (name == "audit_event", name)):
            connection.exec_driver_sql(f"lock table {name} in share row exclusive mode")
