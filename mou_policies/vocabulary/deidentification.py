"""The claims a release may make about itself, and what each refuses: the rules for de-identification as data.

Whether a release bears a claim out is decided where releases are judged; here a claim says which class with which
treatment it refuses, and on which text that rests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.nodes import Node
from mou_policies.vocabulary.classes import field_classes
from mou_policies.vocabulary.law import Element, exceptions
from mou_policies.vocabulary.loading import load, mark_of, words
from mou_policies.vocabulary.patterns import class_pattern, classes_of
from mou_policies.vocabulary.rulebook import rules
from mou_policies.vocabulary.words import treatments

LEVELS = ("aggregate", "records")
CONDITIONS = ("zip3-current", "ages-90")

_FROM = ("letters", "limbs", "classes", "treatments")


@dataclass(frozen=True)
class Removal:
    """Something a claim says must not be in the release: field classes, or treatments whatever the class."""

    what: str
    classes: frozenset[str]
    treatments: frozenset[str]
    levels: tuple[str, ...]
    rule: str
    cite: str
    mark: str


@dataclass(frozen=True)
class Keep:
    """Treatments that make classes lawful which the claim removes; `rule` says what fails when `condition` does."""

    classes: frozenset[str]
    treatments: frozenset[str]
    condition: str | None
    rule: str | None
    because: str
    cite: str
    mark: str


@dataclass(frozen=True)
class Demand:
    """What a claim asks of the whole release: `value` is a number of people, or whether something is asked at all."""

    value: int
    cite: str
    mark: str


@dataclass(frozen=True)
class Claim:
    """A claim a release may make, with all that must hold for it."""

    name: str
    title: str
    cite: str
    mark: str
    levels: tuple[str, ...]
    removes: tuple[Removal, ...]
    keeps: tuple[Keep, ...]
    stays: frozenset[str]
    attests: Mapping[str, Element]
    needs: tuple[str, ...]
    minimum_cell: Demand
    earlier_releases: Demand

    def refusals(self, cls: str, treatment: str, level: str) -> tuple[Removal, ...]:
        """Return what speaks against a class with a treatment (`date.year`) at a level, at most one for a rule."""
        kept = self.keep(cls, treatment) is not None
        found: dict[str, Removal] = {}
        for removal in self.removes:
            removed = treatment in removal.treatments or (cls in removal.classes and not kept)
            if removed and level in removal.levels:
                found.setdefault(removal.rule, removal)
        return tuple(found.values())

    def keep(self, cls: str, treatment: str) -> Keep | None:
        """Return the clause by which a class with a treatment may stay, with the condition it makes, or None."""
        return next((k for k in self.keeps if cls in k.classes and treatment in k.treatments), None)


@lru_cache(maxsize=1)
def claims() -> Mapping[str, Claim]:
    """Return the claims by id."""
    return {name: _claim(name, value) for name, _, value in load("claims").entries()}


def _claim(name: str, node: Node) -> Claim:
    required = ["title", "cite", "mark", "levels", "minimum_cell", "earlier_releases", "removes", "keeps", "attests"]
    k = node.keys_of(required, ["needs", "stays"])
    levels = words(k, "levels", LEVELS)
    cell = k["minimum_cell"].keys_of(["at_least", "cite", "mark"])
    earlier = k["earlier_releases"].keys_of(["considered", "cite", "mark"])
    return Claim(
        name=name,
        title=k["title"].text(),
        cite=k["cite"].text(),
        mark=mark_of(k["mark"]),
        levels=levels,
        removes=tuple(_removal(item, levels) for item in k["removes"].items()),
        keeps=tuple(_keep(item) for item in k["keeps"].items(empty=True)),
        stays=_classes(k["stays"]) if "stays" in k else frozenset(),
        attests={says: _attestation(body) for says, _, body in k["attests"].entries()},
        needs=words(k, "needs", exceptions()),
        minimum_cell=Demand(cell["at_least"].integer(), cell["cite"].text(), mark_of(cell["mark"])),
        earlier_releases=Demand(int(earlier["considered"].flag()), earlier["cite"].text(), mark_of(earlier["mark"])),
    )


def _removal(node: Node, levels: tuple[str, ...]) -> Removal:
    k = node.keys_of(["what", "rule", "cite", "mark"], [*_FROM, "levels"])
    if not set(_FROM) & set(k):
        raise node.error("nothing says what is removed", f"add one of: {', '.join(_FROM)}")
    letters = k["letters"].texts() if "letters" in k else ()
    limbs = k["limbs"].texts() if "limbs" in k else ()
    named = _classes(k["classes"]) if "classes" in k else frozenset()
    meant = frozenset(c.name for c in field_classes().values() if c.safe_harbor in letters or c.ferpa in limbs)
    return Removal(
        what=k["what"].text(),
        classes=named | meant,
        treatments=frozenset(words(k, "treatments", treatments())),
        levels=words(k, "levels", levels) or levels,
        rule=k["rule"].word(rules(), "rule"),
        cite=k["cite"].text(),
        mark=mark_of(k["mark"]),
    )


def _keep(node: Node) -> Keep:
    k = node.keys_of(["classes", "treatments", "because", "cite", "mark"], ["condition", "rule"])
    if ("condition" in k) != ("rule" in k):
        raise node.error("a condition needs the rule that fails with it, and the rule its condition", "add the other")
    return Keep(
        classes=_classes(k["classes"]),
        treatments=frozenset(words(k, "treatments", treatments())),
        condition=k["condition"].word(CONDITIONS, "condition") if "condition" in k else None,
        rule=k["rule"].word(rules(), "rule") if "rule" in k else None,
        because=k["because"].text(),
        cite=k["cite"].text(),
        mark=mark_of(k["mark"]),
    )


def _attestation(node: Node) -> Element:
    k = node.keys_of(["asks", "cite", "mark"])
    return Element(k["asks"].text(), k["cite"].text(), mark_of(k["mark"]))


def _classes(node: Node) -> frozenset[str]:
    return classes_of(class_pattern(item) for item in node.items())
