"""The closed lists of the room: scopes and decisions, read from `scopes.yaml`.

What belongs here: reading and checking that file. What does not: a family's decision (`ledger`), the rule of
precedence (`gate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

_FILE = Path(__file__).with_name("scopes.yaml")

Effect = Literal["child", "sources", "returns"]
DecisionEffect = Literal["grant", "refuse", "transfer", "exception"]


@dataclass(frozen=True)
class Scope:
    """One scope of a decision. `order` counts from 0 (widest); only effect `sources` has any `sources`."""

    name: str
    order: int
    effect: Effect
    sources: tuple[str, ...]
    meaning: str
    cite: str


@dataclass(frozen=True)
class Decision:
    """One kind of decision. `rank` grows with restrictiveness; `restricts` says whether it takes rows out."""

    name: str
    rank: int
    effect: DecisionEffect
    restricts: bool
    meaning: str
    cite: str


@dataclass(frozen=True)
class Vocabulary:
    """Scopes and decisions by name, and what an unreadable form counts as."""

    scopes: Mapping[str, Scope]
    decisions: Mapping[str, Decision]
    unreadable_decision: str
    unreadable_scope: str

    def areas_of(self, source: str) -> tuple[str, ...]:
        """Names of the area scopes that cover `source`; every area when no area names it."""
        areas = [scope for scope in self.scopes.values() if scope.effect == "sources"]
        named = tuple(scope.name for scope in areas if source in scope.sources)
        return named or tuple(scope.name for scope in areas)


@cache
def vocabulary() -> Vocabulary:
    """Read `scopes.yaml` once. Raises KeyError when the packaged file lacks a part."""
    data: dict[str, Any] = YAML(typ="safe").load(_FILE.read_text(encoding="utf-8"))
    scopes = {
        name: Scope(name, order, item["effect"], tuple(item.get("sources", ())), item["meaning"], item["cite"])
        for order, (name, item) in enumerate(data["scopes"].items())
    }
    decisions = {
        name: Decision(name, rank, item["effect"], bool(item["restricts"]), item["meaning"], item["cite"])
        for rank, (name, item) in enumerate(data["decisions"].items())
    }
    unreadable = data["unreadable"]
    return Vocabulary(scopes, decisions, unreadable["decision"], unreadable["scope"])
