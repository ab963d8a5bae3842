"""Make the audit chain, disclosure accounting, people and destructions; decisions get terms, expiry and evidence.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from consent.migrations.append_only import erase_only_what_is_recorded, refuse_changes

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ONLY_GROW = (
    "consent_terms",
    "audit_event",
    "audit_erasure",
    "audit_checkpoint",
    "disclosure_set",
    "disclosure",
    "person_event",
    "destruction",
)


def upgrade() -> None:
    """Create tables, indexes and triggers; add the new columns of decisions."""
    _consents()
    _audit()
    _disclosures()
    _people()
    _destruction()
    dialect = op.get_bind().dialect.name
    for table in _ONLY_GROW:
        for statement in refuse_changes(dialect, table):
            op.execute(sa.text(statement))
    for statement in erase_only_what_is_recorded(dialect):
        op.execute(sa.text(statement))


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _consents() -> None:
    op.add_column("consent_event", sa.Column("terms_id", sa.String(64)))
    op.add_column("consent_event", sa.Column("child_id", sa.String(32)))
    op.add_column("consent_event", sa.Column("expiry_month", sa.String(7)))
    op.add_column("consent_event", sa.Column("evidence", sa.LargeBinary(16)))
    named = sa.text("about_record is not null or child_id is not null")
    op.create_index(
        "ix_consent_event_sequence", "consent_event", ["sequence"], sqlite_where=named, postgresql_where=named
    )
    op.create_table(
        "consent_terms",
        sa.Column("terms_id", sa.String(64), nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("terms_id", name="pk_consent_terms"),
    )


def _audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("sequence", _big(), nullable=False, autoincrement=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("recorded_at", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("commitment", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_event"),
        sa.UniqueConstraint("digest", name="uq_audit_event_digest"),
    )
    op.create_table(
        "audit_payload",
        sa.Column("sequence", _big(), nullable=False, autoincrement=False),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_payload"),
    )
    op.create_table(
        "audit_erasure",
        sa.Column("sequence", _big(), nullable=False, autoincrement=False),
        sa.Column("erased_by", _big(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_erasure"),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("sequence", _big(), nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("signed_at", sa.String(20), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_checkpoint"),
    )


def _disclosures() -> None:
    op.create_table(
        "disclosure_set",
        sa.Column("set_id", sa.String(64), nullable=False),
        sa.Column("children", _big(), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("set_id", name="pk_disclosure_set"),
    )
    op.create_table(
        "disclosure",
        sa.Column("sequence", _big(), nullable=False, autoincrement=True),
        sa.Column("audit_sequence", _big(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("act", sa.String(128), nullable=False),
        sa.Column("disclosed_on", sa.String(10), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("recipient", sa.String(128), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("agreement", sa.String(128), nullable=False),
        sa.Column("agreement_digest", sa.String(64), nullable=False),
        sa.Column("exception", sa.String(64), nullable=False),
        sa.Column("cite", sa.String(256), nullable=False),
        sa.Column("classes", sa.Text, nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("set_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_disclosure"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_disclosure_disclosed_on", "disclosure", ["disclosed_on"])
    op.create_index("ix_disclosure_set_id", "disclosure", ["set_id"])
    op.create_index("ix_disclosure_kind_act", "disclosure", ["kind", "act"])


def _people() -> None:
    op.create_table(
        "person_event",
        sa.Column("sequence", _big(), nullable=False, autoincrement=True),
        sa.Column("audit_sequence", _big(), nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("agency", sa.String(64)),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("cost_n", sa.Integer, nullable=False),
        sa.Column("cost_r", sa.Integer, nullable=False),
        sa.Column("cost_p", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_person_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_person_event_name_sequence", "person_event", ["name", "sequence"])


def _destruction() -> None:
    op.create_table(
        "destruction",
        sa.Column("sequence", _big(), nullable=False, autoincrement=True),
        sa.Column("audit_sequence", _big(), nullable=False),
        sa.Column("agreement", sa.String(128), nullable=False),
        sa.Column("agreement_digest", sa.String(64), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("due_on", sa.String(10), nullable=False),
        sa.Column("destroyed_on", sa.String(10), nullable=False),
        sa.Column("certificate", sa.Text, nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_destruction"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Refuse: the tables are evidence, and a step back would destroy it."""
    raise RuntimeError("the registry is evidence and has no downgrade; restore a backup instead")
