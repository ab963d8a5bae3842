"""The registry's tables, as SQLAlchemy sees them on SQLite and on PostgreSQL.

What belongs here: columns, constraints and indexes. What does not: how a table comes into being, with the triggers that
refuse a change (`migrations`; a test compares the two), any query.
"""

from consent.tables.audit import audit_checkpoint, audit_erasure, audit_event, audit_payload
from consent.tables.base import APPEND_ONLY, metadata
from consent.tables.consents import consent_event, consent_terms
from consent.tables.destruction import destruction
from consent.tables.disclosures import disclosure, disclosure_set
from consent.tables.people import person_event
from consent.tables.privacy import privacy_budget

__all__ = [
    "APPEND_ONLY",
    "audit_checkpoint",
    "audit_erasure",
    "audit_event",
    "audit_payload",
    "consent_event",
    "consent_terms",
    "destruction",
    "disclosure",
    "disclosure_set",
    "metadata",
    "person_event",
    "privacy_budget",
]
