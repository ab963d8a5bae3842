"""The budget of a series of releases, as a release asks for it.

What belongs here: where the ledger is and on whose behalf it is asked, getting the draw of a release from it, and the
one line of a refusal. What does not: the ledger (`consent.privacy`), what a draw holds (`draws`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from assets.release import folder as places
from assets.release.policy import ReleaseError
from consent.errors import RegistryError
from consent.privacy import Ask, BudgetError, PrivacyLedger, Spend, shown
from consent.reading import open_to_read
from consent.registry import open_registry
from consent.trail_errors import TrailError


@dataclass(frozen=True)
class Account:
    """Where the ledger is (a registry's address), who asks, and the clause that grants the budget."""

    registry: str
    actor: str
    clause: str = "the release section of cradlepath.yaml"


class PrivacyRefusedError(ReleaseError):
    """A release that differential privacy does not let go out: nothing is published, the rest of the night stands."""


class BudgetSpentError(PrivacyRefusedError):
    """A release that would spend more than is left of the budget."""


class NotDrawnError(ReleaseError):
    """A draw that was asked for only if it had been made before, and had not."""


def take(account: Account, ask: Ask, draw: Callable[[], bytes], *, may_draw: bool = True) -> Spend:
    """Return the draw of these inputs, kept from before or new and paid for.

    Raises BudgetSpentError when too little is left; NotDrawnError when it would be new and may not be.
    """
    with ledger_of(account.registry) as ledger:
        if not may_draw:
            held = ledger.held(ask.inputs)
            if held is None:
                raise NotDrawnError("these numbers were never drawn; make the release anew")
            return held
        try:
            return ledger.spend(ask, draw, actor=account.actor)
        except BudgetError as error:
            raise BudgetSpentError(
                f"nothing was published: this release asks for an epsilon of {shown(error.asked)}, and "
                f"{shown(max(error.left, 0))} of the {shown(error.budget)} that {account.clause} grants the series is "
                "left; publish fewer tables, ask for less in each release, or agree on a larger budget"
            ) from None
        except RegistryError as error:
            raise PrivacyRefusedError(f"nothing was published: {error}") from None


@contextmanager
def ledger_of(registry: str) -> Iterator[PrivacyLedger]:
    """Open the ledger in a registry."""
    engine = open_registry(registry)
    try:
        yield PrivacyLedger(engine)
    finally:
        engine.dispose()


def carried(releases: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return what the releases of a series say of their draws, by the draw's name."""
    found = (release.manifest.get("mode", {}).get("privacy") for release in places.releases(releases))
    return {said["draw"]: said for said in found if said and said.get("draw")}


def ledger_at_hand(registry: str) -> list[Spend] | None:
    """Return what a registry's ledger holds, oldest first, without writing to it; None where there is none to read."""
    try:
        engine = open_to_read(registry)
    except TrailError:
        return None
    try:
        return PrivacyLedger(engine).all() if inspect(engine).has_table("privacy_budget") else None
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Entry:
    """One draw for people: the night it was made, the releases that carry it, what it spent and what was left."""

    night: str
    releases: str
    epsilon: str
    cumulative: str
    left: str
    budget: str
    clause: str


def entries(registry: str, releases: Path) -> list[Entry]:
    """Return every draw of a series, oldest first."""
    shown_in: dict[str, list[str]] = {}
    for release in places.releases(releases):
        said = release.manifest.get("mode", {}).get("privacy") or {}
        shown_in.setdefault(str(said.get("draw")), []).append(release.id)
    return [
        Entry(
            one.night,
            ", ".join(shown_in.get(one.draw, ["none: drawn, and spent, but not published"])),
            shown(one.epsilon),
            shown(one.cumulative),
            shown(one.budget - one.cumulative),
            shown(one.budget),
            one.clause,
        )
        for one in ledger_at_hand(registry) or []
    ]
