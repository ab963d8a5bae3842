"""The table of the privacy budget: what each draw of noise spent of what the series of releases may spend.

A row is one draw, sealed, and there for ever: whatever is released from it again costs nothing. How it is written is
`consent.privacy`.
"""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, String, Table

from consent.tables.base import big_integer, metadata, sequence

privacy_budget = Table(
    "privacy_budget",
    metadata,
    sequence(),
    # The event of the audit chain that this row belongs to.
    Column("audit_sequence", big_integer(), nullable=False),
    Column("night", String(10), nullable=False),
    # Keyed digest of everything the draw depends on; the same inputs never draw twice.
    Column("inputs", String(64), nullable=False, unique=True),
    # SHA-256 of `sealed`: the public name of the draw, which a release's manifest carries.
    Column("draw", String(64), nullable=False, unique=True),
    # In billionths, so that sums are exact: spent by this draw, by all up to it, and what the series may spend.
    Column("epsilon", big_integer(), nullable=False),
    Column("cumulative", big_integer(), nullable=False),
    Column("budget", big_integer(), nullable=False),
    # The clause that grants it, and the library and mechanism whose privacy map gave `epsilon`.
    Column("clause", String(256), nullable=False),
    Column("mechanism", String(128), nullable=False),
    # The noisy counts, under the auditor's key.
    Column("sealed", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
