"""What is left of the grants of one field: ceilings, prohibitions and limits applied, and one grant for each output.

Every grant is a set of pairs (use, purpose). Ceilings of the parents and prohibitions remove pairs, limits make the
treatment coarser. What takes away never gives elsewhere: the treatment, and what contradicts itself, are decided over
all grants of the owner as they are written, whatever is left of them. Sources and tables are in `enforce`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mou_policies.agreement import Agreement
from mou_policies.coarseness import as_coarse, coarsest
from mou_policies.fields import IMPLIED
from mou_policies.model import FieldPolicy, Pairs, Treatment
from mou_policies.provisions import FieldRef, Limit, Prohibition, class_covered

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


@dataclass(frozen=True)
class Grant:
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
class Rules:
    """What takes away from an owner's grants: prohibitions and limits of the owner, and those of each parent.

    `owner` are the owner's agreements, `parents` all EMOUs; those that bind without granting are among both.
    """

    owner: Sequence[Agreement]
    parents: Sequence[Agreement]

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
    for (field, _), same in outputs.items():
        fields[field] += same
    united: list[FieldPolicy] = []
    denials: list[Denial] = []
    for (field, _), same in outputs.items():
        granting = [grant for grant in same if not grant.silent]
        limits = list(dict.fromkeys(limit for grant in same for limit in rules.limits(grant)))
        treatment = coarsest([*(g.field.treatment for g in same), *(limit.treatment for limit in limits)])
        against = _against(same, fields[field], refused.get(field), rivals)
        if against is None and treatment is not None:
            bounded = [_bounded(grant, rules) for grant in granting]
            denials += [denial for _, lost in bounded for denial in lost]
            united += _merged(same, [kept for kept, _ in bounded if kept], treatment, limits)
        else:
            by, why = against or _unordered(same, limits)
            denials += [_denial(grant, grant.field.use, by, why) for grant in granting]
    return united, denials


def _denial(grant: Grant, use: str, by: tuple[str, ...], because: str) -> Denial:
    return Denial(grant.ref, use, grant.field.clause, by, because)


def _bounded(grant: Grant, rules: Rules) -> tuple[FieldPolicy | None, list[Denial]]:
    """Return what ceilings and prohibitions leave of a grant (None: nothing), and the uses they take."""
    pairs, by, because = grant.field.pairs, [], []
    for taken, clause, why in _takings(grant, rules):
        if taken & pairs:
            pairs -= taken
            by.append(clause)
            because.append(why)
    lost = [use for use in WIDEST if _has(grant.field.pairs, use) and not _has(pairs, use)]
    denials = [_denial(grant, use, tuple(by), "; ".join(dict.fromkeys(because))) for use in lost]
    if not pairs:
        if not by:
            denials = [_denial(grant, grant.field.use, (), "no purpose of the agreement serves this use (AGR-018)")]
        return None, denials
    published = frozenset((grant.agreement.agreement_id, purpose) for use, purpose in pairs if use == "publish")
    return replace(grant.field, pairs=pairs, bounds=tuple(dict.fromkeys(by)), published_by=published), denials


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
    same: Sequence[Grant], kept: Sequence[FieldPolicy], treatment: Treatment, limits: Sequence[Limit]
) -> list[FieldPolicy]:
    """Unite what is left of grants of one output (none, if nothing is): purposes together, the widest use."""
    if not kept:
        return []
    first = kept[0]
    pairs: Pairs = frozenset().union(*(field.pairs for field in kept))
    coarser = [limit.clause for limit in limits if not as_coarse(first.treatment, limit.treatment)]
    others = [grant.field.clause for grant in same if grant.field.clause != first.clause]
    united = replace(
        first,
        use=next(use for use in WIDEST if _has(pairs, use)),
        treatment=treatment,
        required=any(field.required for field in kept),
        pairs=pairs,
        published_by=frozenset().union(*(field.published_by for field in kept)),
        doors=tuple(dict.fromkeys(door for field in kept for door in field.doors)),
        bounds=tuple(dict.fromkeys([*(by for field in kept for by in field.bounds), *coarser, *others])),
    )
    return [united]
