"""The three-digit ZIP areas that hold too few people to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from mou_policies.vocabulary.loading import load, mark_of


@dataclass(frozen=True)
class Vintage:
    """The restricted ZIP3 areas of one census, and the last day on which it is the current one."""

    name: str
    cite: str
    mark: str
    areas: frozenset[str]
    current_until: date


@lru_cache(maxsize=1)
def zip3_vintages() -> tuple[Vintage, ...]:
    """Return the restricted ZIP3 areas, vintage by vintage."""
    vintages = []
    for node in load("zip3_restricted").keys_of(["vintages"])["vintages"].items():
        k = node.keys_of(["name", "mark", "cite", "current_until", "areas"])
        until = k["current_until"].keys_of(["day", "cite", "mark"])
        until["cite"].text(), mark_of(until["mark"])
        areas = frozenset(k["areas"].texts())
        vintages.append(Vintage(k["name"].text(), k["cite"].text(), mark_of(k["mark"]), areas, until["day"].day()))
    return tuple(vintages)


@lru_cache(maxsize=1)
def zip3_restricted() -> frozenset[str]:
    """Return the union of all vintages: the areas that become 000."""
    return frozenset().union(*(v.areas for v in zip3_vintages()))


def zip3_is_current(day: date) -> bool:
    """Return whether a vintage is that of the census current on a day; else Safe Harbor cannot be claimed with ZIP3."""
    return any(day <= vintage.current_until for vintage in zip3_vintages())


def zip3_label() -> str:
    """Return the vintages in force, for reports and manifests."""
    return "union of " + " and ".join(v.name for v in zip3_vintages())
