"""Read the events of the trail, newest first, for people.

What belongs here: which events, and what of them is shown. What does not: whether they can be believed (`trail_check`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine, select

from consent.checking.findings import printable
from consent.checking.rows import reading
from consent.tables import audit_erasure, audit_event, audit_payload
from consent.trail import KINDS
from consent.trail_errors import TrailError


@dataclass(frozen=True)
class Entry:
    """One event; `payload` is canonical JSON, None if it was destroyed, by the event `erased_by`."""

    sequence: int
    recorded_at: str
    kind: str
    actor: str
    subject: str
    payload: str | None
    erased_by: int | None


def entries(
    engine: Engine,
    *,
    kinds: Collection[str] = (),
    since: date | None = None,
    until: date | None = None,
    subject: str | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Return at most `limit` events, newest first.

    Of some kinds; recorded from `since` to `until` (UTC, both days included); with `subject` somewhere in theirs, upper
    and lower case alike. Raises TrailError for a kind that is not listed.
    """
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise TrailError(f"found the kind {unknown[0]!r}, expected one of {', '.join(KINDS)}; name one of those")
    event = audit_event.c
    columns = [event[name] for name in ("sequence", "recorded_at", "kind", "actor", "subject")]
    query: Any = (
        select(*columns, audit_payload.c.payload, audit_erasure.c.erased_by)
        .outerjoin(audit_payload, audit_payload.c.sequence == event.sequence)
        .outerjoin(audit_erasure, audit_erasure.c.sequence == event.sequence)
        .order_by(event.sequence.desc())
        .limit(limit)
    )
    if kinds:
        query = query.where(event.kind.in_(sorted(kinds)))
    if since is not None:
        query = query.where(event.recorded_at >= since.isoformat())
    if until is not None:
        query = query.where(event.recorded_at < (until + timedelta(days=1)).isoformat())
    if subject:
        query = query.where(event.subject.icontains(subject, autoescape=True))
    with reading(engine) as connection:
        return [_entry(row) for row in connection.execute(query)]


def _entry(row: Any) -> Entry:
    recorded_at, kind, actor, subject = (printable(value) for value in row[1:5])
    payload = None if row[5] is None else printable(row[5])
    return Entry(row[0], recorded_at, kind, actor, subject, payload, row[6])
