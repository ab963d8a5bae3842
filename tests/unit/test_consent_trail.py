"""The audit trail: events are chained, commit to their payload, and stand or fall with their transaction."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DatabaseError

from consent.reading import open_to_read
from consent.registry import open_registry, writing
from consent.tables import audit_erasure, audit_event, audit_payload, metadata
from consent.trail import FIRST, AuditTrail, commitment, digest_of, newest, statement
from consent.trail_check import check
from consent.trail_errors import TrailError


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


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (("gossip", "school", {}, "night"), "found the kind of event 'gossip', expected one of night, load"),
        (("load", "x" * 129, {}, "night"), "found 129 characters as the subject of an event, expected 1 to 128"),
        (("load", "two\nlines", {}, "night"), "expected 1 to 128 on one line"),
        (("load", "", {}, "night"), "found 0 characters as the subject"),
        (("load", "school", {}, "x" * 65), "found 65 characters as the actor of an event, expected 1 to 64"),
        (("load", "school", {"when": {1, 2}}, "night"), "the payload of an event of kind load is no plain data"),
        (("load", "school", {"share": float("nan")}, "night"), "whole and finite numbers"),
        (("load", "school", {"text": "\ud800"}, "night"), "no plain data"),
    ],
)
def test_what_no_chain_can_hold_is_refused_before_anything_is_written(engine: Engine, event: tuple, said: str):
    kind, subject, payload, actor = event
    with pytest.raises(TrailError, match=said):
        AuditTrail(engine).append(kind, subject, payload, actor=actor)
    with engine.connect() as connection:
        assert newest(connection) is None


def test_an_erasure_destroys_payloads_and_says_which_and_why(engine: Engine):
    trail = AuditTrail(engine)
    for number in range(4):
        trail.append("load", f"school {number}", {"read": number}, actor="night")
    made = trail.erase([1, 2, 4], "the agreement ended", actor="lead")
    assert made is not None and (made.sequence, made.kind, made.actor) == (5, "erasure", "lead")
    with engine.connect() as connection:
        held = dict(connection.execute(select(audit_payload.c.sequence, audit_payload.c.payload)).all())
        rows = connection.execute(select(audit_erasure)).all()
    assert sorted(held) == [3, 5]
    assert held[5] == '{"because":"the agreement ended","erased":[[1,2],[4,4]]}'
    assert rows == [(1, 5), (2, 5), (4, 5)]
    assert trail.erase([1, 2], "again", actor="lead") is None


@pytest.mark.parametrize(("chosen", "said"), [([1, 7], "found no event 7"), ([1, 3], "event 3 is an erasure")])
def test_an_erasure_of_what_is_not_there_or_must_stay_destroys_nothing(engine: Engine, chosen: list[int], said: str):
    trail = AuditTrail(engine)
    for number in (1, 2):
        trail.append("load", "school", {"read": number}, actor="night")
    trail.erase([2], "the agreement ended", actor="lead")
    with pytest.raises(TrailError, match=said):
        trail.erase(chosen, "why", actor="lead")
    with engine.connect() as connection:
        assert connection.execute(select(audit_payload.c.payload).where(audit_payload.c.sequence == 1)).scalar()


def test_an_erasure_stands_or_falls_with_its_transaction(engine: Engine):
    trail = AuditTrail(engine)
    trail.append("load", "school", {"read": 1}, actor="night")
    tables = (audit_erasure, audit_event, audit_payload)
    with pytest.raises(RuntimeError), writing(engine, *tables) as connection:
        trail.erase([1], "the agreement ended", actor="lead", connection=connection)
        raise RuntimeError
    with engine.connect() as connection:
        assert connection.execute(select(audit_erasure)).all() == []
        assert len(connection.execute(select(audit_payload)).all()) == 1


@pytest.mark.parametrize(
    "change", ["update audit_event set actor = 'x' where sequence = 3", "delete from audit_event where sequence = 2"]
)
def test_a_broken_chain_is_not_signed(engine: Engine, change: str):
    trail, key = AuditTrail(engine), Ed25519PrivateKey.generate()
    trail.append("load", "school", {}, actor="night")
    trail.checkpoint(key)
    for _ in range(3):
        trail.append("load", "school", {}, actor="night")
    with engine.begin() as connection:
        for verb in ("update", "delete"):
            connection.execute(text(f"drop trigger audit_event_no_{verb}"))
        connection.execute(text(change))
    with pytest.raises(TrailError, match=r"does not follow from what was signed up to event 1.* nothing was signed"):
        trail.checkpoint(key)


def test_a_trail_shorter_than_its_last_checkpoint_is_not_signed(engine: Engine):
    trail, key = AuditTrail(engine), Ed25519PrivateKey.generate()
    for _ in range(2):
        trail.append("load", "school", {}, actor="night")
    trail.checkpoint(key)
    with engine.begin() as connection:
        connection.execute(text("drop trigger audit_event_no_delete"))
    for gone in (2, 1):
        with engine.begin() as connection:
            connection.execute(text(f"delete from audit_event where sequence = {gone}"))
        with pytest.raises(TrailError, match="signed up to event 2"):
            trail.checkpoint(key)


def test_an_erasure_cannot_be_written_before_what_it_destroys(engine: Engine):
    """Also without dropping a trigger: an erasure that names events to come covers none of them."""
    trail = AuditTrail(engine)
    trail.append("erasure", "payloads of 1 events", {"because": "later", "erased": [[2, 2]]}, actor="lead")
    trail.append("load", "school", {"read": 1}, actor="night")
    with engine.begin() as connection:
        connection.execute(insert(audit_erasure), [{"sequence": 2, "erased_by": 1}])
        connection.execute(text("delete from audit_payload where sequence = 2"))
    assert [(one.fault, one.first) for one in check(engine, []).findings] == [("erasure false", 2)]


def test_a_trail_is_checked_within_the_transaction_that_writes_it(engine: Engine):
    with writing(engine, audit_event) as connection:
        AuditTrail(engine).append("restore", "backup 1", {}, actor="lead", connection=connection)
        assert check(connection, []).events == 1
    assert check(engine, []).events == 1


def test_a_registry_without_a_trail_or_with_half_of_one_says_so(engine: Engine, tmp_path: Path):
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(TrailError, match="found no audit trail in the registry"):
        check(open_to_read(str(tmp_path / "empty.sqlite")), [])
    with engine.begin() as connection:
        connection.execute(text("drop table audit_payload"))
    with pytest.raises(TrailError, match="cannot be read whole"):
        check(engine, [])
    (tmp_path / "noise.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(TrailError, match="cannot be read whole"):
        check(open_to_read(str(tmp_path / "noise.sqlite")), [])


def test_what_is_erased_is_gone_from_the_file_whatever_sqlite_was_built_with(engine: Engine):
    with engine.connect() as connection:
        assert connection.execute(text("pragma secure_delete")).scalar() == 1
