"""Small pieces that every part of the schema is made of: words, lists, mappings with their descriptions.

Nothing here knows a part of the language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mou_policies import vocabulary

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "pattern": r"^(?!TODO)[\s\S]*\S"}
"""Text that says something: a placeholder of a draft does not."""

FLAG: Schema = {"type": "boolean"}
DAY: Schema = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
AGREEMENT_ID: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9-]{2,60}$"}
FIELD: Schema = {"type": "string", "pattern": r"^[a-z*][a-z0-9_*]*\.[^.]+\..+$"}


def ref(name: str) -> Schema:
    """Return a reference to a definition of the schema."""
    return {"$ref": f"#/$defs/{name}"}


def cited(says: str, cite: str, mark: str) -> str:
    """Return a description that ends with its citation and mark."""
    return f"{says} ({cite} [{mark}])"


def words(known: Mapping[str, str]) -> Schema:
    """Return the schema of a closed list of words, each with what it means."""
    return {"anyOf": [{"const": word, "description": means} for word, means in known.items()]}


def plain(known: Iterable[str]) -> Schema:
    """Return the schema of a closed list of words that explain themselves."""
    return {"enum": list(known)}


def several(item: Schema, *, empty: bool = False) -> Schema:
    """Return the schema of a list without repetition, not empty unless `empty`."""
    return {"type": "array", "items": item, "uniqueItems": True, **({} if empty else {"minItems": 1})}


def number(low: int, high: int) -> Schema:
    """Return the schema of a whole number between two bounds."""
    return {"type": "integer", "minimum": low, "maximum": high}


def mapping(part: str, values: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """Return the schema of a part of the language: its keys with their descriptions, and no others.

    `values` are the schemas of the keys; every key not `optional` is required. Raises KeyError for a key that
    `vocabulary/keys.yaml` does not describe.
    """
    known = vocabulary.keys()[part]
    spare = set(optional)
    return {
        "type": "object",
        "properties": {name: {**value, "description": str(known[name])} for name, value in values.items()},
        "required": [name for name in values if name not in spare],
        "additionalProperties": False,
    }


def where(key: str, values: Iterable[str], then: Schema) -> Schema:
    """Return a condition: where `key` is there and is one of `values`, `then` holds."""
    condition = {"properties": {key: {"enum": list(values)}}, "required": [key]}
    return {"if": condition, "then": then}
