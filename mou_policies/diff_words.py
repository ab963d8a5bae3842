"""What changed in an agreement's free words, which no machine can judge: terms, reasons, elements, names, tests.

Two trees are walked leaf by leaf. A leaf is shown unless its key is one that the comparison of meanings judges; what
is added or gone with its whole clause (a field, a prohibition) is told there. Nothing here widens or narrows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from mou_policies.changes import NOTHING
from mou_policies.nodes import Node

Path = tuple[str, ...]
Leaf = tuple[str, int]

FIELD = ("class", "use", "treatment", "for", "format")

JUDGED: tuple[Path, ...] = (
    ("kind",),
    ("under",),
    ("term", "*"),
    ("parties", "*", "agency"),
    ("parties", "members", "*", "agency"),
    ("signatories", "*"),
    ("authority", "*", "exception"),
    ("authority", "*", "population"),
    ("destruction", "period_days"),
    ("redisclosure", "allowed"),
    ("permits", "*"),
    *(("prohibits", "*", key) for key in ("use", "class", "fields", "purposes", "with")),
    *(("limits", "*", key) for key in ("use", "class", "fields", "treatment")),
    *(("accepts", "*", key) for key in ("rule", "field", "on", "until")),
    *(("release", key) for key in ("name", "level", "claims", "minimum_cell", "earlier_releases", "quasi_identifiers")),
    *(("release", key) for key in ("zeros", "certain", "mode")),
    ("release", "percentages"),
    ("release", "percentages", "*"),
    *(("release", "amounts", key) for key in ("dominant", "share", "prior")),
    *(("release", "privacy", key) for key in ("epsilon", "budget")),
    *(("release", "records", key) for key in ("keep", "k", "l", "t")),
    *(("sources", "*", key) for key in ("standard", "files", "kind", "records_of", "one_record_a_child", "delivery")),
    ("sources", "*", "options", "*"),
    *(("sources", "*", "tables", "*", key) for key in ("files", "key", "record")),
    *(("sources", "*", "tables", "*", "excludes", "*", key) for key in ("field", "equals", "safe", "cascade")),
    *(("sources", "*", "tables", "*", "fields", "*", *item, key) for item in ((), ("*",)) for key in FIELD),
)  # fmt: skip
"""Keys whose change is judged by what it makes possible; `*` stands for any name, and for an item of a list."""

WHOLE = frozenset({"treatment"})
"""Keys whose value is one thing, however deep it is."""

NAMES = ("exception", "agency", "name", "as", "rule", "field", "says")
"""What tells the items of a list apart."""

SCOPE = ("use", "class", "fields", "with", "purposes", "treatment")
"""What tells items apart that have no name: what they are about."""


@dataclass(frozen=True)
class Word:
    """Words that are others: where they stand in either file, and what they say (a dash: nothing)."""

    about: str
    before: str
    after: str
    old: str
    new: str


def changed_words(old: Node, new: Node, agreement: str) -> Iterator[Word]:
    """Yield the free words of two trees of one agreement that differ, in the order of the newer one."""
    before, after = leaves(old), leaves(new)
    known = [{path[:i] for path in side for i in range(len(path))} for side in (before, after)]
    for path in dict.fromkeys([*after, *before]):
        was, now = before.get(path), after.get(path)
        shared = all(path[:-1] in side for side in known)
        if shared and not judged(path) and (was and was[0]) != (now and now[0]):
            words = (side[0] if side else NOTHING for side in (was, now))
            places = (
                f"{FilePath(root.file).name}:{side[1]}" if side else "" for root, side in ((old, was), (new, now))
            )
            yield Word(f"{agreement}, {_about(path)}", *words, *places)


def _about(path: Path) -> str:
    """Return a path in words: of a field source.table.field and what is said of it."""
    names, rest = (path[1:4], path[4:]) if path[0] == "fields" else ((), path)
    for key in ("sources", "tables", "fields"):
        if rest[:1] == (key,):
            names, rest = (*names, *rest[1:2]), rest[2:]
    return " ".join([".".join(names), *rest]).strip()


def judged(path: Path) -> bool:
    """Whether what a leaf says is judged by the comparison of meanings."""
    return any(
        len(known) == len(path) and all(part in {"*", word} for part, word in zip(known, path, strict=True))
        for known in JUDGED
    )


def leaves(root: Node) -> Mapping[Path, Leaf]:
    """Return the text and line of every leaf of a tree, by path; a list of words is one leaf."""
    return dict(_walk(root, ()))


def _walk(node: Node, path: Path) -> Iterator[tuple[Path, Leaf]]:
    if node.is_table and not (path and path[-1] in WHOLE):
        for key, _, value in node.entries():
            yield from _walk(value, (*path, key))
    elif node.is_list and any(item.is_table for item in node.items(empty=True)):
        items = node.items()
        seen: Counter[str] = Counter()
        for item in items:
            name = _name(item)
            seen[name] += 1
            yield from _walk(item, (*path, name if seen[name] == 1 else f"{name} ({seen[name]})"))
    else:
        yield path, (_text(node), node.line)


def _name(item: Node) -> str:
    """Return what tells an item of a list from others: a name, or what it is about."""
    plain = item.raw if isinstance(item.raw, dict) else {}
    named = [plain[key] for key in NAMES if key in plain][:1]
    return ": ".join(_text(value) for value in named or (plain[key] for key in SCOPE if key in plain))


def _text(node: Node) -> str:
    value = node.plain_value()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
