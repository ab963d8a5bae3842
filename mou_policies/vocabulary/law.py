"""The legal doors (exceptions, with what each requires of an agreement), and whom and what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.nodes import Node
from mou_policies.vocabulary.loading import flag, load, mark_of, words
from mou_policies.vocabulary.patterns import class_pattern, classes_of
from mou_policies.vocabulary.words import uses


@dataclass(frozen=True)
class Element:
    """One thing an agreement must contain under an exception."""

    asks: str
    cite: str
    mark: str


@dataclass(frozen=True)
class ExceptionRule:
    """A legal door, and the elements an agreement needs to go through it.

    `covers` and `never` are field classes, `purposes` the only ones that may rest on it (empty: any), `population`
    whom it is about. Through an `opt_in` door nothing comes without the family's own consent. Records that are not
    `identifiable` come without direct identifiers and are not linked.
    """

    name: str
    title: str
    cite: str
    mark: str
    elements: Mapping[str, Element]
    covers: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    purposes: tuple[str, ...] = ()
    population: str | None = None
    opt_in: bool = False
    identifiable: bool = True


@dataclass(frozen=True)
class Purpose:
    """Why data may be used: the uses it serves, and whether it comes with every exception."""

    name: str
    means: str
    cite: str
    mark: str
    serves: tuple[str, ...]
    any_exception: bool = False


@dataclass(frozen=True)
class Population:
    """Whose records an agreement may be about."""

    name: str
    means: str
    cite: str
    mark: str


@lru_cache(maxsize=1)
def exceptions() -> Mapping[str, ExceptionRule]:
    """Return the exceptions by id, with the elements each requires of an agreement."""
    return {name: _exception(name, value) for name, _, value in load("exceptions").entries()}


def _exception(name: str, node: Node) -> ExceptionRule:
    optional = ["covers", "never", "purposes", "population", "opt_in", "identifiable"]
    k = node.keys_of(["title", "cite", "mark", "elements"], optional)
    return ExceptionRule(
        name=name,
        title=k["title"].text(),
        cite=k["cite"].text(),
        mark=mark_of(k["mark"]),
        elements={element: _element(body) for element, _, body in k["elements"].entries()},
        covers=_classes(k, "covers"),
        never=_classes(k, "never"),
        purposes=words(k, "purposes", purposes()),
        population=k["population"].word(populations(), "population") if "population" in k else None,
        opt_in=flag(k, "opt_in"),
        identifiable="identifiable" not in k or k["identifiable"].flag(),
    )


def _element(node: Node) -> Element:
    k = node.keys_of(["asks", "cite", "mark"])
    return Element(k["asks"].text(), k["cite"].text(), mark_of(k["mark"]))


def _classes(keys: Mapping[str, Node], key: str) -> frozenset[str]:
    return classes_of(class_pattern(node) for node in keys[key].items()) if key in keys else frozenset()


@lru_cache(maxsize=1)
def purposes() -> Mapping[str, Purpose]:
    """Return the purposes by id."""
    found = {}
    for name, _, value in load("purposes").entries():
        k = value.keys_of(["means", "serves", "cite", "mark"], ["any_exception"])
        served = tuple(n.word(uses(), "use") for n in k["serves"].items())
        cite, mark = k["cite"].text(), mark_of(k["mark"])
        found[name] = Purpose(name, k["means"].text(), cite, mark, served, flag(k, "any_exception"))
    return found


@lru_cache(maxsize=1)
def populations() -> Mapping[str, Population]:
    """Return the populations by id."""
    found = {}
    for name, _, value in load("populations").entries():
        k = value.keys_of(["means", "cite", "mark"])
        found[name] = Population(name, k["means"].text(), k["cite"].text(), mark_of(k["mark"]))
    return found
