"""The prohibitions of a policy: denied fields, excluded rows, redisclosure, and what agreement and parents prohibit."""

from __future__ import annotations

from collections.abc import Iterator

from mou_policies.exports import Shared, stopped
from mou_policies.iris import iri
from mou_policies.model import Exclusion, SourcePolicy, TablePolicy
from mou_policies.odrl_parts import Entry, action, asset, collection, constraint, for_purposes, reasons, things
from mou_policies.provisions import Prohibition, field_covered
from mou_policies.vocabulary import classes_of


def prohibitions(share: Shared) -> Iterator[Entry]:
    """Yield every prohibition, without its parties."""
    yield from _denials(share)
    yield from _exclusions(share)
    yield from _redisclosure(share)
    yield from _provisions(share)


def _denials(share: Shared) -> Iterator[Entry]:
    """Yield the fields of which nothing is granted, or nothing is left."""
    for source, table in share.tables():
        for field in table.fields:
            if field.use == "none":
                yield {
                    "target": asset(source, table, field),
                    "action": "use",
                    "dct:description": field.reason,
                    "cp:clause": field.clause,
                }


def _exclusions(share: Shared) -> Iterator[Entry]:
    for source, table in share.tables():
        for rule in table.excludes:
            yield {
                "target": _rows(source, table, rule),
                "action": "use",
                "dct:description": rule.because,
                "dct:bibliographicCitation": rule.cite,
                "cp:policy": rule.name,
                "cp:cascade": rule.cascade,
            }


def _rows(source: SourcePolicy, table: TablePolicy, rule: Exclusion) -> Entry:
    """Return the rows an exclusion leaves out: those with a listed value, or without a safe one."""
    values = [*(rule.safe if rule.protective else rule.equals)]
    left = iri("value", source.source, table.table, rule.field)
    refinement = constraint(left, "isNoneOf" if rule.protective else "isAnyOf", values)
    return collection(iri("field", source.source, table.table), refinement)


def _redisclosure(share: Shared) -> Iterator[Entry]:
    said = share.agreement.own_redisclosure
    if not said.allowed:
        for source in share.agreement.sources:
            target = collection(iri("field", source))
            yield {"target": target, "action": "distribute", "dct:description": said.text}


def _provisions(share: Shared) -> Iterator[Entry]:
    """Yield what `prohibits` says: a rule for each target and each use that is stopped."""
    for rule in share.prohibitions():
        constraints = [for_purposes(rule.scope.purposes)] if rule.scope.purposes else []
        if rule.together:
            beside = things("class", sorted(classes_of(rule.together)))
            constraints.append(constraint("cp:beside", "isAnyOf", beside))
        for target in _targets(share, rule):
            for use in stopped(rule):
                said: Entry = {"target": target, "action": action(use)}
                if constraints:
                    said["constraint"] = constraints
                yield said | reasons(rule.because, rule.cite, rule.clause)


def _targets(share: Shared, rule: Prohibition) -> Iterator[Entry]:
    """Yield what a prohibition is about: the owner's data of some classes, and each field of the agreement it names."""
    if rule.scope.classes:
        of_classes = things("class", sorted(classes_of(rule.scope.classes)))
        refinements = [] if "*" in rule.scope.classes else [constraint("cp:class", "isAnyOf", of_classes)]
        yield collection(iri("data", share.agreement.provider.agency), *refinements)
    for source, table in share.tables():
        for field in {field.field: field for field in table.fields}.values():
            if field_covered((source.source, table.table, field.field), rule.scope.fields):
                yield asset(source, table, field)
