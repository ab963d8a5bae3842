"""Strict YAML: a file becomes a small tree in which every value knows its file, line and column.

Agreements are read by people first, so whatever two readers could take differently is an error here: YAML
1.1 booleans (`no`, `on`), octal and base-60 numbers (`012`, `1:30`), anchors, tags, duplicate keys, tabs,
more than one document. What keys and values mean is decided by `language`, not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from mou_policies.errors import AgreementError

MAX_BYTES = 2_000_000
MAX_DEPTH = 12

_BOOLEAN_TRAP = re.compile(r"(?i)^(y|n|yes|no|on|off)$")
_NUMBER_TRAP = re.compile(r"^[-+]?(0\d+|0[xob][0-9a-f]+|\d[\d_]*(:\d+)+|\d+_[\d_]+)$", re.IGNORECASE)
_INTEGER = re.compile(r"^-?(0|[1-9]\d*)$")
_NUMBER = re.compile(r"^-?(0|[1-9]\d*)(\.\d+)?$")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_NULL = re.compile(r"^(|~|null|Null|NULL)$")


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `did you mean X?` for a word near a known one, else the list of what is known."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(names[:40])
    return f"use one of: {shown}" + (", ..." if len(names) > 40 else "")


@dataclass(frozen=True)
class Node:
    """A value and its place. `raw` is text, a list of nodes or a dict of (key node, value node)."""

    file: str
    line: int
    column: int
    raw: str | list[Node] | dict[str, tuple[Node, Node]]
    plain: bool = False

    def error(self, what: str, remedy: str, rule: str = "") -> AgreementError:
        """Build (not raise) the error that points at this value."""
        return AgreementError(self.file, self.line, self.column, what, remedy, rule)

    # -- scalars ------------------------------------------------------------------------------------

    def text(self) -> str:
        """Return the value as non-empty text; numbers, dates and booleans must be quoted to be text."""
        value = self._scalar("text")
        if self.plain and (value in {"true", "false"} or _NUMBER.match(value) or _NULL.match(value)):
            found = "nothing" if _NULL.match(value) else f"the unquoted value {value}"
            raise self.error(f"found {found} where text is expected", f'write it in quotes: "{value}"')
        if not value.strip():
            raise self.error("found empty text", "say what is meant")
        return value

    def flag(self) -> bool:
        """Return `true` or `false`."""
        value = self._scalar("true or false")
        if not self.plain or value not in {"true", "false"}:
            raise self.error(f"found {value!r} where true or false is expected", "write true or false")
        return value == "true"

    def integer(self, low: int = 0, high: int = 10**9) -> int:
        """Return a whole number between `low` and `high`."""
        value = self._scalar("a whole number")
        if not self.plain or not _INTEGER.match(value) or not low <= int(value) <= high:
            raise self.error(f"found {value!r} where a whole number is expected", f"write one from {low} to {high}")
        return int(value)

    def number(self) -> float:
        """Return a decimal number."""
        value = self._scalar("a number")
        if not self.plain or not _NUMBER.match(value):
            raise self.error(f"found {value!r} where a number is expected", "write a number, unquoted")
        return float(value)

    def day(self) -> date:
        """Return a calendar date written YYYY-MM-DD."""
        value = self._scalar("a date")
        try:
            if _DATE.match(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise self.error(f"found {value!r} where a date is expected", "write a calendar date as YYYY-MM-DD")

    def word(self, known: Iterable[str], kind: str, rule: str = "") -> str:
        """Return one of a closed list of words; the error suggests the nearest."""
        value = self.text()
        names = list(known)
        if value not in names:
            raise self.error(f"unknown {kind} {value!r}", suggest(value, names), rule)
        return value

    def matching(self, pattern: re.Pattern[str], kind: str, remedy: str) -> str:
        """Return text that matches the whole pattern."""
        value = self.text()
        if not pattern.fullmatch(value):
            raise self.error(f"{value!r} is not a usable {kind}", remedy)
        return value

    # -- collections --------------------------------------------------------------------------------

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
        values: list[str] = []
        for node in self.items(empty=empty):
            value = node.text()
            if value in values:
                raise node.error(f"{value!r} is listed twice", "list it once")
            values.append(value)
        return tuple(values)

    def entries(self) -> Iterator[tuple[str, Node, Node]]:
        """Yield (key, key node, value node) of a mapping in file order."""
        if not isinstance(self.raw, dict):
            raise self.error(f"found {self._shape()} where 'key: value' lines are expected", "write key: value")
        for key, (key_node, value) in self.raw.items():
            yield key, key_node, value

    def keys_of(self, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Node]:
        """Return the values by key; an unknown or a missing key is an error."""
        needed = list(required)
        allowed = [*needed, *optional]
        found: dict[str, Node] = {}
        for key, key_node, value in self.entries():
            if key not in allowed:
                raise key_node.error(f"unknown key {key!r}", suggest(key, allowed), "FLD-012")
            found[key] = value
        missing = [key for key in needed if key not in found]
        if missing:
            raise self.error(f"{', '.join(missing)} missing", f"add {missing[0]}: ... here")
        return found

    def plain_value(self) -> Any:
        """Return the whole subtree as JSON values (the basis of the canonical form that is signed)."""
        if isinstance(self.raw, dict):
            return {key: value.plain_value() for key, (_, value) in self.raw.items()}
        if isinstance(self.raw, list):
            return [node.plain_value() for node in self.raw]
        if self.plain and self.raw in {"true", "false"}:
            return self.raw == "true"
        if self.plain and _NUMBER.match(self.raw):
            return int(self.raw) if _INTEGER.match(self.raw) else float(self.raw)
        return self.raw

    def _scalar(self, expected: str) -> str:
        if not isinstance(self.raw, str):
            raise self.error(f"found {self._shape()} where {expected} is expected", f"write {expected}")
        return self.raw

    def _shape(self) -> str:
        if isinstance(self.raw, dict):
            return "a mapping"
        return "a list" if isinstance(self.raw, list) else "a single value"


def read_yaml(file: Path) -> Node:
    """Read one strict YAML document. Raises AgreementError with the place of whatever is wrong."""
    return parse_yaml(file, read_text(file))


def parse_yaml(file: Path, text: str) -> Node:
    """Read one strict YAML document from the text of `file`. Raises AgreementError like `read_yaml`."""
    for number, words in enumerate(text.splitlines(), 1):
        if "\t" in words:
            raise AgreementError(file, number, words.index("\t") + 1, "found a tab character", "indent with spaces")
    try:
        documents = list(YAML(typ="rt", pure=True).compose_all(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        what = str(error.problem or "the text is not YAML").splitlines()[0]
        raise AgreementError(file, line, column, what, "mend the YAML at this place") from None
    except (YAMLError, ValueError, RecursionError):
        raise AgreementError(file, 1, 1, "the text is not YAML", "start from a file that loads and edit it") from None
    if len(documents) != 1 or documents[0] is None:
        raise AgreementError(file, 1, 1, f"found {len(documents)} YAML documents", "keep exactly one in a file")
    return _Tree(str(file), text).node(documents[0])


def read_text(file: Path) -> str:
    """Return a file's text. Raises AgreementError when it cannot be read, is too big or is not UTF-8."""
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise AgreementError(
                file, 1, 1, f"the file is {size:,} bytes, more than {MAX_BYTES:,}", "split the agreement"
            )
        data = file.read_bytes()
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise AgreementError(file, 1, 1, f"the file cannot be read ({reason})", "check its path and rights") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise AgreementError(file, line, column, "a byte here is not UTF-8", "save the file as UTF-8") from None


class _Tree:
    """Turns ruamel's nodes into ours, refusing what an agreement must not contain."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.splitlines()

    def node(self, node: Any, depth: int = 0) -> Node:
        line, column = node.start_mark.line, node.start_mark.column
        here = Node(self.file, line + 1, column + 1, "")
        first = self.lines[line][column : column + 1] if line < len(self.lines) else ""
        if first in {"&", "*"} or getattr(node, "anchor", None):
            raise here.error("anchors and aliases are not allowed", "write the text out where it applies")
        if first == "!":
            raise here.error("YAML tags are not allowed", "write a plain or quoted value")
        if depth > MAX_DEPTH:
            raise here.error(f"nested deeper than {MAX_DEPTH} levels", "agreements need fewer levels")
        if isinstance(node, ScalarNode):
            return _scalar_node(here, node)
        if isinstance(node, SequenceNode):
            return Node(self.file, here.line, here.column, [self.node(n, depth + 1) for n in node.value])
        if isinstance(node, MappingNode):
            return Node(self.file, here.line, here.column, self._pairs(node, depth))
        raise here.error("found something that is no text, list or mapping", "write one of these")

    def _word_on(self, node: ScalarNode) -> Node:
        """Return the key `on`, which is a word of the language, though YAML 1.1 reads it as true."""
        return Node(self.file, node.start_mark.line + 1, node.start_mark.column + 1, "on", True)

    def _pairs(self, node: MappingNode, depth: int) -> dict[str, tuple[Node, Node]]:
        pairs: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            word_on = isinstance(key, ScalarNode) and key.style is None and key.value == "on"
            key_node = self._word_on(key) if word_on else self.node(key, depth + 1)
            word = key_node.raw
            if not isinstance(word, str) or not word:
                raise key_node.error("a key must be a word", "write key: value")
            if word == "<<":
                raise key_node.error("merge keys are not allowed", "write the text out where it applies")
            if word in pairs:
                first = pairs[word][0].line
                what = f"key {word!r} stands twice (first on line {first})"
                raise key_node.error(what, "keep one of them", "FLD-012")
            pairs[word] = (key_node, self.node(value, depth + 1))
        return pairs


def _scalar_node(here: Node, node: ScalarNode) -> Node:
    value = str(node.value)
    plain = node.style is None
    if plain and _BOOLEAN_TRAP.match(value):
        what = f"unquoted {value!r} means true or false to some readers and text to others"
        raise here.error(what, f'write "{value}" in quotes, or true or false', "FLD-012")
    if plain and _NUMBER_TRAP.match(value):
        what = f"unquoted {value!r} is not the same number to every reader"
        remedy = f'write "{value}" in quotes, or the number without leading zeros, colons or underscores'
        raise here.error(what, remedy, "FLD-012")
    return Node(here.file, here.line, here.column, value, plain)
