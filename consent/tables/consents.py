"""The tables of families' decisions: an event a decision, and the terms that many forms share.

How they are written is `consent.ledger`.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text, or_

from consent.tables.base import metadata, sequence

consent_event = Table(
    "consent_event",
    metadata,
    # The order of events of one form.
    sequence(),
    # Digest of the event and of the form's event before it: the same form recorded again is the same event.
    Column("event_id", String(64), nullable=False, unique=True),
    # The form's own record key (16 bytes, keyed): links to a child through the child-ID ledger.
    Column("record_key", LargeBinary(16), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("scope", String(32), nullable=False),
    # The agency's record that the form names, when it names one: source id and that source's record key.
    Column("about_source", String(64)),
    Column("about_record", LargeBinary(16)),
    Column("signed_month", String(7)),
    Column("effective_month", String(7)),
    # 1 when decision or scope could not be read and the event stands for the safe reading.
    Column("unreadable", Integer, nullable=False),
    Column("recorded_night", String(10), nullable=False),
    # What it covers beyond its scope, on which basis: `consent_terms`; null where the form says no more than its scope.
    Column("terms_id", String(64)),
    # The child, where the hub itself recorded a decision about a child ID; `record_key` then only names the thread.
    Column("child_id", String(32)),
    # The last month in which it holds.
    Column("expiry_month", String(7)),
    # Keyed digest of the reference to the paper form or the order.
    Column("evidence", LargeBinary(16)),
    sqlite_autoincrement=True,
)

Index("ix_consent_event_record_key_sequence", consent_event.c.record_key, consent_event.c.sequence)
Index("ix_consent_event_about_source_scope", consent_event.c.about_source, consent_event.c.scope)

names_somebody = or_(consent_event.c.about_record.is_not(None), consent_event.c.child_id.is_not(None))
"""Events that name an agency's record or a child ID: few among many, found without reading the others."""

Index(
    "ix_consent_event_sequence", consent_event.c.sequence, sqlite_where=names_somebody, postgresql_where=names_somebody
)

consent_terms = Table(
    "consent_terms",
    metadata,
    # SHA-256 of `terms`, which is canonical JSON: sources, classes, purposes, recipients, signer, elements by basis.
    Column("terms_id", String(64), primary_key=True),
    Column("terms", Text, nullable=False),
)
