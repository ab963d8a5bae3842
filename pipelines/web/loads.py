"""The page of loads: by night, what was read, loaded, quarantined, dropped and refused, and what would mend it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.responses import Response

from assets.extracts.report import committed_nights
from assets.night import StatePaths
from mou_policies.policy import Policy, compile_policy
from pipelines import story
from pipelines.web.visit import Visit, World, fingerprint

SHOWN_NIGHTS = 31
PARTS = (
    ("Quarantined, and why", "quarantined", "Look the row up in your own system, correct it, send it again."),
    ("Left out by a flag of protection that cannot be read", "flags_not_readable", "Correct the flag and send again."),
    ("Dropped by a named policy", "dropped_by_policy", "As your agreement says; nothing to do."),
    ("Delivered, and not read", "columns_no_agreement_names", "No agreement in force names these columns."),
)


@dataclass(frozen=True)
class _Night:
    """What of a night can be told without its keys (`pipelines.summary.Told`)."""

    date: date
    paths: StatePaths
    policy: Policy


def loads(visit: Visit) -> Response:
    """Show a night's loads: a steward's own agency's, everybody else's all."""
    world = visit.world
    nights = _nights(world)[-SHOWN_NIGHTS:]
    asked = visit.asked("night")
    on = next((night for night in nights if night.isoformat() == asked), nights[-1] if nights else None)
    told = _told(world, on, visit.agency) if on else None
    return visit.show("loads.html", nights=nights[::-1], on=on, told=told, parts=PARTS, agency=visit.agency)


def _nights(world: World) -> list[date]:
    book = world.paths.nights
    return world.remembered(("nights", fingerprint(book)), lambda: committed_nights(book)) if book.exists() else []


def _told(world: World, on: date, agency: str | None) -> dict[str, Any]:
    """Return what there is to tell; read once for as long as neither the book nor an agreement changes."""
    place = world.place

    def read() -> dict[str, Any]:
        night = _Night(on, world.paths, compile_policy(place.agreements, on))
        return story.loads(night, place, agency=agency)

    return world.remembered(("loads", on, agency, fingerprint(world.paths.nights, place.agreements)), read)
