"""The JSON Schema (draft 2020-12) of the agreement language, built from the vocabulary, with which editors complete it.

The schema says of one file what its form can say: keys, words of closed lists, elements of exceptions, uses and
treatments of classes. Dates in order, a name that must stand elsewhere too, and other agreements are for the loader and
lint. The definitions of sources are in `schema_sources`, those of the other parts in `schema_parts`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.schema_parts import parts
from mou_policies.schema_sources import source_parts
from mou_policies.schema_words import AGREEMENT_ID, Schema, cited, mapping, ref, several, words

FILE = "agreement.schema.json"
SHIPPED = Path(__file__).parent / FILE
DEFAULT_KIND = "dsa"


@lru_cache(maxsize=1)
def build() -> Schema:
    """Return the schema as plain JSON values."""
    kinds = vocabulary.kinds()
    values = {
        "agreement": AGREEMENT_ID,
        "kind": words({kind.name: cited(kind.title, kind.cite, kind.mark) for kind in kinds.values()}),
        "title": ref("text"),
        "under": several(AGREEMENT_ID),
        "amends": ref("amends"),
        "parties": {"type": "object"},
        "signatories": {"type": "object"},
        "term": ref("term"),
        "authority": {"type": "array", "items": ref("exception"), "minItems": 1},
        "purposes": ref("purposes"),
        "destruction": ref("destruction"),
        "redisclosure": ref("redisclosure"),
        "terms": {"type": "object", "additionalProperties": ref("text")},
        "permits": ref("permits"),
        "prohibits": several(ref("prohibition")),
        "limits": several(ref("limit")),
        "sources": ref("sources"),
        "fields": ref("licensed"),
        "release": ref("release"),
        "accepts": several(ref("acceptance")),
        "expect": several(ref("expectation")),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Agreement",
        "description": "What an agency shares with the data hub, under which law, and what happens to every field.",
        **mapping("agreement", values, values),
        "allOf": [_of_kind(kind, values) for kind in kinds.values()],
        "$defs": {**parts(), **source_parts()},
    }


def text() -> str:
    """Return the schema as it is published: indented JSON with a line end."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def _of_kind(kind: vocabulary.Kind, values: Schema) -> Schema:
    """Return what holds of one kind: its keys, its parties and signers, the clauses of its terms."""
    condition: Schema = {"properties": {"kind": {"const": kind.name}}}
    if kind.name != DEFAULT_KIND:
        condition["required"] = ["kind"]
    foreign = [name for name in values if name not in {*kind.required, *kind.optional}]
    clauses = {n: {**ref("text"), "description": cited(c.asks, c.cite, c.mark)} for n, c in kind.clauses.items()}
    then: Schema = {
        "properties": {
            "parties": _parties(kind),
            "signatories": _signatories(kind),
            "terms": {"properties": clauses},
            **dict.fromkeys(foreign, False),
        },
        "required": list(kind.required),
    }
    return {"if": condition, "then": then}


def _parties(kind: vocabulary.Kind) -> Schema:
    members = {"type": "array", "items": ref("party"), "minItems": 1}
    known = {name: members if name == "members" else ref("party") for name in kind.parties}
    return {"properties": known, "required": list(known), "additionalProperties": False}


def _signatories(kind: vocabulary.Kind) -> Schema:
    offices = {name: several(ref("text")) for name in kind.parties}
    return {"properties": offices, "additionalProperties": False}
