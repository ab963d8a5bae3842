"""An agreement as data contracts of the Open Data Contract Standard (Bitol), version 3.1: one contract for each source.

A contract describes the delivery: every column the agreement names, what it is, what the hub may do with it and why.
It is an extract for catalogues and grants nothing; the signed agreement, whose digest it carries, does. Reading a
contract of others is in `odcs_reading` and `odcs_draft`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from mou_policies import vocabulary
from mou_policies.agreement import Agreement, Authority
from mou_policies.exports import shared
from mou_policies.iris import iri, law_addresses
from mou_policies.model import SourcePolicy
from mou_policies.odcs_schema import Entry, custom_properties, table_object

API_VERSION = "v3.1.0"
ACTIVE, PROPOSED, RETIRED = "active", "proposed", "retired"


def status_on(agreement: Agreement, on: date, *, in_force: bool) -> str:
    """Return the contract's status on a date: active when in force, retired when ended, else proposed."""
    if in_force:
        return ACTIVE
    return RETIRED if on > agreement.ends else PROPOSED


def contract(agreement: Agreement, source: str, status: str = PROPOSED, parents: Iterable[Agreement] = ()) -> Entry:
    """Return the contract of one source, as the agreement's parents bound it, as JSON values.

    Keys are in the order of the standard. Raises AgreementError for what is no data sharing agreement or lacks a
    parent, and KeyError for a source it does not have.
    """
    share = shared(agreement, parents)
    held = share.source(source)
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": iri("contract", agreement.agreement_id, source),
        "name": source,
        "version": f"{agreement.starts:%Y}.{agreement.starts.month}.{agreement.starts.day}+{agreement.sha256[:12]}",
        "status": status,
        "tenant": agreement.hub.agency,
        "domain": held.agency,
        "description": _description(agreement, held),
        "schema": [table_object(share, source, table) for table in held.tables.values()],
        "team": _team(agreement),
        "roles": _roles(agreement, held),
        "slaProperties": _service(agreement, held),
        "authoritativeDefinitions": _law(agreement),
        "customProperties": custom_properties(
            title=held.title,
            agreement=agreement.agreement_id,
            agreementFile=agreement.file,
            agreementSha256=agreement.sha256,
            under=[{"agreement": p.agreement_id, "file": p.file, "sha256": p.sha256} for p in share.parents],
            authority=[_authority(one) for one in agreement.authority],
            purposes=[{"purpose": name, "words": words} for name, words in agreement.purposes.items()],
            standard=held.standard,
            files=list(held.files),
            delivery=held.delivery,
            recordsOf=held.records_of,
            clause=held.clause,
        ),
    }


def as_json(contract: Entry) -> str:
    """Return a contract as JSON text."""
    return json.dumps(contract, indent=2, ensure_ascii=False) + "\n"


def as_yaml(contract: Entry) -> str:
    """Return a contract as YAML text: every text in quotes, so that no reader takes `no` or `1:30` for another type."""
    writer = YAML()
    writer.width = 100_000
    writer.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    writer.dump(_quoted(contract), out)
    return out.getvalue()


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) else value


def _authority(one: Authority) -> Entry:
    said: Entry = {"exception": one.exception, "cite": one.cite, "elements": dict(one.elements)}
    return said | ({"population": one.population} if one.population else {})


def _description(agreement: Agreement, source: SourcePolicy) -> Entry:
    uses = [f"{use.name}: {use.means}" for use in vocabulary.uses().values()]
    limits = [f"{name}: {text}" for name, text in agreement.terms.items()]
    limits += [f"{rule.name}: {rule.because}" for table in source.tables.values() for rule in table.excludes]
    passed_on = "allowed" if agreement.own_redisclosure.allowed else "not allowed"
    return {
        "purpose": "; ".join(f"{name}: {words}" for name, words in agreement.purposes.items()),
        "usage": f"A column may be used as its custom property `use` says, and not otherwise. {'; '.join(uses)}",
        "limitations": "; ".join(
            [
                "A column that is not listed, and one tagged denied, may not be used",
                f"redisclosure {passed_on}: {agreement.own_redisclosure.text}",
                *limits,
            ]
        ),
    }


def _team(agreement: Agreement) -> Entry:
    parties = (("provider", agreement.provider), ("hub", agreement.hub))
    return {
        "name": agreement.title,
        "members": [
            {
                "username": party.contact,
                "name": party.represented_by,
                "description": party.name,
                "role": role,
                "dateIn": str(agreement.starts),
                "dateOut": str(agreement.ends),
            }
            for role, party in parties
        ],
    }


def _roles(agreement: Agreement, source: SourcePolicy) -> list[Entry]:
    granted = {one.use for table in source.tables.values() for one in table.fields}
    return [
        {
            "role": use.name,
            "description": use.means,
            "access": "read",
            "firstLevelApprovers": agreement.provider.represented_by,
            "secondLevelApprovers": agreement.hub.represented_by,
        }
        for use in vocabulary.uses().values()
        if use.reads and use.name in granted
    ]


def _service(agreement: Agreement, source: SourcePolicy) -> list[Entry]:
    after = agreement.own_destruction
    kept = f"After the term, {after.starts}. {after.method} {after.certificate}"
    fresh = f"How old the newest delivery may be; deliveries are {source.delivery}"
    return [
        {"property": "generalAvailability", "value": str(agreement.starts), "description": "First day of the term"},
        {"property": "endOfLife", "value": str(agreement.ends), "description": "Last day of the term"},
        {
            "property": "retention",
            "value": after.period_days,
            "unit": "d",
            "driver": "regulatory",
            "description": kept,
        },
        {"property": "frequency", "value": source.expects_days, "unit": "d", "description": fresh},
    ]


def _law(agreement: Agreement) -> list[Entry]:
    """Return the public texts of the exceptions the agreement rests on, where they have an address."""
    rules = [vocabulary.exceptions()[a.exception] for a in agreement.authority]
    addresses = dict.fromkeys((url, f"{r.name}: {r.title}") for r in rules for url in law_addresses(r.cite))
    return [{"url": url, "type": "law", "description": title} for url, title in addresses]
