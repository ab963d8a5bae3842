"""An agreement as a policy of the Open Digital Rights Language (W3C, ODRL 2.2), in JSON-LD.

A grant is a permission (with its treatment as a refinement of the action, its purposes and its term as constraints),
what is denied a prohibition, what must happen afterwards an obligation. ODRL has no words for the hub's uses, so they
are actions of a profile of the project's own, which a policy defines along with itself: a processor that does not know
the profile must stop, and grants nothing. What no rule permits is not permitted.

To say more of an agreement, write a function from it to rules and list it below.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from mou_policies import vocabulary
from mou_policies.agreement import Agreement, Party
from mou_policies.iris import iri, treatment_text
from mou_policies.model import Exclusion, FieldPolicy, SourcePolicy, TablePolicy

PROFILE = "urn:cradlepath:odrl"
CONTEXT = ["http://www.w3.org/ns/odrl.jsonld", {"cp": f"{PROFILE}:"}]

Entry = dict[str, Any]


def policy(agreement: Agreement) -> Entry:
    """Return the policy of an agreement as JSON values."""
    said = {
        "@context": CONTEXT,
        "@type": "Agreement",
        "uid": iri("agreement", agreement.agreement_id),
        "profile": PROFILE,
        "conflict": "prohibit",
        "dct:title": agreement.title,
        "dct:description": "What no permission names is not permitted.",
        "cp:sha256": agreement.sha256,
        "cp:party": [_party(agreement.provider), _party(agreement.hub)],
        "cp:authority": [
            {
                "cp:exception": a.exception,
                "dct:bibliographicCitation": a.cite,
                "dct:description": list(a.elements.values()),
            }
            for a in agreement.authority
        ],
        "cp:purpose": [{"uid": iri("purpose", n), "dct:description": words} for n, words in agreement.purposes.items()],
        "cp:term": [{"dct:title": name, "dct:description": words} for name, words in agreement.terms.items()],
        "cp:defines": [*_actions(), *_left_operands(agreement)],
        "permission": _rules(agreement, _PERMISSIONS),
        "prohibition": _rules(agreement, _PROHIBITIONS),
        "obligation": _rules(agreement, _OBLIGATIONS),
    }
    return {key: value for key, value in said.items() if value != []}


def as_json(policy: Entry) -> str:
    """Return a policy as JSON text."""
    return json.dumps(policy, indent=2, ensure_ascii=False) + "\n"


def action(use: str) -> str:
    """Return the profile's action for a use, in the compact form of the policy's context."""
    return f"cp:{use}"


def constraint(left: str, operator: str, right: Any) -> Entry:
    """Return an ODRL constraint; used on rules, and as a refinement of actions and collections."""
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


# -- permissions ------------------------------------------------------------------------------------------------------


def _grants(agreement: Agreement) -> Iterator[Entry]:
    for source, table in _tables(agreement):
        for field in table.fields:
            if field.use != "none":
                yield {
                    "target": _asset(source, table, field),
                    "action": _refined(
                        action(field.use), constraint("cp:treatment", "eq", treatment_text(field.treatment))
                    ),
                    "constraint": [_for_purposes(agreement), *_in_term(agreement)],
                    **_why(field),
                }


def _for_purposes(agreement: Agreement) -> Entry:
    return constraint("purpose", "isAnyOf", [{"@id": iri("purpose", name)} for name in agreement.purposes])


def _in_term(agreement: Agreement) -> list[Entry]:
    return [
        constraint("dateTime", "gteq", _day(agreement.starts)),
        constraint("dateTime", "lteq", _day(agreement.ends)),
    ]


# -- prohibitions -----------------------------------------------------------------------------------------------------


def _denials(agreement: Agreement) -> Iterator[Entry]:
    for source, table in _tables(agreement):
        for field in table.fields:
            if field.use == "none":
                yield {"target": _asset(source, table, field), "action": "use", **_why(field)}


def _exclusions(agreement: Agreement) -> Iterator[Entry]:
    for source, table in _tables(agreement):
        for rule in table.excludes:
            yield {
                "target": _rows(source, table, rule),
                "action": "use",
                "dct:description": rule.because,
                "dct:bibliographicCitation": rule.cite,
                "cp:policy": rule.name,
                "cp:cascade": rule.cascade,
            }


def _redisclosure(agreement: Agreement) -> Iterator[Entry]:
    if not agreement.own_redisclosure.allowed:
        for source in agreement.sources.values():
            yield {
                "target": _collection(source.source),
                "action": "distribute",
                "dct:description": agreement.own_redisclosure.text,
            }


def _rows(source: SourcePolicy, table: TablePolicy, rule: Exclusion) -> Entry:
    """Return the rows an exclusion leaves out: those with a listed value, or without a safe one."""
    values = [*(rule.safe if rule.protective else rule.equals)]
    left = iri("value", source.source, table.table, rule.field)
    return {
        "@type": "AssetCollection",
        "source": iri("field", source.source, table.table),
        "refinement": [constraint(left, "isNoneOf" if rule.protective else "isAnyOf", values)],
    }


# -- obligations ------------------------------------------------------------------------------------------------------


def _destruction(agreement: Agreement) -> Iterator[Entry]:
    """Yield the duty to delete each source: within so many days, and at the latest so long after the last day."""
    after = agreement.own_destruction
    period = {"@value": f"P{after.period_days}D", "@type": "xsd:duration"}
    for source in agreement.sources.values():
        yield {
            "target": _collection(source.source),
            "action": _refined("odrl:delete", constraint("cp:method", "eq", after.method)),
            "constraint": [
                constraint("elapsedTime", "lteq", period),
                constraint("dateTime", "lteq", _day(agreement.ends + timedelta(days=after.period_days))),
            ],
            "dct:description": f"Begins {after.starts}. {after.certificate}",
        }


_Rules = Callable[[Agreement], Iterator[Entry]]
_PERMISSIONS: tuple[_Rules, ...] = (_grants,)
_PROHIBITIONS: tuple[_Rules, ...] = (_denials, _exclusions, _redisclosure)
_OBLIGATIONS: tuple[_Rules, ...] = (_destruction,)


def _rules(agreement: Agreement, kinds: Sequence[_Rules]) -> list[Entry]:
    """Return the rules of some kinds, each between the same two parties: from the provider to the hub."""
    parties = {
        "assigner": iri("party", agreement.provider.agency),
        "assignee": iri("party", agreement.hub.agency),
    }
    return [parties | rule for kind in kinds for rule in kind(agreement)]


# -- what rules are made of -------------------------------------------------------------------------------------------


def _tables(agreement: Agreement) -> Iterator[tuple[SourcePolicy, TablePolicy]]:
    return ((source, table) for source in agreement.sources.values() for table in source.tables.values())


def _asset(source: SourcePolicy, table: TablePolicy, field: FieldPolicy) -> Entry:
    return {
        "@type": "Asset",
        "uid": iri("field", source.source, table.table, field.field),
        "partOf": [iri("field", source.source, table.table), iri("field", source.source)],
        "cp:class": {"@id": iri("class", field.cls)},
    }


def _collection(source: str) -> Entry:
    return {"@type": "AssetCollection", "uid": iri("field", source)}


def _refined(action: str, *refinements: Entry) -> list[Entry]:
    return [{"rdf:value": {"@id": action}, "refinement": list(refinements)}]


def _why(field: FieldPolicy) -> Entry:
    said = {"dct:description": field.reason, "cp:clause": field.clause}
    return said | ({"cp:column": field.name} if field.is_content else {})


def _day(day: date) -> Entry:
    return {"@value": str(day), "@type": "xsd:date"}


def _party(party: Party) -> Entry:
    return {
        "@type": ["Party", "vcard:Organization"],
        "uid": iri("party", party.agency),
        "vcard:fn": party.name,
        "cp:representedBy": party.represented_by,
        "cp:contact": party.contact,
    }


# -- the profile ------------------------------------------------------------------------------------------------------


def _actions() -> Iterator[Entry]:
    """Yield the profile's actions. None includes another: to keep is not to publish; but to publish implies to keep."""
    for use in vocabulary.uses().values():
        if use.reads:
            said: Entry = {"@type": ["Action", "skos:Concept"], "uid": action(use.name), "includedIn": "odrl:use"}
            if use.publishes:
                said["implies"] = action("content")
            yield said | {"skos:definition": use.means}


def _left_operands(agreement: Agreement) -> Iterator[Entry]:
    meanings = {
        "cp:treatment": "what is done to the values before anything is stored, in the words of the agreement language",
        "cp:method": "how what was shared is destroyed",
    }
    for source, table in _tables(agreement):
        for rule in table.excludes:
            meanings[iri("value", source.source, table.table, rule.field)] = f"the value of {rule.field} in a row"
    for name, means in meanings.items():
        yield {"@type": ["LeftOperand", "skos:Concept"], "uid": name, "skos:definition": means}
