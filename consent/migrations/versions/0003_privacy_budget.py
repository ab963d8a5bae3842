"""Make the ledger of the privacy budget.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from consent.migrations.append_only import refuse_changes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the triggers that let it only grow."""
    op.create_table(
        "privacy_budget",
        sa.Column("sequence", _big(), nullable=False, autoincrement=True),
        sa.Column("audit_sequence", _big(), nullable=False),
        sa.Column("night", sa.String(10), nullable=False),
        sa.Column("inputs", sa.String(64), nullable=False),
        sa.Column("draw", sa.String(64), nullable=False),
        sa.Column("epsilon", _big(), nullable=False),
        sa.Column("cumulative", _big(), nullable=False),
        sa.Column("budget", _big(), nullable=False),
        sa.Column("clause", sa.String(256), nullable=False),
        sa.Column("mechanism", sa.String(128), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_privacy_budget"),
        sa.UniqueConstraint("inputs", name="uq_privacy_budget_inputs"),
        sa.UniqueConstraint("draw", name="uq_privacy_budget_draw"),
        sqlite_autoincrement=True,
    )
    for statement in refuse_changes(op.get_bind().dialect.name, "privacy_budget"):
        op.execute(sa.text(statement))


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def downgrade() -> None:
    """Refuse: what was spent stays spent."""
    raise RuntimeError("the registry is evidence and has no downgrade; restore a backup instead")
