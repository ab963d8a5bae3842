"""What is left of the grants of one field: ceilings, prohibitions and limits applied, and one grant for each output.

Every grant is a set of pairs (use, purpose). Ceilings of the parents and prohibitions remove pairs, limits make the
treatment coarser. What takes away never gives elsewhere: the treatment, and what contradicts itself, are decided over
all grants of the owner as they are written, whatever is left of them. Sources and tables are in `enforce`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from mou_policies.agreement import Agreement
from mou_policies.coarseness import as_coarse, coarsest
from mou_policies.fields import IMPLIED
from mou_policies.model import FieldPolicy, Pairs, Treatment
from mou_policies.provisions import FieldRef, Limit, Prohibition, Scope, class_covered, field_covered

STOPS: Mapping[str, tuple[str, ...]] = {
    "link": ("link",),
    "content": ("content", "publish"),
    "publish": ("publish",),
}
"""The uses that a prohibition of one use stops."""

WIDEST = ("link", "publish", "content")


@dataclass(frozen=True)
class Denial:
    """A use that one clause grants and others take away: `by` are those clauses, `because` says why."""

    ref: FieldRef
    use: str
    granted_by: str
    by: tuple[str, ...]
    because: str


class Grant(NamedTuple):
    """One grant on its way: the field as its agreement has it. `silent`: the agreement binds and does not grant."""

    ref: FieldRef
    field: FieldPolicy
    agreement: Agreement
    silent: bool

    @property
    def output(self) -> tuple[str, str]:
        """What the grant gives: the field with the column it is kept in, or with nothing for tokens."""
        return self.field.field, "" if self.field.use == "link" else self.field.name


@dataclass(frozen=True)
class Fate:
    """What provisions make of a grant: what is left, with its widest use, which uses are lost, by what clauses and why.

    `limits` are those on its treatment; `published_by` is its agreement with the purposes it is still published for.
    """

    pairs: Pairs
    use: str | None
    lost: tuple[str, ...]
    by: tuple[str, ...]
    because: str
    limits: tuple[Limit, ...]
    published_by: Pairs


@dataclass(frozen=True)
class Rules:
    """What takes away from an owner's grants: prohibitions and limits of the owner, and those of each parent.

    `owner` are the owner's agreements, `parents` all EMOUs; those that bind without granting are among both. A
    provision looks at a grant's class, use and pairs, and at whether it names the field: grants that are alike in
    these have one fate, which is worked out once and kept in `fates`.
    """

    owner: Sequence[Agreement]
    parents: Sequence[Agreement]
    fates: dict[tuple[object, ...], Fate] = field(default_factory=dict)

    @cached_property
    def naming(self) -> tuple[Scope, ...]:
        """The scopes that name fields, of every agreement that may act."""
        provisions = [agreement.provisions for agreement in (*self.owner, *self.parents)]
        scopes = [rule.scope for p in provisions for rule in p.prohibits]
        scopes += [rule.scope for p in provisions for rule in p.limits]
        return tuple(scope for scope in scopes if scope.fields)

    def fate(self, grant: Grant) -> Fate:
        """Return what ceilings, prohibitions and limits make of a grant."""
        own, by = grant.field, grant.agreement
        named = tuple(field_covered(grant.ref, scope.fields) for scope in self.naming)
        alike = (by.agreement_id, by.file, own.cls, own.use, own.pairs, named)
        fate = self.fates.get(alike)
        if fate is None:
            fate = self.fates[alike] = _fate(grant, self)
        return fate

    def ceilings(self, agreement: Agreement) -> list[Agreement]:
        """Return the parents of an agreement."""
        return [parent for parent in self.parents if parent.agreement_id in agreement.under]

    def acting(self, agreement: Agreement) -> list[Agreement]:
        """Return the agreements whose prohibitions and limits act on a grant: all of its owner, and its parents."""
        return [*self.owner, *self.ceilings(agreement)]

    def limits(self, grant: Grant) -> list[Limit]:
        """Return the limits on a grant: those on a use that it names or implies."""
        uses = set(IMPLIED[grant.field.use])
        return [
            limit
            for agreement in self.acting(grant.agreement)
            for limit in agreement.provisions.limits
            if uses & set(limit.scope.uses) and limit.scope.covers(grant.ref, grant.field.cls)
        ]


def united_fields(
    grants: Iterable[Grant], refused: Mapping[str, FieldPolicy], rules: Rules
) -> tuple[list[FieldPolicy], list[Denial]]:
    """Unite the grants of one table by output, after what takes away from each of them; return what is denied too.

    `refused` are the fields that an agreement of the owner denies in so many words.
    """
    outputs: dict[tuple[str, str], list[Grant]] = defaultdict(list)
    for grant in grants:
        outputs[grant.output].append(grant)
    rivals = _rivals(outputs)
    fields: dict[str, list[Grant]] = defaultdict(list)
    for (name, _), same in outputs.items():
        fields[name] += same
    united: list[FieldPolicy] = []
    denials: list[Denial] = []
    for (name, _), same in outputs.items():
        fates = [(grant, rules.fate(grant)) for grant in same]
        limits = list(dict.fromkeys(limit for _, fate in fates for limit in fate.limits))
        treatment = coarsest([*(g.field.treatment for g in same), *(limit.treatment for limit in limits)])
        against = _against(same, fields[name], refused.get(name), rivals)
        if against is None and treatment is not None:
            granting = [(grant, fate) for grant, fate in fates if not grant.silent]
            denials += [denial for grant, fate in granting for denial in _denials(grant, fate)]
            united += _merged(same, [(grant.field, fate) for grant, fate in granting if fate.pairs], treatment, limits)
        else:
            by, why = against or _unordered(same, limits)
            denials += [_denial(grant, grant.field.use, by, why) for grant in same if not grant.silent]
    return united, denials


def _denial(grant: Grant, use: str, by: tuple[str, ...], because: str) -> Denial:
    return Denial(grant.ref, use, grant.field.clause, by, because)


def _denials(grant: Grant, fate: Fate) -> list[Denial]:
    """Return the uses that a grant lost; one that serves nothing, and lost nothing, is denied for that."""
    if not fate.pairs and not fate.by:
        return [_denial(grant, grant.field.use, (), "no purpose of the agreement serves this use (AGR-018)")]
    return [_denial(grant, use, fate.by, fate.because) for use in fate.lost]


def _fate(grant: Grant, rules: Rules) -> Fate:
    pairs, by, because = grant.field.pairs, [], []
    for taken, clause, why in _takings(grant, rules):
        if taken & pairs:
            pairs -= taken
            by.append(clause)
            because.append(why)
    return Fate(
        pairs=pairs,
        use=next((use for use in WIDEST if _has(pairs, use)), None),
        lost=tuple(use for use in WIDEST if _has(grant.field.pairs, use) and not _has(pairs, use)),
        by=tuple(by),
        because="; ".join(dict.fromkeys(because)),
        limits=tuple(rules.limits(grant)),
        published_by=frozenset((grant.agreement.agreement_id, purpose) for use, purpose in pairs if use == "publish"),
    )


def _has(pairs: Pairs, use: str) -> bool:
    return any(use == had for had, _ in pairs)


def _takings(grant: Grant, rules: Rules) -> Iterator[tuple[Pairs, str, str]]:
    """Yield what each ceiling and prohibition takes from a grant: the pairs, the clause, and why."""
    for parent in rules.ceilings(grant.agreement):
        yield _above(grant, parent), _ceiling_clause(parent), f"{parent.agreement_id} does not permit it"
    for agreement in rules.acting(grant.agreement):
        for rule in agreement.provisions.prohibits:
            if not rule.together:
                yield prohibited(rule, grant.ref, grant.field.cls, grant.field.pairs), rule.clause, _why(rule)


def _why(rule: Prohibition) -> str:
    return f"{rule.because} ({rule.cite})"


def _ceiling_clause(parent: Agreement) -> str:
    permits = parent.provisions.permits
    return permits.clause if permits else f"{parent.file}:1 {parent.agreement_id}"


def _above(grant: Grant, parent: Agreement) -> Pairs:
    """Return the pairs of a grant that a parent does not permit: by class and use, or by purpose."""
    permits = parent.provisions.permits
    barred = {
        use
        for use in ("link", "content", "publish")
        if permits is None or not class_covered(grant.field.cls, permits.classes[use])
    }
    stopped = {stop for use in barred for stop in STOPS[use]}
    return frozenset((u, p) for u, p in grant.field.pairs if u in stopped or p not in parent.purposes)


def prohibited(rule: Prohibition, ref: FieldRef, cls: str, pairs: Pairs) -> Pairs:
    """Return those of the pairs that a prohibition takes away."""
    if not rule.scope.covers(ref, cls):
        return frozenset()
    stopped = {stop for use in rule.scope.uses for stop in STOPS[use]}
    wanted = rule.scope.purposes
    return frozenset((u, p) for u, p in pairs if u in stopped and (not wanted or p in wanted))


def _rivals(outputs: Mapping[tuple[str, str], Sequence[Grant]]) -> Mapping[str, Sequence[Grant]]:
    """Return the stored columns that more than one output gives, with the grants that give them."""
    giving: dict[str, dict[tuple[str, str], list[Grant]]] = defaultdict(lambda: defaultdict(list))
    for output, same in outputs.items():
        for grant in same if output[1] else ():
            for column in grant.field.columns:
                giving[column][output].append(grant)
    return {column: [g for same in by.values() for g in same] for column, by in giving.items() if len(by) > 1}


def _against(
    same: Sequence[Grant], others: Sequence[Grant], said: FieldPolicy | None, rivals: Mapping[str, Sequence[Grant]]
) -> tuple[tuple[str, ...], str] | None:
    """Return the clauses that leave nothing of an output, and why; None where there are none.

    `others` are all grants of its field, `said` the denial of it in so many words.
    """
    if said is not None:
        return (said.clause,), said.reason
    for column in (column for grant in same for column in grant.field.columns if column in rivals):
        return _clauses(rivals[column]), f"two fields give the column {column} (REL-001)"
    first = same[0].field
    for grant in others:
        if grant.field.cls != first.cls:
            return _clauses(
                [*same, grant]
            ), f"{first.field} is {first.cls} in one and {grant.field.cls} in the other (REL-001)"
    for grant in same:
        if grant.field.date_format != first.date_format:
            return _clauses(same), f"{first.field} is read in two date forms (REL-001)"
    return None


def _unordered(same: Sequence[Grant], limits: Sequence[Limit]) -> tuple[tuple[str, ...], str]:
    asked = [*(str(grant.field.treatment) for grant in same), *(str(limit.treatment) for limit in limits)]
    by = (*_clauses(same), *(limit.clause for limit in limits))
    return by, f"none of these is the coarser: {', '.join(dict.fromkeys(asked))} (REL-001)"


def _clauses(grants: Iterable[Grant]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(grant.field.clause for grant in grants))


def _merged(
    same: Sequence[Grant], kept: Sequence[tuple[FieldPolicy, Fate]], treatment: Treatment, limits: Sequence[Limit]
) -> list[FieldPolicy]:
    """Unite what is left of grants of one output (none, if nothing is): purposes together, the widest use."""
    if not kept:
        return []
    first = kept[0][0]
    uses = {fate.use for _, fate in kept}
    pairs: Pairs = frozenset().union(*(fate.pairs for _, fate in kept))
    coarser = [limit.clause for limit in limits if not as_coarse(first.treatment, limit.treatment)]
    others = [grant.field.clause for grant in same if grant.field.clause != first.clause]
    united = replace(
        first,
        use=next(use for use in WIDEST if use in uses),
        treatment=treatment,
        required=any(field.required for field, _ in kept),
        pairs=pairs,
        published_by=frozenset().union(*(fate.published_by for _, fate in kept)),
        doors=tuple(dict.fromkeys(door for field, _ in kept for door in field.doors)),
        bounds=tuple(dict.fromkeys([*(by for _, fate in kept for by in fate.by), *coarser, *others])),
    )
    return [united]
