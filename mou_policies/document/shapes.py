"""Any part of an agreement as pieces of a page: values, lists, pairs of label and value, tables.

Nothing here knows what a section is about; it only has the words of `words` for the keys it meets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mou_policies.document import words
from mou_policies.document.blocks import (
    Block,
    Cell,
    Content,
    Gloss,
    Grid,
    Line,
    Listing,
    Name,
    Pairs,
    Paragraph,
    Piece,
    Plain,
)
from mou_policies.document.part import Part
from mou_policies.document.sources import Sources
from mou_policies.document.values import Value

CODES = frozenset(
    {"agency", "class", "exception", "field", "fields", "key", "record", "rule", "standard", "under", "use", "with"}
)
"""Keys whose values are words of the language or of a file rather than sentences."""


def labelled(key: str) -> Content:
    """Return what a key is called, or the key as it is written."""
    known = words.label(key)
    return [Plain(known)] if known else [Name(key)]


def content(part: Part, key: str, sources: Sources) -> Content:
    """Return all of a part: a value with what it means, a list of values in one line, or a list or pairs of parts."""
    if key == "treatment":
        return _treatment(part, sources)
    value = part.value
    if value is not None:
        return _explained(value, key, sources)
    items = part.items
    if not items:
        return [pairs(part, sources)]
    if all(item.value is not None for item in items):
        return _joined([_explained(item.value, key, sources) for item in items if item.value is not None])
    grid = rows_of(items, key, sources)
    return [grid or Listing([content(item, key, sources) for item in items])]


def pairs(part: Part, sources: Sources) -> Pairs:
    """Return what is left of a mapping as label and content, in file order."""
    return Pairs([(labelled(key), content(below, key, sources)) for key, below in part.rest()])


def block(part: Part, key: str, sources: Sources) -> Block:
    """Return all of a part as one block."""
    if part.is_table:
        return pairs(part, sources)
    found = content(part, key, sources)
    only = found[0] if len(found) == 1 else None
    return only if isinstance(only, Grid | Listing | Pairs) else Paragraph(found)


def rows_of(items: Sequence[Part], key: str, sources: Sources) -> Grid | None:
    """Return a list of mappings as a table with the columns that words.yaml gives to `key`, if it gives any."""
    wanted = words.columns(key)
    if not wanted or not all(item.is_table for item in items):
        return None
    used = [column for column in wanted if any(item.has(name) for item in items for name in column["keys"])]
    if not used:
        return None
    groups = [[[_cell(item, column["keys"], column is used[0], sources) for column in used]] for item in items]
    for item, (row,) in zip(items, groups, strict=True):
        left = item.rest()
        row[-1] = replace(row[-1], content=[*row[-1].content, *_lines(left, bool(row[-1].content), sources)])
    return Grid("", [column["title"] for column in used], groups, look=key)


def _cell(item: Part, keys: Sequence[str], heads: bool, sources: Sources) -> Cell:
    """Return the cell of a column: its first key without a label, the others each on a line with theirs."""
    found = [(key, part) for key in keys if (part := item.take(key)) is not None]
    first = found[:1] if found and found[0][0] == keys[0] else []
    shown = [*content(first[0][1], keys[0], sources)] if first else []
    return Cell([*shown, *_lines(found[len(first) :], bool(shown), sources)], heads=heads)


def _lines(found: Sequence[tuple[str, Part]], begun: bool, sources: Sources) -> Content:
    shown: list[Piece] = []
    for key, part in found:
        shown += [Line()] if begun or shown else []
        shown += [*labelled(key), Plain(": "), *content(part, key, sources)]
    return shown


def coded(found: Content) -> Content:
    """Return pieces with their values set as words of the language."""
    return [replace(piece, code=True) if isinstance(piece, Value) else piece for piece in found]


def _treatment(part: Part, sources: Sources) -> Content:
    """Return a treatment: what it does, in words, and its settings."""
    says = words.treatment(part)
    if not says:
        return coded(content(part, "", sources))
    shown: list[Piece] = [Gloss(says), Line()]
    if part.value is not None:
        return [*shown, *coded([part.value])]
    for key, setting in part.rest():
        shown += [] if isinstance(shown[-1], Line) else [Plain("; ")]
        shown += [Name(key), Plain(": "), *coded(content(setting, "", sources))]
    return shown


def _explained(value: Value, key: str, sources: Sources) -> Content:
    if key == "cite" and value.text.strip():
        return [value, sources.stated(value.text)]
    means = words.meaning(key, value.text)
    return [_styled(value, key), Gloss(f" – {means}")] if means else [_styled(value, key)]


def _styled(value: Value, key: str) -> Value:
    return replace(value, code=True) if key in CODES else value


def _joined(found: Sequence[Content]) -> Content:
    shown: list[Piece] = []
    joint = Plain(", ") if all(len(pieces) == 1 for pieces in found) else Line()
    for place, pieces in enumerate(found):
        shown += [joint, *pieces] if place else pieces
    return shown
