"""Where every ended source stands: when it is due, what is still held of it, whether it was destroyed.

What a night warns of and what `cradlepath audit destruction` lists. Nothing is removed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from assets.destruction.held import Held, Place, held_of, sources_held
from assets.night import Night
from consent.destruction import Destroyed, Destructions
from consent.registry import open_registry
from mou_policies.retention import SOON, Due, ended_in

HELD, OVERDUE, DESTROYED, NOTHING = "held", "OVERDUE", "destroyed", "nothing held"


@dataclass(frozen=True)
class Standing:
    """One source that nobody shares any more: when it is due, what is held, and the day it was destroyed on, if any."""

    due: Due
    held: Held
    destroyed_on: str | None
    on: date

    @property
    def state(self) -> str:
        """In a word or two: OVERDUE, held, destroyed, or nothing held."""
        if self.held:
            return OVERDUE if self.due.days(self.on) < 0 else HELD
        return DESTROYED if self.destroyed_on else NOTHING

    @property
    def plain(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "state": self.state,
            "agreement": self.due.agreement.agreement_id,
            "source": self.due.source,
            "ended": self.due.ended.isoformat(),
            "due": self.due.due.isoformat(),
            "days": self.due.days(self.on),
            "destroyed_on": self.destroyed_on,
            **asdict(self.held),
        }

    @property
    def says(self) -> str:
        """One line that says what is due, and how to do it."""
        left = self.due.days(self.on)
        when = f"was due on {self.due.due}, {-left} days ago" if left < 0 else f"is due on {self.due.due}"
        name = self.due.agreement.agreement_id
        return (
            f"the destruction of {self.due.source} {when} ({name} ended on {self.due.ended}): "
            f"cradlepath audit destruction --destroy {name} --attested-by NAME"
        )


def standings(agreements: Path, place: Place, destroyed: Iterable[Destroyed], on: date) -> list[Standing]:
    """Return where every source that the agreements of a folder shared stands on a day, the earliest due first."""
    certified = {(one.agreement, one.source): one.destroyed_on for one in destroyed}
    ended = ended_in(agreements, on)
    return [
        Standing(
            one,
            held_of(place, one.agreement.sources[one.source], ended.sharing),
            certified.get((one.agreement.agreement_id, one.source)),
            on,
        )
        for one in ended.due
    ]


def unnamed(agreements: Path, place: Place, on: date) -> list[str]:
    """Return one line for each source of which something is held and that no agreement of the folder names."""
    return [
        f"found data of {name}, which no agreement in {agreements.name}/ names, expected one: put the file of the "
        "agreement it came under back, with its signatures, so that it is known when it must be destroyed"
        for name in sorted(sources_held(place) - ended_in(agreements, on).named)
    ]


def destruction_warnings(agreements: Path, night: Night) -> list[str]:
    """Return one line for each source that is held and whose destruction is due within 90 days, or not known at all."""
    engine = open_registry(night.paths.registry_url)
    try:
        destroyed = Destructions(engine).all()
    finally:
        engine.dispose()
    place = Place(night.paths, night.landing, night.keys)
    found = standings(agreements, place, destroyed, night.date)
    soon = [one.says for one in found if one.held and one.due.days(night.date) <= SOON]
    return [*soon, *unnamed(agreements, place, night.date)]
