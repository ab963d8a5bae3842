"""The schema part of an ODCS data contract: tables and columns, with class, uses, treatments and reasons.

What a contract says of the whole delivery is in `odcs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mou_policies import vocabulary
from mou_policies.iris import ceds_iri, treatment_value
from mou_policies.model import Exclusion, FieldPolicy, TablePolicy
from mou_policies.summary import treatment_words

Entry = dict[str, Any]
"""One mapping of a contract, as JSON values."""

_KEY_CLASS = "id.event"
_NUMERIC = {"number", "top_code", "band"}


def custom_properties(**values: Any) -> list[Entry]:
    """Return custom properties, without those that say nothing."""
    return [{"property": name, "value": value} for name, value in values.items() if value not in (None, [], "")]


def table_object(table: TablePolicy) -> Entry:
    """Return one table as a schema object."""
    return {
        "name": table.table,
        "logicalType": "object",
        "physicalType": "table",
        "properties": list(_properties(table)),
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


def _properties(table: TablePolicy) -> Iterator[Entry]:
    """Yield every column the agreement names: fields, then what is read only to tell rows apart or leave them out."""
    grants: dict[str, list[FieldPolicy]] = {}
    for one in table.fields:
        grants.setdefault(one.field, []).append(one)
    for name, of_field in grants.items():
        yield _field(table, name, of_field)
    for name in table.key:
        if name not in grants:
            yield _property(table, name, _KEY_CLASS, "Tells rows apart: part of a keyed digest, not kept", ["key"])
    for rule in table.excludes:
        if rule.field not in grants and rule.field not in table.key:
            yield _property(table, rule.field, rule.cls, f"Leaves rows out ({rule.name}); not kept", ["exclusion"])


def _field(table: TablePolicy, name: str, grants: Sequence[FieldPolicy]) -> Entry:
    """Return one field, which may have several grants; a denied one is tagged, and says so."""
    uses = list(dict.fromkeys(one.use for one in grants))
    denied = uses == ["none"]
    reason = "; ".join(dict.fromkeys(one.reason for one in grants))
    said = _property(
        table, name, grants[0].cls, f"Denied: {reason}" if denied else reason, ["denied"] if denied else uses
    )
    kinds = {one.treatment.kind for one in grants}
    said["logicalType"] = "date" if "date" in kinds else "number" if kinds & _NUMERIC else "string"
    said["required"] = any(one.required for one in grants)
    if not denied:
        said["transformDescription"] = "; ".join(f"{one.use}: {treatment_words(one)}" for one in grants)
    said["customProperties"] += custom_properties(
        denied=denied, use=uses, grants=[_grant(one) for one in grants if not denied]
    )
    said["customProperties"] += custom_properties(clause=list(dict.fromkeys(one.clause for one in grants)))
    return said


def _grant(one: FieldPolicy) -> Entry:
    said: Entry = {"use": one.use, "treatment": treatment_value(one.treatment)}
    if one.is_content:
        said["as"] = one.name
    return {**said, "reason": one.reason, "clause": one.clause}


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
