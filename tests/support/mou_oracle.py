"""What a world of agreements grants, found the slow way from its plain values: one point, one output, one clause.

This knows nothing of the code under test but the order of treatments, which has tests of its own. It asks of each
point who grants it and what takes it away, and reads like the rules for people do (docs/agreements.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from support.mou_worlds import PURPOSES, Plain, World

from mou_policies.coarseness import as_coarse, coarsest
from mou_policies.model import Treatment

Ref = tuple[str, str, str]
Answer = dict[tuple[Ref, str, str], dict[str, Treatment]]

SERVES = {
    # purpose            the uses it serves
    "link-records":     {"link"},
    "public-health":    {"content", "publish"},
    "vital-statistics": {"content", "publish"},
    "measure-success":  {"publish"},
}  # fmt: skip
IMPLIED = {"link": {"link"}, "content": {"content"}, "publish": {"publish", "content"}, "none": set()}
BARRED_BY = {"link": {"link"}, "content": {"content"}, "publish": {"publish", "content"}}


@dataclass(frozen=True)
class Entry:
    """One clause on one field: the file, whether its agreement is in force, the field, and what the clause says."""

    share: str
    grants: bool
    ref: Ref
    says: Any

    @property
    def output(self) -> tuple[Ref, str]:
        """The column it gives; tokens of one field are one output."""
        return self.ref, "" if self.says["use"] == "link" else self.says.get("as", self.ref[2])

    @property
    def columns(self) -> set[str]:
        """The stored columns it gives."""
        name = self.output[1]
        two = self.says.get("treatment") == {"date": "school_day"}
        return ({name, f"{name}_year"} if two else {name}) - {""}


class Oracle:
    """Answers for a world of which some files hold agreements in force, and some others bind without granting."""

    def __init__(self, world: World, in_force: set[str], bound: set[str]) -> None:
        self.every = world
        self.held = {file: plain for file, plain in world.items() if file in in_force | bound}
        self.granting = in_force
        self.shares = {name: plain for name, plain in self.held.items() if plain["kind"] == "dsa"}
        self.entries = list(self._entries())

    def answer(self) -> Answer:
        """Return every point that is allowed, with the treatment of each output."""
        found: Answer = {}
        for source in {entry.ref[0] for entry in self.entries if entry.grants}:
            mine = [entry for entry in self.entries if entry.ref[0] == source]
            if len({_owner(self.held[entry.share]) for entry in mine}) == 1 and self._keeps_its_record(mine):
                self._source(mine, found)
        return found

    def _entries(self) -> Iterator[Entry]:
        for name, plain in self.shares.items():
            for source, body in plain["sources"].items():
                for field, says in body["tables"]["t"]["fields"].items():
                    for one in says if isinstance(says, list) else [says]:
                        yield Entry(name, name in self.granting, (source, "t", field), one)

    def _keeps_its_record(self, mine: list[Entry]) -> bool:
        return any(self._pairs(entry) for entry in mine if entry.ref[2] == "rid")

    def _source(self, mine: list[Entry], found: Answer) -> None:
        denied = {entry.ref for entry in mine if entry.says["use"] == "none"}
        grants = [entry for entry in mine if entry.says["use"] != "none"]
        for entry in grants:
            same = [other for other in grants if other.output == entry.output]
            treatment = self._treatment(same)
            if entry.ref in denied or treatment is None or _disputed(entry, grants):
                continue
            for use, purpose in self._pairs(entry):
                found.setdefault((entry.ref, use, purpose), {})[entry.output[1]] = treatment
        for entry in grants:
            for purpose in PURPOSES:
                held = found.get((entry.ref, "publish", purpose), {})
                name = entry.output[1]
                if name in held and self._released(entry.ref, name, purpose, held[name], grants):
                    found.setdefault((entry.ref, "release", purpose), {})[name] = held[name]

    def _emous(self, plain: Plain) -> list[Plain]:
        return [p for p in self.held.values() if p["kind"] == "emou" and p["agreement"] in plain.get("under", [])]

    # -- one clause ------------------------------------------------------------------------------------------------

    def _pairs(self, entry: Entry) -> set[tuple[str, str]]:
        plain = self.held[entry.share]
        if not entry.grants:
            return set()
        purposes = entry.says.get("for", plain["purposes"])
        wanted = {(use, p) for use in IMPLIED[entry.says["use"]] for p in purposes if use in SERVES[p]}
        return {pair for pair in wanted if not self._taken(entry, *pair)}

    def _taken(self, entry: Entry, use: str, purpose: str) -> bool:
        cls = entry.says["class"]
        for parent in self._above(entry):
            ceiling = all(_named(cls, parent["permits"][u]) for u in BARRED_BY[use])
            if purpose not in parent["purposes"] or not ceiling:
                return True
        return any(_forbids(rule, entry, use, purpose) for acting in self._acting(entry) for rule in _rules(acting))

    def _above(self, entry: Entry) -> list[Plain]:
        return self._emous(self.held[entry.share])

    def _acting(self, entry: Entry) -> list[Plain]:
        owner = _owner(self.held[entry.share])
        return [*(plain for plain in self.shares.values() if _owner(plain) == owner), *self._above(entry)]

    def _treatment(self, same: list[Entry]) -> Treatment | None:
        asked = [treatment(entry.says["treatment"]) for entry in same]
        for entry in same:
            for acting in self._acting(entry):
                for limit in acting.get("limits", []):
                    if IMPLIED[entry.says["use"]] & set(limit["use"]) and _about(limit, entry.ref, entry.says["class"]):
                        asked.append(treatment(limit["treatment"]))
        return coarsest(asked)

    # -- the release -----------------------------------------------------------------------------------------------

    def _released(self, ref: Ref, name: str, purpose: str, kept: Treatment, grants: list[Entry]) -> bool:
        if not self._needs_licence(ref[0]):
            return True
        granting = {
            self.held[e.share]["agreement"]
            for e in grants
            if e.output == (ref, name) and ("publish", purpose) in self._pairs(e)
        }
        cls = next(e.says["class"] for e in grants if e.ref == ref)
        return any(
            self._licensed(plain, granting, ref, cls, purpose, kept)
            for file, plain in self.held.items()
            if file in self.granting and plain["kind"] == "dul" and plain["release"]["name"] == "outcomes"
        )

    def _needs_licence(self, source: str) -> bool:
        if any(plain["kind"] == "dul" for plain in self.every.values()):
            return True
        naming = [plain for plain in self.shares.values() if source in plain["sources"]]
        above = [parent for plain in naming for parent in self._emous(plain)]
        return any(parent["permits"]["publication"] == "licence" for parent in above)

    def _licensed(self, plain: Plain, granting: set[str], ref: Ref, cls: str, purpose: str, kept: Treatment) -> bool:
        emous = self._emous(plain)
        asked = Entry(plain["agreement"], True, ref, {"class": cls})
        return (
            ref[2] in plain["fields"].get(ref[0], {}).get("t", {})
            and purpose in plain["purposes"]
            and bool(granting & set(plain["under"]))
            and all(purpose in parent["purposes"] for parent in emous)
            and all(_named(cls, parent["permits"][use]) for parent in emous for use in ("publish", "content"))
            and not any(_forbids(r, asked, "publish", purpose) for acting in [plain, *emous] for r in _rules(acting))
            and all(
                as_coarse(kept, treatment(limit["treatment"]))
                for acting in [plain, *emous]
                for limit in acting.get("limits", [])
                if _about(limit, ref, cls)
            )
        )


def _owner(plain: Plain) -> str:
    return str(plain["parties"]["provider"]["agency"])


def _rules(plain: Plain) -> list[Plain]:
    return [rule for rule in plain.get("prohibits", []) if "with" not in rule]


def _forbids(rule: Plain, entry: Entry, use: str, purpose: str) -> bool:
    if not BARRED_BY[use] & set(rule["use"]) or purpose not in rule.get("purposes", PURPOSES):
        return False
    return _about(rule, entry.ref, entry.says["class"])


def _about(rule: Plain, ref: Ref, cls: str) -> bool:
    fields = [pattern.split(".") for pattern in rule.get("fields", [])]
    by_name = any(all(map(fnmatchcase, ref, pattern)) for pattern in fields)
    return by_name or _named(cls, rule.get("class", []))


def _named(cls: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(cls, pattern) for pattern in patterns)


def _disputed(entry: Entry, grants: list[Entry]) -> bool:
    """Whether another field gives a column of the same name, or the same output has another class."""
    others = [other for other in grants if other.output != entry.output]
    mine = set().union(*(other.columns for other in grants if other.output == entry.output))
    return any(mine & other.columns for other in others)


def treatment(says: Any) -> Treatment:
    """Return a treatment from its plain value."""
    if isinstance(says, str):
        return Treatment(says)
    if "date" in says:
        return Treatment("date", unit=says["date"])
    if "top_code" in says:
        return Treatment("top_code", limit=float(says["top_code"]))
    if "band" in says:
        return Treatment("band", edges=tuple(float(edge) for edge in says["band"]))
    return Treatment("recode", recode=tuple(says["recode"].items()), otherwise=says.get("else"))
