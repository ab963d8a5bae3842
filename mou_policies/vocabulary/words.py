"""What may be done with a field (uses, treatments) and how it can arrive (standards)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.vocabulary.loading import load, mark_of


@dataclass(frozen=True)
class Use:
    """What the hub may do with a field."""

    name: str
    means: str
    reads: bool
    stores: bool
    publishes: bool


@dataclass(frozen=True)
class TreatmentRule:
    """A treatment, the uses it can serve, and whether its result is coarser than what came in."""

    name: str
    means: str
    takes: str
    uses: tuple[str, ...]
    generalises: bool


@dataclass(frozen=True)
class Standard:
    """A file standard a source can arrive in."""

    name: str
    title: str
    own_tables: bool


@lru_cache(maxsize=1)
def uses() -> Mapping[str, Use]:
    """Return the uses by name."""
    found = {}
    for name, _, value in load("uses").entries():
        k = value.keys_of(["means", "reads", "stores", "publishes"])
        found[name] = Use(name, k["means"].text(), k["reads"].flag(), k["stores"].flag(), k["publishes"].flag())
    return found


@dataclass(frozen=True)
class ReleaseMode:
    """How the numbers of a release are protected."""

    name: str
    means: str
    cite: str
    mark: str


@lru_cache(maxsize=1)
def release_modes() -> Mapping[str, ReleaseMode]:
    """Return the modes of a release by name."""
    found = {}
    for name, _, value in load("release_modes").entries():
        k = value.keys_of(["means", "cite", "mark"])
        found[name] = ReleaseMode(name, k["means"].text(), k["cite"].text(), mark_of(k["mark"]))
    return found


@lru_cache(maxsize=1)
def treatments() -> Mapping[str, TreatmentRule]:
    """Return the treatments by name; dates stand by unit (`date.year`)."""
    found = {}
    for name, _, value in load("treatments").entries():
        k = value.keys_of(["means", "takes", "uses", "generalises"])
        takes = k["takes"].word(["word", "mapping", "either"], "form")
        served = tuple(n.word(uses(), "use") for n in k["uses"].items())
        found[name] = TreatmentRule(name, k["means"].text(), takes, served, k["generalises"].flag())
    return found


@lru_cache(maxsize=1)
def standards() -> Mapping[str, Standard]:
    """Return the file standards by id."""
    found = {}
    for name, _, value in load("standards").entries():
        k = value.keys_of(["title", "own_tables"])
        found[name] = Standard(name, k["title"].text(), k["own_tables"].flag())
    return found
