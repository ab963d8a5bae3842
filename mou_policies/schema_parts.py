"""The schema of what an agreement says beside its sources: parties, authority, purposes, provisions, release."""

from __future__ import annotations

from mou_policies import vocabulary
from mou_policies.provisions import BY_AGREEMENT, BY_LICENCE
from mou_policies.reading import ANSWERS, GRANTED
from mou_policies.reading_release import EARLIER, LEVELS, MOST_SUPPRESSED, PRIVATE, SWITCH
from mou_policies.schema_words import (
    DAY,
    FIELD,
    FLAG,
    TEXT,
    Schema,
    cited,
    mapping,
    number,
    plain,
    ref,
    several,
    where,
    words,
)

PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}
ABOVE_ZERO: Schema = {"type": "number", "exclusiveMinimum": 0}
AMOUNT_KEYS = ("dominant", "share", "prior")

KEPT = tuple(use.name for use in vocabulary.uses().values() if use.stores)


def parts() -> dict[str, Schema]:
    """Return the definitions by name."""
    return {
        "text": TEXT,
        "party": _party(),
        "amends": mapping("amends", {"agreement": TEXT, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}),
        "term": mapping("term", {"from": DAY, "to": DAY}),
        "exception": _exception(),
        "purposes": _purposes(),
        "destruction": _destruction(),
        "redisclosure": mapping("redisclosure", {"allowed": FLAG, "text": ref("text")}),
        "purpose": words({p.name: cited(p.means, p.cite, p.mark) for p in vocabulary.purposes().values()}),
        "class-pattern": _class_pattern(),
        "permits": _permits(),
        "prohibition": _prohibition(),
        "limit": _limit(),
        "licensed": _licensed(),
        "release": _release(),
        "acceptance": _acceptance(),
        "expectation": _expectation(),
    }


def _party() -> Schema:
    agency = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"}
    return mapping("party", {"agency": agency, **dict.fromkeys(("name", "represented_by", "contact"), ref("text"))})


def _exception() -> Schema:
    rules = vocabulary.exceptions()
    values = {
        "exception": words({rule.name: cited(rule.title, rule.cite, rule.mark) for rule in rules.values()}),
        "cite": ref("text"),
        "elements": {"type": "object"},
        "population": words({p.name: cited(p.means, p.cite, p.mark) for p in vocabulary.populations().values()}),
    }
    return {
        **mapping("authority", values, ["population"]),
        "allOf": [where("exception", [name], _elements(rule)) for name, rule in rules.items()],
    }


def _elements(rule: vocabulary.ExceptionRule) -> Schema:
    asked = {n: {**ref("text"), "description": cited(e.asks, e.cite, e.mark)} for n, e in rule.elements.items()}
    elements = {"properties": asked, "required": list(asked), "additionalProperties": False}
    if rule.population is None:
        return {"properties": {"elements": elements}}
    return {"properties": {"elements": elements, "population": {"const": rule.population}}, "required": ["population"]}


def _purposes() -> Schema:
    known = vocabulary.purposes().values()
    return {
        "type": "object",
        "properties": {p.name: {**ref("text"), "description": cited(p.means, p.cite, p.mark)} for p in known},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _destruction() -> Schema:
    said = dict.fromkeys(("starts", "method", "certificate"), ref("text"))
    return mapping("destruction", {"period_days": number(0, 36_600), **said})


def _class_pattern() -> Schema:
    known = {"*": "every class"}
    for name, cls in vocabulary.field_classes().items():
        if "." in name:
            prefix = f"{name.rsplit('.', 1)[0]}.*"
            known.setdefault(prefix, f"every class that begins with {prefix[:-1]}")
        known[name] = cls.means
    return words(known)


def _permits() -> Schema:
    classes = dict.fromkeys(GRANTED, several(ref("class-pattern"), empty=True))
    return mapping("permits", {**classes, "publication": plain([BY_LICENCE, BY_AGREEMENT])}, ["publication"])


def _prohibition() -> Schema:
    values = {
        "use": several(plain(GRANTED)),
        "class": several(ref("class-pattern")),
        "fields": several(FIELD),
        "purposes": several(ref("purpose")),
        "with": several(ref("class-pattern")),
        "because": ref("text"),
        "cite": ref("text"),
    }
    return {
        **mapping("prohibition", values, ["class", "fields", "purposes", "with"]),
        "anyOf": [{"required": ["class"]}, {"required": ["fields"]}],
        "dependentSchemas": {"with": {"properties": {"use": {"const": ["publish"]}}}},
    }


def _limit() -> Schema:
    finest = [name for name, rule in vocabulary.treatments().items() if "publish" in rule.uses]
    values = {
        "use": several(plain(KEPT)),
        "class": several(ref("class-pattern")),
        "fields": several(FIELD),
        "treatment": {"anyOf": [ref(f"treatment.{name}") for name in finest]},
        "because": ref("text"),
        "cite": ref("text"),
    }
    return {
        **mapping("limit", values, ["class", "fields"]),
        "anyOf": [{"required": ["class"]}, {"required": ["fields"]}],
    }


def _licensed() -> Schema:
    level: Schema = ref("text")
    for _ in ("field", "table", "source"):
        level = {"type": "object", "additionalProperties": level}
    return level


def _release() -> Schema:
    claims = vocabulary.claims().values()
    attested = {n: cited(e.asks, e.cite, e.mark) for claim in claims for n, e in claim.attests.items()}
    person = {"by": ref("text"), "role": ref("text"), "on": DAY}
    values = {
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,60}$"},
        "level": plain(LEVELS),
        "claims": several(words({c.name: cited(c.title, c.cite, c.mark) for c in claims})),
        "minimum_cell": number(1, 1000),
        "quasi_identifiers": several(FIELD),
        "earlier_releases": plain(EARLIER),
        "attests": several(mapping("attestation", {"says": words(attested), **person, "until": DAY}, ["until"])),
        "zeros": plain(SWITCH),
        "certain": plain(SWITCH),
        "percentages": _percentages(),
        "amounts": _amounts(),
        "mode": words({m.name: cited(m.means, m.cite, m.mark) for m in vocabulary.release_modes().values()}),
        "privacy": mapping("privacy", {"epsilon": ABOVE_ZERO, "budget": ABOVE_ZERO}),
        "records": _records(),
    }
    whole = mapping("release", values, [name for name in values if name not in {"name", "level"}])
    private = {"properties": {"mode": {"const": PRIVATE}}, "required": ["mode"]}
    return {**whole, "if": private, "then": {"required": ["privacy"]}, "else": {"not": {"required": ["privacy"]}}}


def _percentages() -> Schema:
    named = words({b.name: cited(b.means, b.cite, b.mark) for b in vocabulary.percentages().values()})
    tail = mapping("tail", {"least": number(1, 10**6), "low": PERCENT, "high": PERCENT})
    return {"anyOf": [*named["anyOf"], several(tail)]}


def _amounts() -> Schema:
    rule = mapping("amounts", {"dominant": number(1, 10), "share": PERCENT, "prior": PERCENT}, AMOUNT_KEYS)
    together = {"dominant": ["share"], "share": ["dominant"]}
    return {**rule, "minProperties": 1, "dependentRequired": together}


def _records() -> Schema:
    values = {
        "keep": several({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,60}$"}),
        "k": number(2, 1000),
        "l": number(2, 3),
        "t": {"type": "number", "minimum": 0, "maximum": 1},
        "suppress": {"type": "number", "minimum": 0, "maximum": MOST_SUPPRESSED},
    }
    return mapping("records", values, [name for name in values if name != "keep"])


def _acceptance() -> Schema:
    acceptable = {rule.id: rule.title for rule in vocabulary.rules().values() if rule.acceptable}
    person = {"by": ref("text"), "role": ref("text"), "on": DAY, "until": DAY}
    values = {"rule": words(acceptable), "field": FIELD, **person, "because": ref("text")}
    return mapping("acceptance", values, ["field"])


def _expectation() -> Schema:
    values = {
        "field": FIELD,
        "use": plain(GRANTED),
        "on": DAY,
        "is": plain(ANSWERS),
        "purpose": ref("purpose"),
        "because": ref("text"),
    }
    return mapping("expectation", values, ["purpose", "because"])
