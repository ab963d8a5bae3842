"""The schema part of an ODCS data contract: tables and columns, with class, uses, treatments and reasons.

What a contract says of the whole delivery is in `odcs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mou_policies import vocabulary
from mou_policies.exports import Shared, stopped, uses
from mou_policies.iris import ceds_iri, treatment_value
from mou_policies.model import Exclusion, FieldPolicy, TablePolicy
from mou_policies.provisions import FieldRef, Limit, Prohibition
from mou_policies.summary import treatment_words

Entry = dict[str, Any]
"""One mapping of a contract, as JSON values."""

_KEY_CLASS = "id.event"
_NUMERIC = {"number", "top_code", "band"}


def custom_properties(**values: Any) -> list[Entry]:
    """Return custom properties, without those that say nothing."""
    return [{"property": name, "value": value} for name, value in values.items() if value not in (None, [], "")]


def table_object(share: Shared, source: str, table: TablePolicy) -> Entry:
    """Return one table, with what is left of its grants, as a schema object."""
    return {
        "name": table.table,
        "logicalType": "object",
        "physicalType": "table",
        "properties": list(_properties(share, source, table)),
        "customProperties": custom_properties(
            files=list(table.files),
            record=table.record,
            optional=table.optional,
            excludes=[_exclusion(rule) for rule in table.excludes],
            clause=table.clause,
        ),
    }


def _exclusion(rule: Exclusion) -> Entry:
    said: Entry = {"name": rule.name, "field": rule.field, "equals": list(rule.equals), "cascade": rule.cascade}
    if rule.protective:
        said["safe"] = list(rule.safe)
    return {**said, "because": rule.because, "cite": rule.cite}


def _properties(share: Shared, source: str, table: TablePolicy) -> Iterator[Entry]:
    """Yield every column the agreement names: fields, then what is read only to tell rows apart or leave them out."""
    grants: dict[str, list[FieldPolicy]] = {}
    for one in table.fields:
        grants.setdefault(one.field, []).append(one)
    for name, of_field in grants.items():
        yield _field(share, (source, table.table, name), table, of_field)
    for name in table.key:
        if name not in grants:
            yield _property(table, name, _KEY_CLASS, "Tells rows apart: part of a keyed digest, not kept", ["key"])
    for rule in table.excludes:
        if rule.field not in grants and rule.field not in table.key:
            yield _property(table, rule.field, rule.cls, f"Leaves rows out ({rule.name}); not kept", ["exclusion"])


def _field(share: Shared, ref: FieldRef, table: TablePolicy, entries: Sequence[FieldPolicy]) -> Entry:
    """Return one field, which may have several grants; a denied one is tagged, and says so."""
    grants = [one for one in entries if one.use != "none"]
    used = list(dict.fromkeys(one.use for one in grants))
    reason = "; ".join(dict.fromkeys(one.reason for one in grants or entries))
    said = _property(table, ref[-1], entries[0].cls, reason if grants else f"Denied: {reason}", used or ["denied"])
    kinds = {one.treatment.kind for one in grants}
    said["logicalType"] = "date" if "date" in kinds else "number" if kinds & _NUMERIC else "string"
    said["required"] = any(one.required for one in entries)
    if grants:
        said["transformDescription"] = "; ".join(f"{one.use}: {treatment_words(one)}" for one in grants)
    said["customProperties"] += custom_properties(
        denied=not grants,
        use=used or ["none"],
        grants=[_grant(one, share.limits(ref, one)) for one in grants],
        prohibits=[_prohibition(rule) for rule in share.prohibited(ref, entries[0].cls)],
        clause=list(dict.fromkeys(one.clause for one in entries)),
    )
    return said


def _grant(one: FieldPolicy, limits: Sequence[Limit]) -> Entry:
    said: Entry = {"use": one.use, "treatment": treatment_value(one.treatment)}
    if one.is_content:
        said["as"] = one.name
    said |= {"purposes": uses(one), "exceptions": list(one.doors), "reason": one.reason, "clause": one.clause}
    if limits:
        said["limits"] = [{"finest": treatment_value(rule.treatment), **_stands(rule)} for rule in limits]
    return said


def _prohibition(rule: Prohibition) -> Entry:
    """Return a prohibition that is about a field; no purposes means all, `with` what it must not stand beside."""
    said: Entry = {"use": stopped(rule), "purposes": list(rule.scope.purposes), "with": list(rule.together)}
    return {**{key: value for key, value in said.items() if value}, **_stands(rule)}


def _stands(rule: Limit | Prohibition) -> Entry:
    return {"because": rule.because, "cite": rule.cite, "clause": rule.clause}


def _property(table: TablePolicy, name: str, cls: str, description: str, tags: list[str]) -> Entry:
    """Return what holds of every column: its place in the key, its class and what the two privacy rules make of it."""
    rule = vocabulary.field_classes()[cls]
    said: Entry = {"name": name, "logicalType": "string", "description": description, "tags": tags}
    if name in table.key:
        said |= {"primaryKey": True, "primaryKeyPosition": table.key.index(name) + 1}
    said["classification"] = _classification(rule)
    if rule.ceds:
        said["authoritativeDefinitions"] = [{"url": ceds_iri(rule.ceds), "type": "businessDefinition"}]
    said["customProperties"] = custom_properties(
        **{"class": cls},
        means=rule.means,
        safeHarbor=rule.safe_harbor,
        ferpaLimb=rule.ferpa,
        cedsIri=ceds_iri(rule.ceds) if rule.ceds else None,
        cite=f"{rule.cite} [{rule.mark}]",
    )
    return said


def _classification(rule: vocabulary.FieldClass) -> str:
    """Return restricted for what identifies by itself, confidential in combination with more, internal otherwise."""
    if rule.safe_harbor or rule.ferpa not in {None, "f"}:
        return "restricted"
    return "confidential" if rule.ferpa else "internal"
