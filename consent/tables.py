"""The ledger's table, as SQLAlchemy sees it on SQLite and on PostgreSQL.

What belongs here: columns, constraints and indexes. What does not: how the table comes into being, with the
triggers that refuse a change (`migrations`; a test compares the two), any query (`ledger`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

consent_event = Table(
    "consent_event",
    metadata,
    # The order of events of one form. SQLite needs its own integer type for an ever-growing key.
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
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
    sqlite_autoincrement=True,
)

Index("ix_consent_event_record_key_sequence", consent_event.c.record_key, consent_event.c.sequence)
Index("ix_consent_event_about_source_scope", consent_event.c.about_source, consent_event.c.scope)
