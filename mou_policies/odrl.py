"""An agreement as a policy of the Open Digital Rights Language (W3C, ODRL 2.2), in JSON-LD.

What is left of a grant is a permission for each of its uses (with its treatment as a refinement of the action, its
purposes and its term as constraints), what is denied a prohibition, what must happen afterwards an obligation. ODRL has
no words for the hub's uses, so they are actions of a profile of the project's own, which a policy defines along with
itself: a processor that does not know the profile must stop, and grants nothing. What no rule permits is not permitted.

To say more of an agreement, write a function from `Shared` to rules and list it below.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from mou_policies import vocabulary
from mou_policies.agreement import Agreement, Authority, Party
from mou_policies.exports import Shared, shared, uses
from mou_policies.iris import iri, treatment_text
from mou_policies.model import FieldPolicy
from mou_policies.odrl_parts import (
    PROFILE,
    Entry,
    action,
    asset,
    collection,
    constraint,
    day,
    for_purposes,
    reasons,
    refined,
)
from mou_policies.odrl_prohibitions import prohibitions
from mou_policies.provisions import Limit

CONTEXT = ["http://www.w3.org/ns/odrl.jsonld", {"cp": f"{PROFILE}:"}]


def policy(agreement: Agreement, parents: Iterable[Agreement] = ()) -> Entry:
    """Return the policy of a data sharing agreement, as its parents bound it, as JSON values. Raises AgreementError."""
    share = shared(agreement, parents)
    said = {
        "@context": CONTEXT,
        "@type": "Agreement",
        "uid": iri("agreement", agreement.agreement_id),
        "profile": PROFILE,
        "conflict": "prohibit",
        "dct:title": agreement.title,
        "dct:description": "What no permission names is not permitted. Other agreements may take more away.",
        "cp:sha256": agreement.sha256,
        "cp:under": [
            {"uid": iri("agreement", p.agreement_id), "dct:title": p.title, "cp:sha256": p.sha256}
            for p in share.parents
        ],
        "cp:party": [_party(agreement.provider), _party(agreement.hub)],
        "cp:authority": [_authority(one) for one in agreement.authority],
        "cp:purpose": [{"uid": iri("purpose", n), "dct:description": words} for n, words in agreement.purposes.items()],
        "cp:term": [{"dct:title": name, "dct:description": words} for name, words in agreement.terms.items()],
        "cp:defines": [*_actions(), *_left_operands(share)],
        "permission": _rules(share, _permissions),
        "prohibition": _rules(share, prohibitions),
        "obligation": _rules(share, _destruction),
    }
    return {key: value for key, value in said.items() if value != []}


def as_json(policy: Entry) -> str:
    """Return a policy as JSON text."""
    return json.dumps(policy, indent=2, ensure_ascii=False) + "\n"


def _rules(share: Shared, rules: Callable[[Shared], Iterator[Entry]]) -> list[Entry]:
    """Return the rules of one kind, each between the same two parties: from the provider to the hub."""
    parties = {
        "assigner": iri("party", share.agreement.provider.agency),
        "assignee": iri("party", share.agreement.hub.agency),
    }
    return [parties | rule for rule in rules(share)]


# -- permissions ------------------------------------------------------------------------------------------------------


def _permissions(share: Shared) -> Iterator[Entry]:
    """Yield a permission for each use of each grant: a published column may also be kept, for purposes of its own."""
    for source, table in share.tables():
        for field in table.fields:
            limits = share.limits((source.source, table.table, field.field), field)
            for use, purposes in uses(field).items():
                yield {
                    "target": asset(source, table, field),
                    "action": refined(action(use), *_treatment(field, limits)),
                    "constraint": [for_purposes(purposes), *_in_term(share)],
                    **_why(share, field, limits),
                }


def _treatment(field: FieldPolicy, limits: Iterable[Limit]) -> Iterator[Entry]:
    yield constraint("cp:treatment", "eq", treatment_text(field.treatment))
    for limit in limits:
        yield constraint("cp:finestTreatment", "eq", treatment_text(limit.treatment))


def _in_term(share: Shared) -> list[Entry]:
    starts, ends = share.term
    return [constraint("dateTime", "gteq", day(starts)), constraint("dateTime", "lteq", day(ends))]


def _why(share: Shared, field: FieldPolicy, limits: Iterable[Limit]) -> Entry:
    said: Entry = {
        "dct:description": field.reason,
        "cp:clause": field.clause,
        "cp:authority": [_door(a) for a in share.agreement.authority if a.exception in field.doors],
        "cp:limit": [reasons(limit.because, limit.cite, limit.clause) for limit in limits],
        "cp:column": field.name if field.is_content else [],
    }
    return {key: value for key, value in said.items() if value != []}


# -- obligations ------------------------------------------------------------------------------------------------------


def _destruction(share: Shared) -> Iterator[Entry]:
    """Yield the duty to delete each source: within so many days, and at the latest so long after the last day."""
    after, ends = share.agreement.own_destruction, share.agreement.ends
    period = {"@value": f"P{after.period_days}D", "@type": "xsd:duration"}
    for source in share.agreement.sources:
        yield {
            "target": collection(iri("field", source)),
            "action": refined("odrl:delete", constraint("cp:method", "eq", after.method)),
            "constraint": [
                constraint("elapsedTime", "lteq", period),
                constraint("dateTime", "lteq", day(ends + timedelta(days=after.period_days))),
            ],
            "dct:description": f"Begins {after.starts}. {after.certificate}",
        }


# -- the agreement ----------------------------------------------------------------------------------------------------


def _party(party: Party) -> Entry:
    return {
        "@type": ["Party", "vcard:Organization"],
        "uid": iri("party", party.agency),
        "vcard:fn": party.name,
        "cp:representedBy": party.represented_by,
        "cp:contact": party.contact,
    }


def _door(one: Authority) -> Entry:
    """Return an exception as the agreement cites it, for whom it holds included."""
    said: Entry = {"cp:exception": {"@id": iri("exception", one.exception)}, "dct:bibliographicCitation": one.cite}
    return said | ({"cp:population": one.population} if one.population else {})


def _authority(one: Authority) -> Entry:
    return {**_door(one), "dct:description": list(one.elements.values())}


# -- the profile ------------------------------------------------------------------------------------------------------


def _actions() -> Iterator[Entry]:
    """Yield the profile's actions. None includes another: to keep is not to publish; but to publish implies to keep."""
    for use in vocabulary.uses().values():
        if use.reads:
            said: Entry = {"@type": ["Action", "skos:Concept"], "uid": action(use.name), "includedIn": "odrl:use"}
            if use.publishes:
                said["implies"] = action("content")
            yield said | {"skos:definition": use.means}


def _left_operands(share: Shared) -> Iterator[Entry]:
    meanings = {
        "cp:treatment": "what is done to the values before anything is stored, in the words of the agreement language",
        "cp:finestTreatment": "the finest treatment that a limit allows; the treatment stated is as coarse already",
        "cp:class": "the class of a field, in the vocabulary of the agreement language",
        "cp:beside": "the class of any other field that the same published rows are made from",
        "cp:method": "how what was shared is destroyed",
    }
    for source, table in share.tables():
        for rule in table.excludes:
            meanings[iri("value", source.source, table.table, rule.field)] = f"the value of {rule.field} in a row"
    for name, means in meanings.items():
        yield {"@type": ["LeftOperand", "skos:Concept"], "uid": name, "skos:definition": means}
