"""Naming field classes many at a time: an exact class, a prefix `health.*`, or `*` for all."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from mou_policies.nodes import Node
from mou_policies.vocabulary.loading import load


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """Return the names of all field classes, in the order of the list."""
    return tuple(name for name, _, _ in load("field_classes").entries())


def matches(pattern: str, name: str) -> bool:
    """Return whether a pattern names a class: `*` every one, `health.*` those under health, else the class itself."""
    return pattern in {"*", name} or (pattern.endswith(".*") and name.startswith(pattern[:-1]))


def classes_of(patterns: Iterable[str]) -> frozenset[str]:
    """Return the field classes that any of the patterns names."""
    wanted = tuple(patterns)
    return frozenset(name for name in class_names() if any(matches(pattern, name) for pattern in wanted))


def class_pattern(node: Node) -> str:
    """Return a value that is a pattern of classes. Raises AgreementError (FLD-002) for one that names no class."""
    known = ["*", *class_names(), *sorted({name.rsplit(".", 1)[0] + ".*" for name in class_names() if "." in name})]
    return node.word(known, "class or class pattern", "FLD-002")
