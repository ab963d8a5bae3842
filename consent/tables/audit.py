"""The tables of the audit chain.

`audit_event` holds the chain: what is hashed is in it and never leaves. `audit_payload` holds what an event was about,
with the salt of its commitment: a payload may be destroyed, the chain stands. How they are written is `consent.trail`.
"""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, String, Table, Text

from consent.tables.base import big_integer, metadata, sequence

audit_event = Table(
    "audit_event",
    metadata,
    # From 1 without a gap: given by the writer, who holds the table's lock.
    sequence(autoincrement=False),
    Column("previous", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("actor", String(64), nullable=False),
    # ISO 8601, UTC, to the second.
    Column("recorded_at", String(20), nullable=False),
    # What the event is about, in public words: a night, a source, a release id. Never a child, a record or a name.
    Column("subject", String(128), nullable=False),
    # SHA-256 over salt and payload.
    Column("commitment", String(64), nullable=False),
    # SHA-256 over all of the above.
    Column("digest", String(64), nullable=False, unique=True),
)

audit_payload = Table(
    "audit_payload",
    metadata,
    sequence(autoincrement=False),
    Column("salt", LargeBinary(32), nullable=False),
    # Canonical JSON.
    Column("payload", Text, nullable=False),
)

audit_erasure = Table(
    "audit_erasure",
    metadata,
    # The event whose payload was destroyed, and the event that says so.
    sequence(autoincrement=False),
    Column("erased_by", big_integer(), nullable=False),
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    # The last event that the checkpoint covers.
    sequence(autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("signed_at", String(20), nullable=False),
    # SHA-256 of the public key, and the Ed25519 signature over `consent.trail.statement`.
    Column("key", String(64), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)
