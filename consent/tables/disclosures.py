"""The tables of disclosure accounting: who received which field classes about which children, and why.

A row is one source's data going to one recipient under one agreement; an act of disclosure (a release, an export, a
return file) is as many rows as it has of these. How they are written is `consent.disclosures`.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, String, Table, Text

from consent.tables.base import big_integer, metadata, sequence

disclosure_set = Table(
    "disclosure_set",
    metadata,
    # Keyed digest of the sorted child IDs: the same children are the same set.
    Column("set_id", String(64), primary_key=True),
    Column("children", big_integer(), nullable=False),
    # The child IDs, compressed and sealed with AES-GCM.
    Column("sealed", LargeBinary, nullable=False),
)

disclosure = Table(
    "disclosure",
    metadata,
    sequence(),
    # The event of the audit chain that this row belongs to.
    Column("audit_sequence", big_integer(), nullable=False),
    # release, query or return; `act` is its public id.
    Column("kind", String(16), nullable=False),
    Column("act", String(128), nullable=False),
    Column("disclosed_on", String(10), nullable=False),
    Column("source", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("recipient", String(128), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("agreement", String(128), nullable=False),
    # SHA-256 of the agreement as signed.
    Column("agreement_digest", String(64), nullable=False),
    # The exception of the vocabulary it rests on, and its citation.
    Column("exception", String(64), nullable=False),
    Column("cite", String(256), nullable=False),
    # Canonical JSON list of field classes; the form they had: identifiable, limited or aggregate.
    Column("classes", Text, nullable=False),
    Column("form", String(16), nullable=False),
    Column("set_id", String(64), nullable=False),
    sqlite_autoincrement=True,
)

Index("ix_disclosure_disclosed_on", disclosure.c.disclosed_on)
Index("ix_disclosure_set_id", disclosure.c.set_id)
Index("ix_disclosure_kind_act", disclosure.c.kind, disclosure.c.act)
