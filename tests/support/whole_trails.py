"""The audit chain recomputed from its own rows: what a whole one looks like, whoever wrote it."""

from __future__ import annotations

from sqlalchemy import Engine, select

from consent.tables import audit_checkpoint, audit_event, audit_payload
from consent.trail import FIRST, commitment, digest_of


def assert_whole(engine: Engine) -> list[str]:
    """Recompute every digest and commitment; return the subjects of the events in their order."""
    with engine.connect() as connection:
        events = [dict(row._mapping) for row in connection.execute(select(audit_event).order_by("sequence"))]
        payloads = connection.execute(select(audit_payload).order_by("sequence")).all()
        signed = connection.execute(select(audit_checkpoint.c.sequence, audit_checkpoint.c.digest)).all()
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1)), "no gap, nothing twice"
    assert [row.sequence for row in payloads] == list(range(1, len(events) + 1)), "a payload each"
    digests = [event.pop("digest") for event in events]
    assert [event["previous"] for event in events] == [FIRST, *digests][: len(events)], "each names the one before"
    assert [digest_of(event) for event in events] == digests
    assert [commitment(row.salt, row.payload.encode()) for row in payloads] == [one["commitment"] for one in events]
    assert all(digests[sequence - 1] == digest for sequence, digest in signed)
    return [event["subject"] for event in events]
