"""The auditor's accounts: the trail, disclosures, destructions and people, as the registry holds them.

No payload of an event is shown here, and no set of children: both can be about a child.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Table, select
from starlette.responses import Response

from consent.tables import audit_event, destruction, disclosure
from consent.trail import Event
from pipelines.web.visit import Visit

SHOWN = 100
_DISCLOSED = ("disclosed_on", "kind", "act", "source", "recipient", "purpose", "agreement", "exception", "cite", "form")
_DESTROYED = ("destroyed_on", "due_on", "agreement", "source")


def trail(visit: Visit) -> Response:
    """Show the newest events, or those before a number."""
    before = visit.asked("before") or ""
    query = select(audit_event).order_by(audit_event.c.sequence.desc()).limit(SHOWN)
    if before.isdecimal() and len(before) < 19:
        query = query.where(audit_event.c.sequence < int(before))
    with visit.world.engine.connect() as connection:
        events = [Event(*row) for row in connection.execute(query)]
    older = events[-1].sequence if events and events[-1].sequence > 1 else None
    return visit.show("trail.html", events=events, older=older)


def disclosures(visit: Visit) -> Response:
    """Show the newest disclosures: who received which classes, for which purpose, under what."""
    rows = _newest(visit, disclosure, (*_DISCLOSED, "classes"))
    for row in rows:
        row["classes"] = ", ".join(json.loads(row["classes"]))
    return visit.show("disclosures.html", rows=rows)


def destructions(visit: Visit) -> Response:
    """Show what was destroyed under which ended agreement."""
    return visit.show("destructions.html", rows=_newest(visit, destruction, _DESTROYED))


def people(visit: Visit) -> Response:
    """Show who may sign in, as what."""
    return visit.show("people.html", people=visit.world.people.listed())


def _newest(visit: Visit, table: Table, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    query = select(*(table.c[name] for name in columns)).order_by(table.c.sequence.desc()).limit(SHOWN)
    with visit.world.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]
