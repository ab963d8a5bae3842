"""A value on the page: where in the agreement it stands, and its text so that people see all of it.

What no eye can see (a blank at an edge, a second blank, a control or formatting character that may turn the reading
direction) is shown as its code point, U+202E, and the code point is what is read back. Layout is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote

from mou_policies.emit import is_typed
from mou_policies.values import Node

TEXT, TYPED, LIST, TABLE = "text", "typed", "list", "table"
EMPTY, NONE = "empty", "none"
SHOWN = {"true": "yes", "false": "no"}
"""How typed values that are words are shown; read back by the same table."""

_JOINT = re.compile(r"[._][A-Za-z0-9]|[a-z0-9][A-Z]")
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that Unicode calls printable and that no font shows."""


@dataclass(frozen=True)
class Value:
    """One scalar of the agreement (or an empty list or table), shown once, with its address.

    `at` is a path of keys (percent-encoded) and list items (`#3`) from the root, each after a slash; facts about the
    document itself have addresses that begin with `doc:`. `means` is text, typed, list or table.
    """

    at: str
    text: str
    means: str = TEXT
    code: bool = False
    kind: str = "value"

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """The text as `pieces`."""
        if self.means in {LIST, TABLE}:
            return [("mark", NONE)]
        return list(pieces(SHOWN.get(self.text, self.text) if self.means == TYPED else self.text, code=self.code))


def pieces(text: str, *, code: bool = False) -> Iterator[tuple[str, str]]:
    """Yield a text as (kind, shown) pairs: `text` as it stands, `mark` for what cannot be seen, `break` for a line.

    Between the parts of a `code` (birth_date, motherGiven) there is a `wrap`: a long one may go on in the next line.
    """
    if not text:
        yield "mark", EMPTY
    plain = ""
    for place, character in enumerate(text):
        unseen = character == "\n" or _is_unseen(text, place)
        if plain and (unseen or (code and _JOINT.fullmatch(text[place - 1 : place + 1]))):
            yield "text", plain
            plain = ""
            if not unseen:
                yield "wrap", ""
        if unseen:
            yield ("break", "") if character == "\n" else ("mark", f"U+{ord(character):04X}")
        else:
            plain += character
    if plain:
        yield "text", plain


def _is_unseen(text: str, place: int) -> bool:
    character = text[place]
    if character != " ":
        return not character.isprintable() or character in _UNSEEN
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    return before in {"", " ", "\n"} or after in {"", "\n"}


def character_of(mark: str) -> str | None:
    """Return the text that a mark stands for, or None if it is none."""
    if mark == EMPTY:
        return ""
    digits = mark.removeprefix("U+")
    if not 4 <= len(digits) <= 6 or digits == mark or set(digits) - set("0123456789ABCDEF"):
        return None
    code = int(digits, 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else None


def below(at: str, key: str | int) -> str:
    """Return the address of a key's value, or of a list's item, below an address."""
    return f"{at}/#{key}" if isinstance(key, int) else f"{at}/{quote(key, safe='')}"


def steps(at: str) -> list[str | int] | None:
    """Return an address as keys and item numbers, or None if it is none."""
    first, *rest = at.split("/")
    if first:
        return None
    found: list[str | int] = []
    for step in rest:
        number = step.removeprefix("#")
        if step != number and not (number.isascii() and number.isdigit() and len(number) < 8):
            return None
        found.append(int(number) if step != number else unquote(step))
    return found


def value_of(node: Node, at: str) -> Value | None:
    """Return the value of a scalar, or of an empty list or table; None for a node with others in it."""
    if isinstance(node.raw, str):
        return Value(at, node.raw, TYPED if is_typed(node) else TEXT)
    return None if node.raw else Value(at, "", TABLE if isinstance(node.raw, dict) else LIST)
