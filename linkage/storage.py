"""How this room keeps a database: short connections, and a new file at every change.

A DuckDB file keeps deleted rows in its free blocks, and appended rows show the order they came in. So a
change writes a whole new file beside the old one, in an order that means nothing, and moves it over the
old one.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database read-only for one short piece of work, with no access to other files."""
    with duckdb.connect(path, read_only=True, config={"enable_external_access": "false"}) as connection:
        yield connection


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a database open for reading over several readings, each of which is then cheap; nothing may write it."""
    if not path.exists():
        yield
        return
    with reading(path):
        yield


@contextmanager
def writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database for one short piece of work; nothing spills, and nothing tries to compress keys."""
    with duckdb.connect(path, config={"temp_directory": ""}) as connection:
        connection.execute("pragma force_compression = 'uncompressed'")
        yield connection


def rewrite(path: Path, build: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
    """Build a new database beside `path` and move it there; readers see the old one or the new one, whole.

    Nothing spills: a failure leaves the old file as it was and the new one removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        with writing(fresh) as connection:
            build(connection)
            connection.execute("checkpoint")
        os.replace(fresh, path)  # noqa: PTH105 - atomic on one file system, unlike a copy
    finally:
        fresh.unlink(missing_ok=True)
        Path(f"{fresh}.wal").unlink(missing_ok=True)


def quoted(path: Path) -> str:
    """Return `path` for use inside a quoted SQL string, where no parameter is allowed (ATTACH)."""
    return str(path).replace("'", "''")
