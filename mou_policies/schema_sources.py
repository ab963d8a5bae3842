"""The schema of an agreement's sources: files, tables, exclusions, fields with their uses and treatments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mou_policies import vocabulary
from mou_policies.fields import DATE_FORMATS, RESERVED
from mou_policies.schema_words import FLAG, Schema, cited, mapping, number, plain, ref, several, where, words
from mou_policies.sources import DELIVERIES, KINDS

GLOB: Schema = {"type": "string", "pattern": r"^(?!TODO|.*\.\.)[^/\\]+(/[^/\\]+)*$"}
COLUMN: Schema = {"type": "string", "pattern": f"^(?!({'|'.join(sorted(RESERVED))})$)[a-z][a-z0-9_]{{0,62}}$"}
SOURCE_NAME = "^(?!.*__)[a-z][a-z0-9_]{0,39}$"

_PROTECTS = [cls.name for cls in vocabulary.field_classes().values() if cls.protects]


def source_parts() -> dict[str, Schema]:
    """Return the definitions by name."""
    return {
        "sources": {
            "type": "object",
            "propertyNames": {"pattern": SOURCE_NAME},
            "additionalProperties": ref("source"),
            "minProperties": 1,
        },
        "source": _source(),
        "options": _options(),
        "table": _table(),
        "exclusion": _exclusion(),
        "field": _field(),
        "grant": _grant(),
        "class": words({c.name: cited(c.means, c.cite, c.mark) for c in vocabulary.field_classes().values()}),
        **{f"treatment.{name}": _treatment(rule) for name, rule in vocabulary.treatments().items()},
    }


def _source() -> Schema:
    values = {
        "title": ref("text"),
        "standard": words({s.name: s.title for s in vocabulary.standards().values()}),
        "files": several(GLOB),
        "delivery": plain(DELIVERIES),
        "kind": plain(KINDS),
        "records_of": {"type": "string", "pattern": SOURCE_NAME},
        "one_record_a_child": FLAG,
        "expects_days": number(1, 3660),
        "options": ref("options"),
        "population": ref("text"),
        "transfer": ref("text"),
        "tables": {"type": "object", "additionalProperties": ref("table"), "minProperties": 1},
    }
    required = {"title", "standard", "delivery", "tables"}
    own = [name for name, rule in vocabulary.standards().items() if rule.own_tables]
    layouts = [found for name in vocabulary.standards() if (found := vocabulary.layout_of(name)) is not None]
    return {
        **mapping("source", values, [name for name in values if name not in required]),
        "allOf": [where("standard", own, _own_files()), *(_laid_out(layout) for layout in layouts)],
    }


def _own_files() -> Schema:
    """Return that each table names its files, or the source does for its only table."""
    each = {"properties": {"tables": {"additionalProperties": {"required": ["files"]}}}}
    return {"anyOf": [each, {"required": ["files"], "properties": {"tables": {"maxProperties": 1}}}]}


def _laid_out(layout: vocabulary.Layout) -> Schema:
    """Return that the files are the source's, the tables those of the standard with their fields to choose from."""
    tables: dict[str, Schema] = {}
    for name, table in layout.tables.items():
        fields = {f.name: {"description": f"{f.means}: class {f.cls}"} for f in table.fields.values()}
        properties = {"files": False, "fields": {"properties": fields}}
        tables[name] = {"description": table.means, **ref("table"), "properties": properties}
    named = {"tables": {"properties": tables, "additionalProperties": False}}
    return where("standard", [layout.standard], {"properties": named, "required": ["files"]})


def _options() -> Schema:
    one = {"type": "string", "minLength": 1, "maxLength": 1}
    values = {
        "delimiter": one,
        "encoding": ref("text"),
        "quote": one,
        "date_format": plain(DATE_FORMATS),
        "nulls": several(ref("text")),
        "skip_lines": number(0, 1000),
    }
    return mapping("option", values, values)


def _table() -> Schema:
    values = {
        "means": ref("text"),
        "files": several(GLOB),
        "key": several(ref("text")),
        "record": ref("text"),
        "optional": FLAG,
        "excludes": several(ref("exclusion")),
        "fields": {"type": "object", "additionalProperties": ref("field"), "minProperties": 1},
    }
    flag = {"type": "object", "properties": {"class": {"enum": _PROTECTS}}, "required": ["class"]}
    flagged = {"anyOf": [flag, {"type": "array", "contains": flag}]}
    unflagged = {"properties": {"fields": {"additionalProperties": {"not": flagged}}}}
    optional = [name for name in values if name != "fields"]
    return {**mapping("table", values, optional), "if": unflagged, "else": {"required": ["excludes"]}}


def _exclusion() -> Schema:
    values = {
        "name": ref("text"),
        "field": ref("text"),
        "class": ref("class"),
        "equals": several(ref("text")),
        "safe": several(ref("text")),
        "cascade": FLAG,
        "because": ref("text"),
        "cite": ref("text"),
    }
    schema = mapping("exclusion", values, ["class", "safe", "cascade"])
    return {**schema, "allOf": [where("class", _PROTECTS, {"required": ["safe"]})]}


def _field() -> Schema:
    """Return the schema of a field's entry: one grant or denial, or a list of grants."""
    granted = {"properties": {"use": {"not": {"const": "none"}}}}
    listed = {"items": ref("grant"), "minItems": 1, "if": {"minItems": 2}, "then": {"items": granted}}
    return {"if": {"type": "array"}, "then": listed, "else": ref("grant")}


def _grant() -> Schema:
    values = {
        "class": ref("class"),
        "use": words({use.name: use.means for use in vocabulary.uses().values()}),
        "treatment": {"anyOf": [ref(f"treatment.{name}") for name in vocabulary.treatments()]},
        "as": COLUMN,
        "required": FLAG,
        "format": plain(DATE_FORMATS),
        "reason": ref("text"),
        "for": several(ref("purpose")),
        "under": several(plain(vocabulary.exceptions())),
    }
    schema = mapping("field", values, [name for name in values if name not in {"class", "use", "reason"}])
    return {**schema, "allOf": [*_by_use(), *_by_class()]}


def _by_use() -> list[Schema]:
    linked = {"treatment": {"enum": ["tokenise", "record"]}, "as": False}
    kept = [use.name for use in vocabulary.uses().values() if use.stores]
    return [
        where("use", ["none"], {"properties": {"treatment": {"const": "drop"}, "as": False}}),
        where("use", ["link"], {"properties": linked, "required": ["treatment"]}),
        where("use", kept, {"required": ["treatment"]}),
    ]


def _by_class() -> list[Schema]:
    """Return the widest uses of each class, and the treatments with which it is kept; like classes stand together."""
    uses: dict[tuple[str, ...], list[str]] = defaultdict(list)
    treatments: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for cls in vocabulary.field_classes().values():
        uses[cls.uses].append(cls.name)
        if cls.treatments:
            treatments[cls.treatments].append(cls.name)
    found = [where("class", names, {"properties": {"use": {"enum": [*u, "none"]}}}) for u, names in uses.items()]
    found += [where("class", names, _kept_with(tokens)) for tokens, names in treatments.items()]
    linked = where("use", ["link"], {"properties": {"treatment": {"const": "tokenise"}}})
    record = where("use", ["link"], {"properties": {"treatment": {"const": "record"}}})
    is_record = {"properties": {"class": {"const": "id.record"}}, "required": ["class"]}
    return [*found, {"if": is_record, "then": record, "else": linked}]


def _kept_with(tokens: Iterable[str]) -> Schema:
    fitting = {"anyOf": [ref(f"treatment.{token}") for token in tokens]}
    return where("use", ["content", "publish"], {"properties": {"treatment": fitting}})


def _treatment(rule: vocabulary.TreatmentRule) -> Schema:
    """Return the schema of one treatment, in each form in which an agreement may write it."""
    kind, _, unit = rule.name.partition(".")
    forms: list[Schema] = [] if rule.takes == "mapping" else [{"const": kind}]
    if rule.takes != "word":
        also = {"recode": {"else": ref("text")}, "date.age_band": {"bands": _bounds(number(0, 120))}}
        value = {"const": unit} if unit else _SETTINGS[kind]
        extra = also.get(rule.name, {})
        whole = {"type": "object", "properties": {kind: value, **extra}, "required": [kind]}
        forms.append({**whole, "additionalProperties": False})
    return {"description": rule.means, **(forms[0] if len(forms) == 1 else {"anyOf": forms})}


def _bounds(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1, "uniqueItems": True}


_SETTINGS: dict[str, Schema] = {
    "top_code": {"type": "number"},
    "band": _bounds({"type": "number"}),
    "recode": {"type": "object", "additionalProperties": ref("text"), "minProperties": 1},
    "record": ref("text"),
}
