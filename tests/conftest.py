"""Fixtures that several kinds of tests share: a small demo city run through its three nights, once a session."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from support.registries import postgresql, registry_url  # noqa: F401 - fixtures for every test

if sys.modules["__main__"].__spec__ is None and not hasattr(sys.modules["__main__"], "__file__"):
    # A worker that runs tests beside another has no main module that PySpark, which Great Expectations imports where it
    # is installed, takes for one: it would end the process.
    sys.modules["__main__"].__spec__ = ModuleSpec("__main__", None)

PROGRAM = Path(sys.executable).with_name("cradlepath")
CHILDREN, SEED = 1500, 7
NIGHTS = ("2026-09-01", "2026-09-02", "2026-09-03")


@dataclass
class City:
    """A demo city on disk: `home` holds everything, `temp` is the temporary folder of every command that ran on it."""

    home: Path
    temp: Path
    told: list[str] = field(default_factory=list)
    stories: dict[str, dict] = field(default_factory=dict)
    ids: dict[str, dict[tuple[str, bytes], str]] = field(default_factory=dict)
    state_after: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        return self.home / "workspace"

    @property
    def state(self) -> Path:
        return self.workspace / "state"

    @property
    def truth(self) -> Path:
        return self.home / "truth.csv"

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run `cradlepath` with its own temporary folder; keep all it says; return its standard output."""
        environment = {**os.environ, "TMPDIR": str(self.temp), "COLUMNS": "200"}
        environment.pop("CRADLEPATH_WORKSPACE", None)
        done = subprocess.run(
            [str(PROGRAM), *arguments], env=environment, cwd=self.temp, capture_output=True, text=True, check=False
        )
        self.told += [done.stdout, done.stderr]
        assert done.returncode == expect, f"cradlepath {' '.join(arguments)} gave {done.returncode}: {done.stderr}"
        return done.stdout

    def night(self, date: str | None = None) -> dict:
        """Run one night and return what it says as data."""
        named = ["--date", date] if date else []
        return json.loads(self.run("nightly", "--workspace", str(self.home), "--exact", "--json", *named))


def child_ids(state: Path) -> dict[tuple[str, bytes], str]:
    """Return the child ID of every record, by source and record key."""
    from linkage.keys import KeyRing
    from linkage.ledger import Ledger

    keys = KeyRing.load(state.parent.parent / "keys")
    columns = Ledger(state / "ledger.sealed", keys).record_child().to_pydict().values()
    return {(source, key): child for source, key, child in zip(*columns, strict=True)}


def table_hashes(state: Path) -> dict[str, str]:
    """Return a hash of the rows of every table of every DuckDB and of the registry, whatever their order on disk."""
    import hashlib
    import sqlite3

    import duckdb

    found = {}
    for path in sorted(state.rglob("*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as con:
            for schema, table in con.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                rows = sorted(repr(row) for row in con.execute(f'select * from "{schema}"."{table}"').fetchall())
                found[f"{path.relative_to(state)}:{table}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    registry = state / "registry.sqlite"
    with sqlite3.connect(registry) as con:
        for (table,) in con.execute("select name from sqlite_master where type = 'table'").fetchall():
            rows = sorted(repr(row) for row in con.execute(f'select * from "{table}"').fetchall())
            found[f"{registry.name}:{table}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


@pytest.fixture(scope="session")
def city_before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The demo city as delivered, before any night: tests copy it, never change it."""
    home = tmp_path_factory.mktemp("delivered")
    city = City(home / "city", home / "temp")
    city.temp.mkdir()
    city.run("demo", "--children", str(CHILDREN), "--seed", str(SEED), "--nights", "3", "--out", str(city.home))
    yield city
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def city(city_before: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The demo city after three nights, the first of them run twice."""
    home = tmp_path_factory.mktemp("lived")
    city = City(home / "city", home / "temp")
    city.temp.mkdir()
    shutil.copytree(city_before.home, city.home)
    for night in NIGHTS:
        city.stories[night] = city.night()
        city.ids[night] = child_ids(city.state)
        if night == NIGHTS[0]:
            city.state_after[night] = table_hashes(city.state)
            city.stories["again"] = city.night(night)
            city.state_after["again"] = table_hashes(city.state)
    yield city
    shutil.rmtree(home, ignore_errors=True)
