"""Open a registry to read it and nothing else: an auditor's copy, a file that this user may not write.

What belongs here: connecting without the right to change anything. What does not: bringing a registry to its newest
revision, or writing (`registry`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url

from consent.registry import WAIT_SECONDS, engine_of
from consent.trail_errors import TrailError


def open_to_read(url: str) -> Engine:
    """Return an engine on the registry at `url`, or in the SQLite file it names; nothing can be written through it.

    Raises TrailError when there is no such file.
    """
    if "://" in url and make_url(url).get_backend_name() != "sqlite":
        return engine_of(url).execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    file = Path(str(make_url(url).database) if "://" in url else url)
    if not file.is_file():
        raise TrailError(f"found no registry at {file}, expected a file; run a night first, or name the registry")
    address = f"{file.resolve().as_uri()}?mode=ro"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None),
        poolclass=NullPool,
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("begin")

    return engine
