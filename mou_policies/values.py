"""A value of an agreement and its place in the file, and the questions that may be asked of it.

Each question (`text`, `day`, `keys_of`, ...) answers or raises the AgreementError that points at the value. Where the
values come from is in `nodes`; which questions are asked of which is in `language` and beside it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from difflib import get_close_matches
from typing import Any, NamedTuple

from mou_policies.errors import AgreementError
from mou_policies.traps import AMBIGUOUS, BOOLEAN, DATE, INTEGER, NULL, NUMBER

MISSHAPEN = "STR-001"


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `did you mean X?` for a word near a known one, else the list of what is known."""
    names = sorted(known)
    near = get_close_matches(word[:80], names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(names[:40])
    return f"use one of: {shown}" + (", ..." if len(names) > 40 else "")


class Node(NamedTuple):
    """A value and its place. `raw` is text (`plain` where it is unquoted), a list of values or values by key.

    `key_line` and `key_column` are the place of its key, 0 where it has none. It is a tuple, and its key no node of its
    own, because a folder of agreements holds a million of them.
    """

    file: str
    line: int
    column: int
    raw: str | list[Node] | dict[str, Node]
    plain: bool = False
    key_line: int = 0
    key_column: int = 0

    def error(self, what: str, remedy: str, rule: str = MISSHAPEN) -> AgreementError:
        """Build (not raise) the error that points at this value."""
        return AgreementError(self.file, self.line, self.column, what, remedy, rule)

    # -- scalars ------------------------------------------------------------------------------------

    def text(self) -> str:
        """Return the value as non-empty text; numbers, dates and booleans must be quoted to be text."""
        value = self._scalar("text")
        if self.plain and (value in BOOLEAN or value in NULL or NUMBER.fullmatch(value)):
            found = "nothing" if value in NULL else f"the unquoted value {value}"
            raise self.error(f"found {found} where text is expected", f'write it in quotes: "{value}"')
        if not value.strip():
            raise self.error("found empty text", "say what is meant")
        return value

    def flag(self) -> bool:
        """Return `true` or `false`."""
        value = self._scalar("true or false")
        if not self.plain or value not in BOOLEAN:
            raise self.error(f"found {value!r} where true or false is expected", "write true or false")
        return value == "true"

    def integer(self, low: int = 0, high: int = 10**9) -> int:
        """Return a whole number between `low` and `high`."""
        value = self._scalar("a whole number")
        if not self.plain or not INTEGER.fullmatch(value) or not low <= int(value) <= high:
            raise self.error(f"found {value!r} where a whole number is expected", f"write one from {low} to {high}")
        return int(value)

    def number(self) -> float:
        """Return a decimal number."""
        value = self._scalar("a number")
        if not self.plain or not NUMBER.fullmatch(value):
            raise self.error(f"found {value!r} where a number is expected", "write a number, unquoted")
        return float(value)

    def day(self) -> date:
        """Return a calendar date written YYYY-MM-DD."""
        value = self._scalar("a date")
        try:
            if DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise self.error(f"found {value!r} where a date is expected", "write a calendar date as YYYY-MM-DD")

    def word(self, known: Collection[str], kind: str, rule: str = MISSHAPEN) -> str:
        """Return one of a closed list of words; the error suggests the nearest."""
        value = self.text()
        if value not in known:
            raise self.error(f"unknown {kind} {value!r}", suggest(value, known), rule)
        return value

    def matching(self, pattern: re.Pattern[str], kind: str, remedy: str) -> str:
        """Return text that matches the whole pattern."""
        value = self.text()
        if not pattern.fullmatch(value):
            raise self.error(f"{value!r} is not a usable {kind}", remedy)
        return value

    # -- collections --------------------------------------------------------------------------------

    def has(self, key: str) -> bool:
        """Whether the value is a mapping with this key."""
        return isinstance(self.raw, dict) and key in self.raw

    @property
    def is_list(self) -> bool:
        """Whether the value is a list."""
        return isinstance(self.raw, list)

    @property
    def is_table(self) -> bool:
        """Whether the value is a mapping of keys to values."""
        return isinstance(self.raw, dict)

    def items(self, *, empty: bool = False) -> list[Node]:
        """Return the values of a list (an error when it is empty, unless `empty`)."""
        if not isinstance(self.raw, list):
            raise self.error(f"found {self._shape()} where a list is expected", "write a list: [a, b]")
        if not self.raw and not empty:
            raise self.error("found an empty list", "name at least one")
        return self.raw

    def texts(self, *, empty: bool = False) -> tuple[str, ...]:
        """Return a list of distinct texts."""
        values: dict[str, None] = {}
        for node in self.items(empty=empty):
            value = node.text()
            if value in values:
                raise node.error(f"{value!r} is listed twice", "list it once")
            values[value] = None
        return tuple(values)

    def entries(self) -> Iterator[tuple[str, Node, Node]]:
        """Yield (key, key node, value node) of a mapping in file order."""
        if not isinstance(self.raw, dict):
            raise self._no_table()
        for key, value in self.raw.items():
            yield key, value._key(key), value

    def keys_of(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Node]:
        """Return the values by key; an unknown or a missing key is an error."""
        if not isinstance(self.raw, dict):
            raise self._no_table()
        for key, value in self.raw.items():
            if key not in required and key not in optional:
                unknown = value._key(key)
                raise unknown.error(f"unknown key {key!r}", suggest(key, {*required, *optional}), AMBIGUOUS)
        missing = [key for key in required if key not in self.raw]
        if missing:
            raise self.error(f"{', '.join(missing)} missing", f"add {missing[0]}: ... here")
        return dict(self.raw)

    def plain_value(self) -> Any:
        """Return the whole subtree as JSON values (the basis of the canonical form that is signed)."""
        raw = self.raw
        if isinstance(raw, dict):
            return {key: value.plain_value() for key, value in raw.items()}
        if isinstance(raw, list):
            return [value.plain_value() for value in raw]
        if not self.plain:
            return raw
        if raw in BOOLEAN:
            return raw == "true"
        if NUMBER.fullmatch(raw):
            return float(raw) if "." in raw else int(raw)
        return raw

    def _scalar(self, expected: str) -> str:
        if not isinstance(self.raw, str):
            raise self.error(f"found {self._shape()} where {expected} is expected", f"write {expected}")
        return self.raw

    def _key(self, word: str) -> Node:
        return Node(self.file, self.key_line, self.key_column, word)

    def _no_table(self) -> AgreementError:
        return self.error(f"found {self._shape()} where 'key: value' lines are expected", "write key: value")

    def _shape(self) -> str:
        if isinstance(self.raw, dict):
            return "a mapping"
        return "a list" if isinstance(self.raw, list) else "a single value"
