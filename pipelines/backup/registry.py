"""The registry as tables that either engine takes back: every row of every table, in the order of its key.

A dump is Arrow IPC streams of some thousand rows, so that a SQLite city can become a PostgreSQL one and back. Rows are
put into a fresh registry only, whose triggers refuse any change from the first row on. What belongs here: reading and
putting rows. What does not: what they mean (`consent`), whether they can be believed (`checks`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Connection, Engine, Integer, LargeBinary, Table, func, insert, inspect, select

from consent.schema import HEAD, VERSION_TABLE, upgrade
from consent.tables import metadata
from pipelines.backup.errors import BackupError

ROWS, LARGE_ROWS = 20_000, 16
"""How many rows a part has: few of a table whose rows may be megabytes each."""


def snapshot(engine: Engine) -> Connection:
    """Return a connection that sees the registry as it is now, whoever writes meanwhile; close it when done."""
    connection = engine.connect()
    if engine.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return connection


def dump(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """Yield (table/part, Arrow IPC stream) of all rows."""
    for table in metadata.sorted_tables:
        query = select(table).order_by(*table.primary_key.columns)
        large = any(isinstance(c.type, LargeBinary) and c.type.length is None for c in table.columns)
        rows = connection.execute(query, execution_options={"yield_per": LARGE_ROWS if large else ROWS})
        for number, part in enumerate(rows.partitions()):
            yield f"{table.name}/{number:06}.arrow", _packed(table, part)


def counts(connection: Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    return {t.name: int(connection.scalar(select(func.count()).select_from(t)) or 0) for t in metadata.sorted_tables}


def make_empty(connection: Connection, revision: str, url_shown: str) -> None:
    """Make the tables in a database without any. Raises BackupError for one that has them, or of a newer version."""
    if inspect(connection).has_table(VERSION_TABLE):
        raise BackupError(
            f"{url_shown} holds a registry already, and evidence is never overwritten; name an empty database"
        )
    if revision != HEAD:
        raise BackupError(
            f"found a backup of the registry's revision {revision}, expected {HEAD}; restore it with the version that "
            "made it, then upgrade"
        )
    upgrade(connection)


def put(connection: Connection, name: str, stream: bytes) -> None:
    """Put the rows of one part back."""
    table = metadata.tables.get(name.partition("/")[0])
    if table is None:
        raise BackupError("the backup holds a table of the registry that this version does not know; upgrade first")
    with pa.ipc.open_stream(pa.py_buffer(stream)) as parts:
        for batch in parts:
            connection.execute(insert(table), batch.to_pylist())


def go_on_counting(connection: Connection) -> None:
    """Let PostgreSQL number new rows after those that were put back with their numbers; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        for column in table.primary_key.columns:
            owned = func.pg_get_serial_sequence(table.name, column.name)
            last = connection.scalar(select(func.max(column)))
            if last is not None and connection.scalar(select(owned)) is not None:
                connection.execute(select(func.setval(owned, last)))


def _packed(table: Table, rows: Any) -> bytes:
    schema = pa.schema([(column.name, _type_of(column)) for column in table.columns])
    columns = list(zip(*rows, strict=True))
    batch = pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _type_of(column: Column[Any]) -> pa.DataType:
    if isinstance(column.type, LargeBinary):
        return pa.large_binary()
    return pa.int64() if isinstance(column.type, Integer) else pa.large_string()
