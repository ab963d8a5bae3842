"""The audit trail: every act of the hub as an event of a hash chain.

An event's digest covers its own public part, a salted commitment to its payload, and the digest of the event before it.
So an event that is edited, removed, moved or put in breaks the chain, and a payload can be destroyed without breaking
it. A checkpoint signs the digest of the newest event; what it says, kept outside the workspace, is an anchor.

What belongs here: writing events and checkpoints, destroying payloads, and the canonical form of all that. What does
not: finding what is wrong with a chain (`trail_check`), anchors (`anchors`), what an act was (whoever appends it).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, Engine, delete, insert, select

from consent.erasures import erasable
from consent.errors import ConnectionLostError, RegistryError
from consent.registry import lock, writing
from consent.stretches import stretches
from consent.tables import audit_checkpoint, audit_erasure, audit_event, audit_payload
from consent.trail_errors import TrailError
from consent.trail_words import KINDS, Kind, checked
from mou_policies.canonical import canonical_json

FIRST = "0" * 64
"""What the first event has in place of a digest before it."""

SALT_BYTES = 32


@dataclass(frozen=True)
class Event:
    """One event as the chain holds it; `subject` is public and never names a child, a record or a person's data."""

    sequence: int
    previous: str
    kind: str
    actor: str
    recorded_at: str
    subject: str
    commitment: str
    digest: str


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement of the newest event: `key` is the SHA-256 of the public key that signed."""

    sequence: int
    digest: str
    signed_at: str
    key: str
    signature: bytes


class AuditTrail:
    """The trail in the registry of `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """The engine of the registry."""
        return self._engine

    def append(
        self,
        kind: Kind,
        subject: str,
        payload: Mapping[str, Any],
        *,
        actor: str,
        connection: Connection | None = None,
    ) -> Event:
        """Add an event at the end of the chain and return it.

        `payload` is plain data (no value of a record). Inside `connection`, which must have been opened by
        `registry.writing` with `audit_event` among its tables, it stands or falls with whatever else that transaction
        writes. Else it is a transaction of its own: after `RegistryError` it is not in the chain and may be appended
        again; after `ConnectionLostError` it may be there, where the server could not be asked again. Raises TrailError
        for a kind that is not listed, words that no column takes and what is no plain data.
        """
        said = checked(kind, actor, subject, payload)
        if connection is not None:
            return _add(connection, kind, subject, said, actor)
        event = None
        try:
            with writing(self._engine) as own:
                event = _add(own, kind, subject, said, actor)
        except ConnectionLostError:
            if event is None or not self._holds(event):
                raise
        return event

    def _holds(self, event: Event) -> bool:
        """Say whether an event is in the chain whose commit nobody confirmed; False where that cannot be found out."""
        try:
            with self._engine.connect() as connection:
                found = connection.execute(select(audit_event.c.sequence).where(audit_event.c.digest == event.digest))
                return found.one_or_none() is not None
        except RegistryError:
            return False

    def checkpoint(self, key: Ed25519PrivateKey) -> Checkpoint | None:
        """Sign the newest event, unless it is signed already; return the newest checkpoint, None for an empty trail.

        Raises TrailError, and signs nothing, when the events since the checkpoint before do not follow from it.
        """
        with writing(self._engine, audit_event, audit_checkpoint) as connection:
            held, last = _refuse_broken(connection), newest(connection)
            if last is None or (held is not None and held.sequence == last.sequence):
                return held
            signed_at, name = now(), fingerprint(key.public_key())
            signature = key.sign(statement(last.sequence, last.digest, signed_at, name))
            made = Checkpoint(last.sequence, last.digest, signed_at, name, signature)
            connection.execute(insert(audit_checkpoint), [vars(made)])
            return made

    def erase(
        self, sequences: Collection[int], because: str, *, actor: str, connection: Connection | None = None
    ) -> Event | None:
        """Destroy the payloads of events for good and append the event that says which and why; return that event.

        The chain stands, since it holds commitments only. Payloads destroyed before are left out; None if no other is
        named. Inside `connection` as in `append`, with the tables of payloads and erasures too. Raises TrailError for a
        number without an event, and for an erasure, whose payload is the evidence of others.
        """
        tables = (audit_event, audit_payload, audit_erasure)
        with nullcontext(connection) if connection is not None else writing(self._engine, *tables) as found:
            lock(found, *tables)
            chosen = erasable(found, set(sequences))
            if not chosen:
                return None
            said = {"because": because, "erased": stretches(chosen)}
            event = self.append(
                "erasure",
                f"payloads of {len(chosen)} event{'s'[: len(chosen) - 1]}",
                said,
                actor=actor,
                connection=found,
            )
            found.execute(insert(audit_erasure), [{"sequence": n, "erased_by": event.sequence} for n in chosen])
            for first, last in stretches(chosen):
                found.execute(delete(audit_payload).where(audit_payload.c.sequence.between(first, last)))
            return event


def _refuse_broken(connection: Connection) -> Checkpoint | None:
    """Return the newest checkpoint; raise TrailError unless it is of an event and all events after follow from it."""
    newest_first = select(audit_checkpoint).order_by(audit_checkpoint.c.sequence.desc()).limit(1)
    row = connection.execute(newest_first).one_or_none()
    signed = Checkpoint(*row) if row else None
    start, before = (signed.sequence, signed.digest) if signed else (0, FIRST)
    query = select(audit_event).where(audit_event.c.sequence >= start).order_by(audit_event.c.sequence)
    expected = start or 1
    for row in connection.execute(query, execution_options={"yield_per": 1000}):
        event = Event(*row)
        public = {name: value for name, value in vars(event).items() if name != "digest"}
        follows = event.digest == before if event.sequence == start else event.previous == before
        if event.sequence != expected or not follows or digest_of(public) != event.digest:
            break
        before, expected = event.digest, event.sequence + 1
    else:
        if expected > start:
            return signed
    raise TrailError(
        f"event {expected} of the trail does not follow from what was signed up to event {start}, expected an unbroken "
        "chain; nothing was signed: run `cradlepath audit verify` and keep the registry as it is for inquiry"
    )


def _add(connection: Connection, kind: Kind, subject: str, said: bytes, actor: str) -> Event:
    """Write one event behind the newest one, under the lock of the chain."""
    lock(connection, audit_event)
    last = newest(connection)
    salt = os.urandom(SALT_BYTES)
    sequence, previous = (last.sequence + 1, last.digest) if last else (1, FIRST)
    public: dict[str, Any] = {
        "sequence": sequence,
        "previous": previous,
        "kind": kind,
        "actor": actor,
        "recorded_at": now(),
        "subject": subject,
        "commitment": commitment(salt, said),
    }
    event = Event(**public, digest=digest_of(public))
    connection.execute(insert(audit_event), [public | {"digest": event.digest}])
    connection.execute(insert(audit_payload), [{"sequence": sequence, "salt": salt, "payload": said.decode()}])
    return event


def newest(connection: Connection) -> Event | None:
    """Return the last event of the chain."""
    row = connection.execute(select(audit_event).order_by(audit_event.c.sequence.desc()).limit(1)).one_or_none()
    return Event(*row) if row else None


def now() -> str:
    """Return the time in UTC, to the second: '2026-11-27T19:20:00Z'."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def commitment(salt: bytes, payload: bytes) -> str:
    """Return the commitment to a payload: SHA-256 (hex) over its salt (32 bytes) and its canonical JSON."""
    return hashlib.sha256(salt + payload).hexdigest()


def digest_of(public: Mapping[str, Any]) -> str:
    """Return the digest (SHA-256, hex) of an event: of every column of `audit_event` but the digest itself."""
    return hashlib.sha256(b"cradlepath audit event 1\n" + canonical_json(dict(public))).hexdigest()


def statement(sequence: int, digest: str, signed_at: str, key: str) -> bytes:
    """Return what a checkpoint signs."""
    return canonical_json(
        {"cradlepath": "audit checkpoint 1", "sequence": sequence, "digest": digest, "signed_at": signed_at, "key": key}
    )


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 (hex) of a public key's 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


__all__ = [
    "FIRST",
    "KINDS",
    "SALT_BYTES",
    "AuditTrail",
    "Checkpoint",
    "Event",
    "Kind",
    "commitment",
    "digest_of",
    "fingerprint",
    "newest",
    "now",
    "statement",
]
