"""The kinds of agreement: their parties, parents and keys, and the clauses each should hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.nodes import Node
from mou_policies.vocabulary.loading import flag, load, mark_of

PARTIES = ("provider", "hub", "members", "recipient")


@dataclass(frozen=True)
class Clause:
    """A clause that `terms` should hold; with `inherits`, one of the same id in a parent will do."""

    asks: str
    cite: str
    mark: str
    inherits: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of agreement. `parents` are the kinds it may stand under, `needs_parent` those of which it needs one."""

    name: str
    title: str
    means: str
    cite: str
    mark: str
    parties: tuple[str, ...]
    parents: tuple[str, ...]
    needs_parent: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    clauses: Mapping[str, Clause]


@lru_cache(maxsize=1)
def kinds() -> Mapping[str, Kind]:
    """Return the kinds of agreement by id: emou, dsa, dul."""
    document = load("kinds")
    known = [name for name, _, _ in document.entries()]
    return {name: _kind(name, value, known) for name, _, value in document.entries()}


def _kind(name: str, node: Node, known: list[str]) -> Kind:
    lists = ["parties", "parents", "needs_parent", "required", "optional"]
    k = node.keys_of(["title", "means", "cite", "mark", *lists, "clauses"])
    return Kind(
        name=name,
        title=k["title"].text(),
        means=k["means"].text(),
        cite=k["cite"].text(),
        mark=mark_of(k["mark"]),
        parties=tuple(n.word(PARTIES, "party") for n in k["parties"].items()),
        parents=tuple(n.word(known, "kind") for n in k["parents"].items(empty=True)),
        needs_parent=tuple(n.word(known, "kind") for n in k["needs_parent"].items(empty=True)),
        required=k["required"].texts(),
        optional=k["optional"].texts(),
        clauses={clause: _clause(body) for clause, _, body in k["clauses"].entries()},
    )


def _clause(node: Node) -> Clause:
    k = node.keys_of(["asks", "cite", "mark"], ["inherits"])
    return Clause(k["asks"].text(), k["cite"].text(), mark_of(k["mark"]), flag(k, "inherits"))
