"""The vocabulary: closed lists with their citations, read once from the data files beside this module.

Rules with a citation live in those files, so that an auditor can read and question them without reading code.
Adding a word means adding a line there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mou_policies.nodes import Node, read_yaml

FOLDER = Path(__file__).parent
MARKS = {
    "V": "text read in a public copy",
    "V2": "read in a source that quotes it",
    "VT": "read in a public test suite, not recomputed",
    "M": "from knowledge, to be confirmed by counsel",
}
SAFE_HARBOR_CITE = "45 CFR 164.514(b)(2)(i)"
FERPA_PII_CITE = "34 CFR 99.3"


@dataclass(frozen=True)
class FieldClass:
    """A class of fields: its place in the two privacy rules, and the widest use it may ever have."""

    name: str
    means: str
    safe_harbor: str | None
    ferpa: str | None
    ceds: str | None
    uses: tuple[str, ...]
    treatments: tuple[str, ...]
    needs: tuple[str, ...]
    cite: str
    mark: str
    protects: bool = False


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
class Vintage:
    """The restricted ZIP3 areas of one census."""

    name: str
    cite: str
    mark: str
    areas: frozenset[str]


@dataclass(frozen=True)
class Standard:
    """A file standard a source can arrive in."""

    name: str
    title: str
    own_tables: bool


@dataclass(frozen=True)
class Purpose:
    """Why data may be used."""

    name: str
    means: str
    cite: str
    mark: str


def _load(name: str) -> Node:
    return read_yaml(FOLDER / f"{name}.yaml")


def _or_none(node: Node) -> str | None:
    value = node.text()
    return None if value == "-" else value


def _mark(node: Node) -> str:
    return node.word(MARKS, "mark")


@lru_cache(maxsize=1)
def uses() -> Mapping[str, Use]:
    """Return the uses by name."""
    found = {}
    for name, _, value in _load("uses").entries():
        k = value.keys_of(["means", "reads", "stores", "publishes"])
        found[name] = Use(name, k["means"].text(), k["reads"].flag(), k["stores"].flag(), k["publishes"].flag())
    return found


@lru_cache(maxsize=1)
def treatments() -> Mapping[str, TreatmentRule]:
    """Return the treatments by name; dates stand by unit (`date.year`)."""
    found = {}
    for name, _, value in _load("treatments").entries():
        k = value.keys_of(["means", "takes", "uses", "generalises"])
        takes = k["takes"].word(["word", "mapping", "either"], "form")
        served = tuple(n.word(uses(), "use") for n in k["uses"].items())
        found[name] = TreatmentRule(name, k["means"].text(), takes, served, k["generalises"].flag())
    return found


@lru_cache(maxsize=1)
def exceptions() -> Mapping[str, ExceptionRule]:
    """Return the exceptions by id, with the elements each requires of an agreement."""
    found = {}
    for name, _, value in _load("exceptions").entries():
        k = value.keys_of(["title", "cite", "mark", "elements"])
        elements = {}
        for element, _, body in k["elements"].entries():
            e = body.keys_of(["asks", "cite", "mark"])
            elements[element] = Element(e["asks"].text(), e["cite"].text(), _mark(e["mark"]))
        found[name] = ExceptionRule(name, k["title"].text(), k["cite"].text(), _mark(k["mark"]), elements)
    return found


@lru_cache(maxsize=1)
def field_classes() -> Mapping[str, FieldClass]:
    """Return the field classes by name."""
    found = {}
    for name, key, value in _load("field_classes").entries():
        required = ["means", "safe_harbor", "ferpa", "ceds", "uses"]
        k = value.keys_of(required, ["treatments", "needs", "cite", "mark", "protects"])
        if ("cite" in k) != ("mark" in k):
            raise key.error("a citation needs its mark, and a mark its citation", "add the other")
        found[name] = FieldClass(
            name=name,
            means=k["means"].text(),
            safe_harbor=_or_none(k["safe_harbor"]),
            ferpa=_or_none(k["ferpa"]),
            ceds=_or_none(k["ceds"]),
            uses=tuple(n.word(uses(), "use") for n in k["uses"].items(empty=True)),
            treatments=_words(k, "treatments", treatments()),
            needs=_words(k, "needs", exceptions()),
            cite=k["cite"].text() if "cite" in k else f"{SAFE_HARBOR_CITE}; {FERPA_PII_CITE}",
            mark=_mark(k["mark"]) if "mark" in k else "V",
            protects=k["protects"].flag() if "protects" in k else False,
        )
    return found


def _words(keys: Mapping[str, Node], key: str, known: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(n.word(known, key[:-1]) for n in keys[key].items()) if key in keys else ()


@lru_cache(maxsize=1)
def zip3_vintages() -> tuple[Vintage, ...]:
    """Return the restricted ZIP3 areas, vintage by vintage."""
    vintages = []
    for node in _load("zip3_restricted").keys_of(["vintages"])["vintages"].items():
        k = node.keys_of(["name", "mark", "cite", "areas"])
        areas = frozenset(k["areas"].texts())
        vintages.append(Vintage(k["name"].text(), k["cite"].text(), _mark(k["mark"]), areas))
    return tuple(vintages)


@lru_cache(maxsize=1)
def zip3_restricted() -> frozenset[str]:
    """Return the union of all vintages: the areas that become 000."""
    return frozenset().union(*(v.areas for v in zip3_vintages()))


def zip3_label() -> str:
    """Return the vintages in force, for reports and manifests."""
    return "union of " + " and ".join(v.name for v in zip3_vintages())


@lru_cache(maxsize=1)
def standards() -> Mapping[str, Standard]:
    """Return the file standards by id."""
    found = {}
    for name, _, value in _load("standards").entries():
        k = value.keys_of(["title", "own_tables"])
        found[name] = Standard(name, k["title"].text(), k["own_tables"].flag())
    return found


@lru_cache(maxsize=1)
def purposes() -> Mapping[str, Purpose]:
    """Return the purposes by id."""
    found = {}
    for name, _, value in _load("purposes").entries():
        k = value.keys_of(["means", "cite", "mark"])
        found[name] = Purpose(name, k["means"].text(), k["cite"].text(), _mark(k["mark"]))
    return found
