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

    A clause is a top-level key (``term``), the head of a source or table (``sources.birth``), or one field
    (``sources.birth.tables.births.fields.IDOB``).
    """
    digests: dict[str, str] = {}
    lines: dict[str, int] = {}
    for path, line, value in _walk(root):
        digests[path] = sha256(value)
        lines[path] = line
    return digests, lines


def digest_of(clause_digests: Mapping[str, str]) -> str:
    """Return the digest of a whole agreement: that of its clause digests."""
    return sha256(dict(clause_digests))


def _walk(root: Node) -> Iterator[tuple[str, int, Any]]:
    for key, key_node, value in root.entries():
        if key != "sources" or not value.is_table:
            yield key, key_node.line, value.plain_value()
            continue
        for source, source_key, body in value.entries():
            yield from _nested(f"sources.{source}", source_key.line, body, ["tables", "fields"])


def _nested(path: str, line: int, node: Node, levels: list[str]) -> Iterator[tuple[str, int, Any]]:
    """Yield the head of a level (all but its own listing), then each entry of the listing."""
    listing = levels[0] if levels else None
    if not node.is_table or listing is None:
        yield path, line, node.plain_value()
        return
    head = {key: value.plain_value() for key, _, value in node.entries() if key != listing}
    yield path, line, head
    for key, _, value in node.entries():
        if key == listing and value.is_table:
            for name, name_key, body in value.entries():
                yield from _nested(f"{path}.{listing}.{name}", name_key.line, body, levels[1:])
        elif key == listing:
            yield f"{path}.{listing}", value.line, value.plain_value()
