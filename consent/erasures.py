"""Which payloads of the audit trail may be destroyed, and which were.

What belongs here: questions about erasures. What does not: destroying (`trail`), finding a false erasure (`checking`).
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from consent.stretches import stretches
from consent.tables import audit_erasure, audit_event
from consent.trail_errors import TrailError


def erasable(connection: Connection, sequences: set[int]) -> list[int]:
    """Return which of these events still have a payload, in order; refuse those that cannot lose theirs."""
    found: dict[int, str] = {}
    erased: set[int] = set()
    for first, last in stretches(sequences):
        events = select(audit_event.c.sequence, audit_event.c.kind).where(audit_event.c.sequence.between(first, last))
        gone = select(audit_erasure.c.sequence).where(audit_erasure.c.sequence.between(first, last))
        found.update((row.sequence, row.kind) for row in connection.execute(events))
        erased.update(connection.execute(gone).scalars())
    if missing := sorted(sequences - set(found)):
        raise TrailError(f"found no event {missing[0]}, expected numbers of events; `cradlepath audit log` lists them")
    if kept := sorted(number for number, kind in found.items() if kind == "erasure"):
        raise TrailError(
            f"event {kept[0]} is an erasure: its payload says what was destroyed and why, and stays; leave it out"
        )
    return sorted(sequences - erased)
