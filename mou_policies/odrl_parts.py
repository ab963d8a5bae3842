"""What rules of an ODRL policy are made of: assets, collections, constraints and refinements, and the profile's names.

Which rules there are is in `odrl` and `odrl_prohibitions`; nothing here reads an agreement as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from mou_policies.iris import iri
from mou_policies.model import FieldPolicy, SourcePolicy, TablePolicy

PROFILE = "urn:cradlepath:odrl"

Entry = dict[str, Any]


def action(use: str) -> str:
    """Return the profile's action for a use, in the compact form of the policy's context."""
    return f"cp:{use}"


def refined(action: str, *refinements: Entry) -> list[Entry]:
    """Return an action with refinements."""
    return [{"rdf:value": {"@id": action}, "refinement": list(refinements)}]


def constraint(left: str, operator: str, right: Any) -> Entry:
    """Return an ODRL constraint; used on rules, and as a refinement of actions and collections."""
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def for_purposes(names: Iterable[str]) -> Entry:
    """Return the constraint that a rule is about these purposes."""
    return constraint("purpose", "isAnyOf", things("purpose", names))


def things(kind: str, names: Iterable[str]) -> list[Entry]:
    """Return pointers to things of one kind, such as purposes or classes."""
    return [{"@id": iri(kind, name)} for name in names]


def day(on: date) -> Entry:
    """Return a day as a value."""
    return {"@value": str(on), "@type": "xsd:date"}


def asset(source: SourcePolicy, table: TablePolicy, field: FieldPolicy) -> Entry:
    """Return a field: part of its table, of its source, and of all that its owner shares."""
    return {
        "@type": "Asset",
        "uid": iri("field", source.source, table.table, field.field),
        "partOf": [iri("field", source.source, table.table), iri("field", source.source), iri("data", source.agency)],
        "cp:class": {"@id": iri("class", field.cls)},
    }


def collection(uid: str, *refinements: Entry) -> Entry:
    """Return all that is part of something, or what of it the refinements leave."""
    if refinements:
        return {"@type": "AssetCollection", "source": uid, "refinement": list(refinements)}
    return {"@type": "AssetCollection", "uid": uid}


def reasons(because: str, cite: str, clause: str) -> Entry:
    """Return why a provision stands, by what law, and where."""
    return {"dct:description": because, "dct:bibliographicCitation": cite, "cp:clause": clause}
