"""The legal doors (exceptions, with what each requires of an agreement) and the purposes data may serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.vocabulary.loading import load, mark_of


@dataclass(frozen=True)
class Element:
    """One thing an agreement must contain under an exception."""

    asks: str
    cite: str
    mark: str


@dataclass(frozen=True)
class ExceptionRule:
    """A legal door, and the elements an agreement needs to go through it."""

    name: str
    title: str
    cite: str
    mark: str
    elements: Mapping[str, Element]


@dataclass(frozen=True)
class Purpose:
    """Why data may be used."""

    name: str
    means: str
    cite: str
    mark: str


@lru_cache(maxsize=1)
def exceptions() -> Mapping[str, ExceptionRule]:
    """Return the exceptions by id, with the elements each requires of an agreement."""
    found = {}
    for name, _, value in load("exceptions").entries():
        k = value.keys_of(["title", "cite", "mark", "elements"])
        elements = {}
        for element, _, body in k["elements"].entries():
            e = body.keys_of(["asks", "cite", "mark"])
            elements[element] = Element(e["asks"].text(), e["cite"].text(), mark_of(e["mark"]))
        found[name] = ExceptionRule(name, k["title"].text(), k["cite"].text(), mark_of(k["mark"]), elements)
    return found


@lru_cache(maxsize=1)
def purposes() -> Mapping[str, Purpose]:
    """Return the purposes by id."""
    found = {}
    for name, _, value in load("purposes").entries():
        k = value.keys_of(["means", "cite", "mark"])
        found[name] = Purpose(name, k["means"].text(), k["cite"].text(), mark_of(k["mark"]))
    return found
