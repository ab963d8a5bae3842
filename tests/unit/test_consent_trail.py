"""The audit trail: events are chained, commit to their payload, and stand or fall with their transaction."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DatabaseError

from consent.registry import open_registry, writing
from consent.tables import audit_erasure, audit_payload, metadata
from consent.trail import FIRST, AuditTrail, commitment, digest_of, newest, statement


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")


def test_each_event_names_the_one_before_and_commits_to_its_payload(engine: Engine):
    trail = AuditTrail(engine)
    first = trail.append("load", "school 2026-09-01", {"read": 3}, actor="night")
    second = trail.append("link", "2026-09-01", {"root": "ab"}, actor="night")
    assert (first.sequence, first.previous) == (1, FIRST)
    assert (second.sequence, second.previous) == (2, first.digest)
    public = {name: value for name, value in vars(second).items() if name != "digest"}
    assert digest_of(public) == second.digest
    with engine.connect() as connection:
        salt, payload = connection.execute(select(audit_payload.c.salt, audit_payload.c.payload)).all()[0]
    assert commitment(salt, payload.encode()) == first.commitment


def test_the_same_payload_twice_has_two_commitments(engine: Engine):
    trail = AuditTrail(engine)
    events = [trail.append("query", "q", {"same": 1}, actor="lead") for _ in range(2)]
    assert events[0].commitment != events[1].commitment


def test_an_event_stands_or_falls_with_its_transaction(engine: Engine):
    trail = AuditTrail(engine)
    with pytest.raises(RuntimeError), writing(engine) as connection:
        trail.append("release", "r1", {}, actor="night", connection=connection)
        raise RuntimeError
    with engine.connect() as connection:
        assert newest(connection) is None


def test_a_checkpoint_signs_the_newest_event_once(engine: Engine):
    trail, key = AuditTrail(engine), Ed25519PrivateKey.generate()
    assert trail.checkpoint(key) is None
    event = trail.append("night", "2026-09-01", {}, actor="night")
    made = trail.checkpoint(key)
    assert made == trail.checkpoint(key)
    assert (made.sequence, made.digest) == (1, event.digest)
    key.public_key().verify(made.signature, statement(1, event.digest, made.signed_at, made.key))


@pytest.mark.parametrize("table", sorted(set(metadata.tables) - {"consent_event"}))
def test_a_table_of_the_registry_only_grows(engine: Engine, table: str):
    columns = metadata.tables[table].columns
    values = {c.name: b"x" if "BLOB" in str(c.type.compile(engine.dialect)) else 1 for c in columns}
    with engine.begin() as connection:
        connection.execute(insert(metadata.tables[table]), [values])
    for change in (f"update {table} set {columns.keys()[-1]} = 2", f"delete from {table}"):
        with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
            connection.execute(text(change))


def test_a_payload_goes_only_when_its_erasure_is_recorded(engine: Engine):
    AuditTrail(engine).append("load", "school", {"read": 1}, actor="night")
    with engine.begin() as connection:
        connection.execute(insert(audit_erasure), [{"sequence": 1, "erased_by": 2}])
        connection.execute(text("delete from audit_payload where sequence = 1"))
        assert connection.execute(select(audit_payload)).all() == []
