"""What every table of the registry shares: names of constraints, the ever-growing key, which tables only grow.

What does not belong here: a table.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData
from sqlalchemy.types import TypeEngine

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

APPEND_ONLY = (
    "consent_event",
    "consent_terms",
    "audit_event",
    "audit_erasure",
    "audit_checkpoint",
    "disclosure_set",
    "disclosure",
    "person_event",
    "destruction",
    "privacy_budget",
)
"""Tables whose triggers refuse UPDATE and DELETE; of `audit_payload` a row goes only when its erasure is recorded."""


def big_integer() -> TypeEngine[int]:
    """Return a 64-bit integer; SQLite needs its own integer type for a key that grows."""
    return BigInteger().with_variant(Integer, "sqlite")


def sequence(*, autoincrement: bool = True) -> Column[int]:
    """Return the primary key of a table that only grows."""
    return Column("sequence", big_integer(), primary_key=True, autoincrement=autoincrement)
