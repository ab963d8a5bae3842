"""The table of people: who may sign in, as what, and the hash of their access key.

Only grows: the newest row of a name says who it is now. How it is read is `consent.people`.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from consent.tables.base import big_integer, metadata, sequence

person_event = Table(
    "person_event",
    metadata,
    sequence(),
    Column("audit_sequence", big_integer(), nullable=False),
    # enrolled, rotated or ended
    Column("event", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    # steward, data_lead, auditor or administrator; a steward's agency, null for the others
    Column("role", String(16), nullable=False),
    Column("agency", String(64)),
    # The public half of an access key, by which its row is found; the salt and scrypt hash of the secret half.
    Column("key_id", String(16), nullable=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    # scrypt's cost: n, r and p
    Column("cost_n", Integer, nullable=False),
    Column("cost_r", Integer, nullable=False),
    Column("cost_p", Integer, nullable=False),
    sqlite_autoincrement=True,
)

Index("ix_person_event_name_sequence", person_event.c.name, person_event.c.sequence)
