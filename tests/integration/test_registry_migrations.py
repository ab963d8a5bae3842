"""Revisions of the registry on both engines: rows are kept, the result is what the models say, the newer is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, LargeBinary, MetaData, String, Table, Text, inspect, select, text
from sqlalchemy.exc import DatabaseError
from support.consents import forms
from support.registry_writers import Writer, kept, many

from consent.errors import RegistryError
from consent.ledger import ConsentLedger
from consent.registry import engine_of, open_registry, writing
from consent.schema import HEAD, VERSION_TABLE, alembic_config, revision_of, upgrade
from consent.tables import APPEND_ONLY, metadata

NIGHT = date(2026, 9, 2)


@pytest.fixture
def engine(registry_url: str) -> Iterator[Engine]:
    """An engine on a database that has no registry yet."""
    engine = engine_of(registry_url)
    yield engine
    engine.dispose()


def revisions(connection: Connection) -> list[str]:
    """Every revision there is, oldest first."""
    scripts = ScriptDirectory.from_config(alembic_config(connection)).walk_revisions()
    return [script.revision for script in scripts][::-1]


def fill(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Put two rows into every table as it is now; return what each table holds."""
    tables = _tables(connection)
    for table in tables:
        connection.execute(table.insert(), [_row(table, number) for number in (1, 2)])
    return rows(connection)


def rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table."""
    return {
        table.name: [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]
        for table in _tables(connection)
    }


def _tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def _row(table: Table, number: int) -> dict[str, Any]:
    """Values for every column but a key that the database gives."""
    given = {column.name for column in metadata.tables[table.name].columns if column.autoincrement is True}
    return {column.name: _value(column.type, number) for column in table.columns if column.name not in given}


def _value(kind: Any, number: int) -> Any:
    if isinstance(kind, LargeBinary):
        return bytes([number]) * 16
    return f"{number}" if isinstance(kind, String | Text) else number


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return list(compare_metadata(context, metadata))


def test_every_revision_becomes_the_newest_and_keeps_its_rows(registry_url: str, engine: Engine):
    with engine.connect() as connection:
        known = revisions(connection)
    assert known[-1] == HEAD
    with writing(engine) as connection:
        upgrade(connection, known[0])
        held = fill(connection)
    for revision in known[1:]:
        with writing(engine) as connection:
            upgrade(connection, revision)
            now = rows(connection)
        for table, before in held.items():
            assert [{name: row[name] for name in before[0]} for row in now[table]] == before
    with engine.connect() as connection:
        assert revision_of(connection) == HEAD
        assert differences(connection) == []
    with ConsentLedger(registry_url) as ledger:
        given = forms("record | decision | scope | effective\nf1 | refuse | school | 2026-08")
        assert ledger.record(given, NIGHT).recorded == 1
        assert ledger.record(given, NIGHT).recorded == 0
        with ledger.engine.connect() as connection:
            assert len(rows(connection)["consent_event"]) == 3


def test_every_table_refuses_changes_after_every_way_up(engine: Engine):
    with engine.connect() as connection:
        first = revisions(connection)[0]
    with writing(engine) as connection:
        upgrade(connection, first)
    with writing(engine) as connection:
        upgrade(connection)
        held = fill(connection)
    for table in (*APPEND_ONLY, "audit_payload"):
        column = metadata.tables[table].columns.keys()[-1]
        changes = [f"update {table} set {column} = {column}", f"delete from {table}"]
        for change in [*changes, f"truncate {table}"] if engine.dialect.name == "postgresql" else changes:
            if change == "delete from audit_payload":
                continue  # of these a row goes when its erasure is recorded, and here it is
            with pytest.raises(DatabaseError, match="append-only"), writing(engine) as connection:
                connection.execute(text(change))
    with engine.connect() as connection:
        assert rows(connection) == held


def test_processes_that_start_at_once_make_one_registry(registry_url: str, engine: Engine):
    with engine.connect() as connection:
        first = revisions(connection)[0]
    with writing(engine) as connection:
        upgrade(connection, first)
    writers = [Writer(many, registry_url, "trail", [f"writer.{place}"]) for place in range(3)]
    assert [writer.hears() for writer in writers] == ["ready"] * 3
    for writer in writers:
        writer.pipe.send("go")
        assert len(list(writer.all_it_said())) == 1
        writer.ends_well()
    with engine.connect() as connection:
        assert connection.execute(text(f"select count(*) from {VERSION_TABLE}")).scalar() == 1
        assert differences(connection) == []
    assert sorted(kept(engine, "trail")) == [f"writer.{place}" for place in range(3)]


def test_processes_that_start_at_once_on_nothing_make_one_registry(registry_url: str):
    writers = [Writer(many, registry_url, "trail", []) for _ in range(3)]
    for writer in writers:
        assert writer.hears() == "ready"
        writer.pipe.send("go")
        writer.ends_well()


def test_a_registry_of_a_newer_version_is_refused_and_left_alone(registry_url: str):
    engine = open_registry(registry_url)
    with writing(engine) as connection:
        connection.execute(text(f"update {VERSION_TABLE} set version_num = '9999'"))
        before = inspect(connection).get_table_names()
    for _ in range(2):
        with pytest.raises(RegistryError, match="found revision 9999, made by a newer version") as refused:
            ConsentLedger(registry_url)
        assert "\n" not in str(refused.value)
    with engine.connect() as connection:
        assert revision_of(connection) == "9999"
        assert inspect(connection).get_table_names() == before
    engine.dispose()


def test_an_upgrade_that_fails_half_way_leaves_the_old_revision(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    with engine.connect() as connection:
        first = revisions(connection)[0]
    with writing(engine) as connection:
        upgrade(connection, first)
        held = fill(connection)
        # A table of the newer revision is in the way of it.
        connection.execute(text("create table destruction (sequence integer)"))
    with pytest.raises(DatabaseError, match="destruction"), writing(engine) as connection:
        upgrade(connection)
    with writing(engine) as connection:
        connection.execute(text("drop table destruction"))
        assert revision_of(connection) == first
        assert rows(connection) == held
        upgrade(connection)
        assert differences(connection) == []
