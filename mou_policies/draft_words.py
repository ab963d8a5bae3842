"""Small pieces that a draft is made of: comments, quoted texts, placeholders. Nothing here knows an agreement."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from textwrap import wrap

from mou_policies.placeholders import PLACEHOLDER
from mou_policies.vocabulary import Key

WIDTH = 118

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_TRAPS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def quoted(text: str) -> str:
    """Return a text as YAML in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def todo(asks: str = "in the parties' own words") -> str:
    """Return a placeholder in quotes."""
    return quoted(f"{PLACEHOLDER}: {asks}")


def name_of(word: str) -> str:
    """Return a word as a YAML key, quoted where two readers could take it differently."""
    return word if _PLAIN.fullmatch(word) and word.lower() not in _TRAPS else quoted(word)


def inline(words: Iterable[str]) -> str:
    """Return texts as a YAML list on one line."""
    return f"[{', '.join(map(quoted, words))}]"


def comment(text: str) -> list[str]:
    """Return a text as lines of comment."""
    return [f"# {line}" for line in wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)]


def indented(lines: Sequence[str], by: int = 2) -> list[str]:
    """Return lines further to the right; empty ones stay empty."""
    return [f"{' ' * by}{line}" if line else "" for line in lines]


def asked(key: Key) -> list[str]:
    """Return the question of a key as comment, with its citation."""
    return comment(str(key))
