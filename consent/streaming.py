"""The events of the registry as Arrow batches, which DuckDB takes as they come: no row passes through Python.

What belongs here: the drivers, the query, the types. What does not: which events stand and what they mean (`standing`,
`decisions`), writing.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Engine, case, func, literal_column, select

from consent.tables import consent_event
from consent.tables.consents import names_somebody
from consent.vocabulary import vocabulary

EVENT_SCHEMA = pa.schema(
    [
        ("sequence", pa.int64()),
        ("event_id", pa.string()),
        ("record_key", pa.binary()),
        ("decision", pa.string()),
        ("scope", pa.string()),
        ("about_source", pa.string()),
        ("about_record", pa.binary()),
        ("signed_month", pa.string()),
        ("effective_month", pa.string()),
        ("unreadable", pa.int32()),
        ("recorded_night", pa.string()),
        ("terms_id", pa.string()),
        ("child_id", pa.string()),
        ("expiry_month", pa.string()),
    ]
)
"""An event as the ledger returns it."""

_BATCH_ROWS = 65_536
_DRIVERS = {
    "sqlite": ("adbc_driver_sqlite.dbapi", "hub"),
    "postgresql": ("adbc_driver_postgresql.dbapi", "postgres"),
}


class DriverMissingError(Exception):
    """The Arrow driver of the registry's database is not installed."""


@contextmanager
def read_events(
    engine: Engine, on: date, columns: Sequence[str], *, that_name_somebody: bool = False
) -> Iterator[pa.RecordBatchReader]:
    """Yield `columns` of every event known on the night `on`, and whether it `stands`, as a stream of batches.

    What a form does not say is null, or from SQLite empty: its driver learns types from the first rows. `columns` has
    `record_key`. `that_name_somebody`: only events that name an agency's record or a child ID, which are few.
    """
    schema = pa.schema([*(EVENT_SCHEMA.field(name) for name in columns), ("stands", pa.int64())])
    said = [_column(name, engine.dialect.name) for name in columns]
    query = select(*said, _stands(on).label("stands")).where(consent_event.c.recorded_night <= on.isoformat())
    if that_name_somebody:
        query = query.where(names_somebody)
    compiled = query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
    with arrow_connection(engine) as connection, connection.cursor() as cursor:
        if engine.dialect.name == "sqlite":
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)})
        cursor.execute(str(compiled))
        reader = cursor.fetch_record_batch()
        has_rows = reader.schema.field("record_key").type == pa.binary()
        yield reader if has_rows else pa.RecordBatchReader.from_batches(schema, [])


def _stands(on: date) -> ColumnElement[int]:
    """Say by 1 or 0 whether an event would be in effect on the night `on`, if it is the newest of its form."""
    month, event = on.isoformat()[:7], consent_event.c
    written = func.coalesce(event.effective_month, event.signed_month)
    opening = [word.name for word in vocabulary().decisions.values() if word.effect in {"grant", "exception"}]
    begun = func.coalesce(written, func.substr(event.recorded_night, 1, 7)) <= month
    over = func.coalesce(event.expiry_month, month) < month
    return case((~begun | over | (written.is_(None) & event.decision.in_(opening)), 0), else_=1)


def _column(name: str, dialect: str) -> ColumnElement[Any]:
    column = consent_event.c[name]
    if name == "effective_month":
        arrived = func.substr(consent_event.c.recorded_night, 1, 7)
        return func.coalesce(column, consent_event.c.signed_month, arrived).label(name)
    if not column.nullable or dialect != "sqlite":
        return column
    is_bytes = EVENT_SCHEMA.field(name).type == pa.binary()
    return func.coalesce(column, literal_column("x''" if is_bytes else "''")).label(name)


@contextmanager
def arrow_connection(engine: Engine) -> Iterator[Any]:
    """Connect to the engine's database through its Arrow driver. Raises DriverMissingError where there is none."""
    module, extra = _DRIVERS[engine.dialect.name]
    try:
        driver = importlib.import_module(module)
    except ImportError:
        found = f"the registry is {engine.dialect.name} and {module.partition('.')[0]} is not installed"
        raise DriverMissingError(f"{found}; install it: pip install 'cradlepath[{extra}]'") from None
    if engine.dialect.name == "sqlite":
        address = str(engine.url.database)
    else:
        address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with driver.connect(address) as connection:
        if engine.dialect.name == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("pragma busy_timeout = 30000")
        yield connection
