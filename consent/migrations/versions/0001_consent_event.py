"""Make the append-only table of consent events, with the triggers that refuse a change.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_REFUSAL = "consent_event is append-only: record a new event instead"
_SQLITE = tuple(
    f"create trigger if not exists consent_event_no_{verb} before {verb} on consent_event "
    f"begin select raise(abort, '{_REFUSAL}'); end"
    for verb in ("update", "delete")
)
_POSTGRESQL = (
    "create or replace function consent_event_refuse() returns trigger language plpgsql as "
    f"$$ begin raise exception '{_REFUSAL}'; end $$",
    "create or replace trigger consent_event_no_change before update or delete on consent_event "
    "for each row execute function consent_event_refuse()",
    "create or replace trigger consent_event_no_truncate before truncate on consent_event "
    "for each statement execute function consent_event_refuse()",
)


def upgrade() -> None:
    """Create the table, its indexes and its triggers."""
    op.create_table(
        "consent_event",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("record_key", sa.LargeBinary(16), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("about_source", sa.String(64)),
        sa.Column("about_record", sa.LargeBinary(16)),
        sa.Column("signed_month", sa.String(7)),
        sa.Column("effective_month", sa.String(7)),
        sa.Column("unreadable", sa.Integer, nullable=False),
        sa.Column("recorded_night", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_consent_event"),
        sa.UniqueConstraint("event_id", name="uq_consent_event_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consent_event_record_key_sequence", "consent_event", ["record_key", "sequence"])
    op.create_index("ix_consent_event_about_source_scope", "consent_event", ["about_source", "scope"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Refuse: the table is evidence, and a step back would destroy it."""
    raise RuntimeError("the consent ledger is evidence and has no downgrade; restore a backup instead")
