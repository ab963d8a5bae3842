"""Reading what an agreement says is never loaded, and the rules that bind flags of protection.

A flag that seals or protects a record must fail closed: its exclusion lists the values that are safe, and every other
one, and none, is excluded. Which classes protect is data (`vocabulary/field_classes.yaml`); which rows go is decided
where they are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mou_policies import vocabulary
from mou_policies.model import Exclusion, FieldPolicy
from mou_policies.nodes import Node


def read_exclusions(node: Node | None, fields: Sequence[FieldPolicy], listing: Node) -> tuple[Exclusion, ...]:
    """Read the exclusions of a table; a field of a class that protects must have one (`listing`: its `fields`)."""
    found = tuple(_exclusion(item, fields) for item in node.items()) if node is not None else ()
    excluded = {exclusion.field for exclusion in found}
    places = {name: key for name, key, _ in listing.entries()}
    for field in fields:
        if _protects(field.cls) and field.field not in excluded:
            what = f"{field.field}: class {field.cls} without an exclusion, so that records it protects would be linked"
            remedy = f'add it under excludes: field: {field.field}, equals: ["Y"], safe: ["N"]'
            raise places[field.field].error(what, remedy, "EXC-003")
    return found


def same(value: str) -> str:
    """Return the form in which values of a flag are compared: without outer blanks, letter case ignored."""
    return value.strip().upper()


def _exclusion(node: Node, fields: Sequence[FieldPolicy]) -> Exclusion:
    keys = node.keys_of(["field", "equals", "because", "cite", "name"], ["class", "safe", "cascade"])
    field, equals = keys["field"].text(), keys["equals"].texts()
    cls = _class(field, keys, fields)
    safe = keys["safe"].texts() if "safe" in keys else ()
    if _protects(cls) and not safe:
        what = f"{field}: class {cls} without the values that are safe, so that a slip of the pen would be linked"
        raise node.error(what, 'list them: safe: ["N"]; every other value, and none, is then left out', "EXC-002")
    if both := sorted({*map(same, equals)} & {*map(same, safe)}):
        raise keys["safe"].error(f"{field}: {both[0]!r} is excluded and safe at once", "keep one of the two", "EXC-004")
    return Exclusion(
        field=field,
        equals=equals,
        because=keys["because"].text(),
        cite=keys["cite"].text(),
        name=keys["name"].text(),
        cascade=keys["cascade"].flag() if "cascade" in keys else False,
        cls=cls,
        safe=safe,
    )


def _class(field: str, keys: Mapping[str, Node], fields: Sequence[FieldPolicy]) -> str:
    """Return the class of an excluded field: as `fields` has it, else as the exclusion says."""
    listed = {policy.cls for policy in fields if policy.field == field}
    if "class" not in keys:
        if not listed:
            remedy = "add class: status.protection if it seals or protects a record, else the class that says it"
            raise keys["field"].error(f"{field} is excluded and has no class", remedy, "EXC-001")
        return next((cls for cls in listed if _protects(cls)), min(listed))
    cls = keys["class"].word(vocabulary.field_classes(), "field class", "FLD-002")
    if listed and cls not in listed:
        what = f"{field} is of class {cls} here and of {', '.join(sorted(listed))} under fields"
        raise keys["class"].error(what, "give it one class", "EXC-001")
    return cls


def _protects(cls: str) -> bool:
    return vocabulary.field_classes()[cls].protects
