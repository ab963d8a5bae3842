"""Words about an agreement: labels from `templates/words.yaml`, meanings from the vocabulary, dates in full.

An agreement may be malformed: where a word is unknown, there is simply nothing to say about it.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from mou_policies import vocabulary
from mou_policies.document.part import Part
from mou_policies.nodes import read_yaml

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
FILE = Path(__file__).parents[1] / "templates" / "words.yaml"


@lru_cache(maxsize=1)
def _words() -> dict[str, Any]:
    return dict(read_yaml(FILE).plain_value())


def words(kind: str) -> dict[str, Any]:
    """Return one list of words.yaml by its name there."""
    return dict(_words()[kind])


def label(key: str) -> str | None:
    """Return what a key is called, or None where it is shown as written."""
    found: str | None = _words()["labels"].get(key)
    return found


def columns(key: str) -> list[dict[str, Any]]:
    """Return the columns of a list that is shown as a table; none for any other list."""
    return list(_words()["tables"].get(key, []))


def meaning(key: str, word: str) -> str:
    """Return what a word means that stands under a key, or an empty text."""
    known = {
        "claims": lambda: vocabulary.claims()[word].title,
        "class": lambda: vocabulary.field_classes()[word].means,
        "population": lambda: vocabulary.populations()[word].means,
        "rule": lambda: vocabulary.rules()[word].title,
        "standard": lambda: vocabulary.standards()[word].title,
    }
    try:
        return known[key]() if key in known else str(_words()["values"][key][word])
    except KeyError:
        return in_full(word)


def in_full(word: str) -> str:
    """Return a date in full (July 1, 2025), or an empty text for what is no date."""
    try:
        day = date.fromisoformat(word) if len(word) == 10 else None
    except ValueError:
        day = None
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}" if day else ""


def treatment(part: Part) -> str:
    """Return in words what a treatment does, without its settings."""
    rules = vocabulary.treatments()
    name = part.text
    if part.is_table and isinstance(part.node.raw, dict):
        name = next(iter(part.node.raw))
        setting = part.look(name)
        name = f"date.{setting.text}" if name == "date" and setting is not None else name
    return str(_words()["treatments"].get(name) or rules[name].means) if name in rules else ""
