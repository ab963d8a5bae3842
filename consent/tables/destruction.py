"""The table of destructions: what was destroyed under which ended agreement, with its signed certificate.

A source in it is not loaded again under the same agreement. How it is written is `consent.destruction`.
"""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, String, Table, Text

from consent.tables.base import big_integer, metadata, sequence

destruction = Table(
    "destruction",
    metadata,
    sequence(),
    Column("audit_sequence", big_integer(), nullable=False),
    Column("agreement", String(128), nullable=False),
    Column("agreement_digest", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("due_on", String(10), nullable=False),
    Column("destroyed_on", String(10), nullable=False),
    # The certificate as canonical JSON and its Ed25519 signature.
    Column("certificate", Text, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    sqlite_autoincrement=True,
)
