"""Reading the data files of the vocabulary: what its modules share, and nothing that knows one list from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from mou_policies.nodes import Node, read_yaml

FOLDER = Path(__file__).parent
MARKS = {
    "V": "text read in a public copy",
    "V2": "read in a source that quotes it",
    "VT": "read in a public test suite, not recomputed",
    "M": "from knowledge, to be confirmed by counsel",
    "P": "a rule of this project, with no statute behind it",
}


@lru_cache(maxsize=32)
def load(name: str) -> Node:
    """Return the document of `name`.yaml. Raises AgreementError with the place of whatever is wrong."""
    return read_yaml(FOLDER / f"{name}.yaml")


def mark_of(node: Node) -> str:
    """Return how far a citation was confirmed, one of MARKS."""
    return node.word(MARKS, "mark")


def text_or_none(node: Node) -> str | None:
    """Return the text, or None for a dash."""
    value = node.text()
    return None if value == "-" else value


def words(keys: Mapping[str, Node], key: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the list under an optional key, each a word of `known`."""
    names = list(known)
    return tuple(node.word(names, key.removesuffix("s")) for node in keys[key].items()) if key in keys else ()


def flag(keys: Mapping[str, Node], key: str) -> bool:
    """Return the flag under an optional key; absent means false."""
    return keys[key].flag() if key in keys else False
