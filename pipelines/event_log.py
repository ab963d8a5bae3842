"""Dagster's SQLite event log, with one database engine a file for as long as a run lasts.

Dagster makes a new SQLAlchemy engine, and with it a new connection, for every event it writes: a third of a small
night. Within `one_engine_a_log` an engine is made once a file and kept. Nothing else about the log changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from sqlalchemy.engine import Engine


@contextmanager
def one_engine_a_log() -> Iterator[None]:
    """Keep the engines that the SQLite event log makes until the block ends, then close them all."""
    module = vars(sqlite_event_log)
    make = module["create_engine"]
    engines: dict[str, Engine] = {}

    def kept(address: str, **options: Any) -> Engine:
        options.pop("poolclass", None)
        if address not in engines:
            engines[address] = make(address, **options)
        return engines[address]

    module["create_engine"] = kept
    try:
        yield
    finally:
        module["create_engine"] = make
        for engine in engines.values():
            engine.dispose()
