"""From the tree of an agreement to YAML that people read: the inverse of `nodes.parse_yaml`.

What is written parses to the same canonical form. Text is quoted wherever a reader of YAML could take it for anything
else; a field stands on one line, its class, use and treatment under those of the field above. Comments are not kept:
they are no part of an agreement. Which keys an agreement has is of no interest here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from mou_policies.values import Node

WIDTH = 112
LONGEST_KEY = 1000
"""YAML reads a key only if its colon stands within 1,024 characters (YAML 1.2, 7.4)."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TAKEN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_COLUMNS = ("class", "use", "treatment", "as")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def emit(root: Node) -> str:
    """Return the YAML of a tree. Raises AgreementError for a key that YAML cannot hold (over 1,000 characters)."""
    if not isinstance(root.raw, dict) or not root.raw:
        return "\n".join(_lines(root, 0)) + "\n"
    blocks = ["\n".join(_entry(key, value, 0)) for key, value in _pairs(root)]
    text = blocks[0]
    for before, block in pairwise(blocks):
        text += "\n\n" if "\n" in block or "\n" in before else "\n"
        text += block
    return text + "\n"


def is_typed(node: Node) -> bool:
    """Whether a scalar, unquoted as it stands, is no text: true, false, a number or nothing at all."""
    return node.plain and (node.raw in _NOTHING or not isinstance(node.plain_value(), str))


def quoted(text: str) -> str:
    """Return text in double quotes; what cannot be printed is written as an escape."""
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escape(c)) for c in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _word(text: str) -> str:
    plain = _DAY.fullmatch(text) or (_WORD.fullmatch(text) and text.lower() not in _TAKEN)
    return text if plain else quoted(text)


def _scalar(node: Node) -> str:
    text = str(node.raw)
    return text if is_typed(node) else _word(text)


def _pairs(node: Node) -> Iterator[tuple[str, Node]]:
    for name, key, value in node.entries():
        if len(name) > LONGEST_KEY:
            raise key.error(f"a key of {len(name):,} characters", f"shorten it to {LONGEST_KEY:,} at most")
        yield _key(name), value


def _key(name: str) -> str:
    if name == "on":
        return name
    return _word(name) if not _DAY.fullmatch(name) else quoted(name)


def _inline(node: Node) -> str | None:
    """Return a node on one line in flow style, or None where YAML has no such form (an unquoted nothing in it)."""
    if isinstance(node.raw, str):
        return _scalar(node)
    if isinstance(node.raw, list):
        items = [_inline(item) for item in node.raw]
        return None if not all(items) else "[" + ", ".join(str(item) for item in items) + "]"
    parts = [(key, _inline(value)) for key, value in _pairs(node)]
    return None if not all(text for _, text in parts) else _braced(f"{key}: {text}" for key, text in parts)


def _braced(parts: Iterable[str]) -> str:
    return "{" + ", ".join(parts) + "}"


def _height(node: Node) -> int:
    if isinstance(node.raw, str):
        return 0
    below = node.raw if isinstance(node.raw, list) else node.raw.values()
    return 1 + max(map(_height, below), default=0)


def _fits(node: Node, left: int, height: int) -> str | None:
    """Return a node's one line where it is no higher than `height` and there is room beside `left` characters."""
    if _height(node) > height:
        return None
    text = _inline(node)
    return text if text is not None and (_height(node) == 0 or left + len(text) <= WIDTH) else None


def _entry(key: str, value: Node, indent: int) -> list[str]:
    text = _fits(value, indent + len(key) + 2, 1)
    if text is not None:
        return [f"{key}: {text}".rstrip(" ")]
    return [f"{key}:", *("  " + line for line in _lines(value, indent + 2))]


def _lines(node: Node, indent: int) -> list[str]:
    """Return the lines of a node in block style, without the indentation it stands at."""
    if isinstance(node.raw, str) or not node.raw:
        return [_inline(node) or ""]
    if isinstance(node.raw, dict):
        if _is_listing(node.raw):
            return _listing(node)
        return [line for key, value in _pairs(node) for line in _entry(key, value, indent)]
    lines = []
    for item in node.raw:
        text = _fits(item, indent + 2, 2)
        first, *rest = [text] if text is not None else _lines(item, indent + 2)
        lines += [f"- {first}".rstrip(" "), *("  " + line for line in rest)]
    return lines


def _is_listing(raw: Mapping[str, Node]) -> bool:
    """Whether every value is the line of a field (a class and a use), or a list of such lines."""
    uses = [use for value in raw.values() for use in (value.raw if isinstance(value.raw, list) else [value])]
    fields = all(isinstance(use.raw, dict) and {"class", "use"} <= set(use.raw) and _inline(use) for use in uses)
    return fields and all(value.raw for value in raw.values())


def _listing(node: Node) -> list[str]:
    """Return the lines of a table of fields, set in columns."""
    rows: list[tuple[str, dict[str, str]]] = []
    for key, value in _pairs(node):
        if isinstance(value.raw, list):
            rows.append((f"{key}:", {}))
        for left, use in [("  -", u) for u in value.raw] if isinstance(value.raw, list) else [(f"{key}:", value)]:
            rows.append((left, {k: f"{k}: {_inline(v)}" for k, v in _pairs(use)}))
    edge = max(len(left) for left, _ in rows)
    widths = {name: max(len(cells.get(name, "")) for _, cells in rows) for name in _COLUMNS}
    return [f"{left:<{edge}} {_columns(cells, widths)}" if cells else left for left, cells in rows]


def _columns(cells: Mapping[str, str], widths: Mapping[str, int]) -> str:
    """Return the braces of one field, padded so that its columns stand under those of the other fields."""
    rest = [text for name, text in cells.items() if name not in _COLUMNS]
    last = next((name for name in reversed(_COLUMNS) if name in cells), "")
    line = ""
    for name, width in widths.items():
        comma = "," if name in cells and (rest or name != last) else ""
        line += f"{cells.get(name, '')}{comma}".ljust(width + 2) if width and (rest or name in cells) else ""
    return "{" + (line + ", ".join(rest)).rstrip(" ") + "}"
