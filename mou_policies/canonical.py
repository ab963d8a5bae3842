"""The canonical form of an agreement: what a signature covers, clause by clause.

Meaning counts, layout does not: comments, order of keys and line breaks may change, nothing else. Every
clause has its own SHA-256, so that a change after signing can be named. Who signed is in `signing`, not here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mou_policies.values import Node

_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> bytes:
    """Return JSON with sorted keys and no spaces, in UTF-8: the same bytes for the same value."""
    return _JSON.encode(value).encode()


def sha256(value: Any) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def clauses(root: Node) -> tuple[dict[str, str], dict[str, int]]:
    """Return the digest and the line of every clause of an agreement, by clause path.

    A clause is a top-level key (``term``), an entry of a provision (``prohibits[2]``, ``permits.publish``), the head of
    a source or table (``sources.birth``), or one field (``sources.birth.tables.births.fields.IDOB``, or of a licence
    ``fields.birth.births.IDOB``). There are lines of the provisions as a whole too. Raises AgreementError where two
    clauses would have one path, so that no word is left out of what is signed.
    """
    digests: dict[str, str] = {}
    lines = {key: key_node.line for key, key_node, _ in root.entries() if key in _DEPTHS}
    for path, place, value in _walk(root):
        if path in digests:
            raise place.error(f"the clause {path} stands twice", "give one of the two another name")
        digests[path] = sha256(value)
        lines[path] = place.line
    return digests, lines


def digest_of(clause_digests: Mapping[str, str]) -> str:
    """Return the digest of a whole agreement: that of its clause digests."""
    return sha256(dict(clause_digests))


_DEPTHS = {
    "permits": 1,
    "prohibits": 1,
    "limits": 1,
    "accepts": 1,
    "expect": 1,
    "release": 1,
    "signatories": 1,
    "fields": 3,
}
"""How deep the provisions lie whose every entry is a clause."""


def _walk(root: Node) -> Iterator[tuple[str, Node, Any]]:
    """Yield (path, where it stands, plain value) of every clause."""
    for key, key_node, value in root.entries():
        if key == "sources" and value.is_table:
            for source, source_key, body in value.entries():
                yield from _nested(f"sources.{source}", source_key, body, ["tables", "fields"])
        else:
            yield from _entries(key, key_node, value, _DEPTHS.get(key, 0))


def _entries(
    path: str, place: Node, node: Node, depth: int, names: tuple[str, ...] = ()
) -> Iterator[tuple[str, Node, Any]]:
    """Yield each entry of a provision, `depth` levels down; a shallower value is a clause by itself.

    Below several names the value holds them too: in a path alone, a.b and c could not be told from a and b.c.
    """
    if depth and node.is_table:
        for name, key, value in node.entries():
            yield from _entries(f"{path}.{name}", key, value, depth - 1, (*names, name))
    elif depth and node.is_list:
        for number, item in enumerate(node.items(empty=True), 1):
            yield f"{path}[{number}]", item, item.plain_value()
    else:
        value = node.plain_value()
        yield path, place, [*names, value] if len(names) > 1 else value


def _nested(path: str, place: Node, node: Node, levels: list[str]) -> Iterator[tuple[str, Node, Any]]:
    """Yield the head of a level (all but its own listing), then each entry of the listing."""
    listing = levels[0] if levels else None
    if not node.is_table or listing is None:
        yield path, place, node.plain_value()
        return
    head = {key: value.plain_value() for key, _, value in node.entries() if key != listing}
    yield path, place, head
    for key, _, value in node.entries():
        if key == listing and value.is_table:
            for name, name_key, body in value.entries():
                yield from _nested(f"{path}.{listing}.{name}", name_key, body, levels[1:])
        elif key == listing:
            yield f"{path}.{listing}", value, value.plain_value()
