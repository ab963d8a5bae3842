"""Whether the book of disclosures still says what the audit trail commits to.

What belongs here: comparing each act's rows with the digest in its event's payload, so that a row that was edited, put
in or taken out is found. What does not: whether the trail itself stands (`trail_check`), writing (`disclosures`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import select

from consent.disclosures import EVENTS, Disclosures, Entry, digest_of_rows, row_values
from consent.tables import audit_event, audit_payload


def altered(book: Disclosures) -> list[str]:
    """Return the ids of acts whose rows are not those that their event commits to, in the order of the trail.

    An act whose event's payload was destroyed can no longer be told; rows of no event at all are told by their act.
    """
    rows: dict[int, list[Entry]] = {}
    for entry in book.between():
        rows.setdefault(entry.audit_sequence, []).append(entry)
    found = []
    for sequence, act, about in _events(book):
        held = [row_values(entry.act, entry.row) for entry in rows.pop(sequence, [])]
        if about is not None and digest_of_rows(held) != {name: about.get(name) for name in digest_of_rows(held)}:
            found.append(act)
    return [*found, *(entries[0].act.id for entries in rows.values())]


def _events(book: Disclosures) -> Iterator[tuple[int, str, dict[str, object] | None]]:
    """Yield sequence, act and payload of every event that is an act of disclosure; None for a destroyed payload."""
    query = (
        select(audit_event.c.sequence, audit_event.c.subject, audit_payload.c.payload)
        .outerjoin(audit_payload, audit_payload.c.sequence == audit_event.c.sequence)
        .where(audit_event.c.kind.in_(sorted(set(EVENTS.values()))))
        .order_by(audit_event.c.sequence)
    )
    with book.engine.connect() as connection:
        for sequence, act, payload in connection.execute(query):
            about = json.loads(payload) if payload else None
            if about is None or "rows_sha256" in about:
                yield sequence, act, about
