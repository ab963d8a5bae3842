"""What the agreements in force grant together: grants of one owner unite, ceilings and prohibitions take away.

Every grant is a set of pairs (use, purpose). Ceilings of the parents and prohibitions remove pairs, limits make the
treatment coarser, and what is left of all grants of one field is one. Default deny: what no grant holds is not there.
Which agreements are in force is decided in `policy`; the same answers point by point, found another way, in `explain`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mou_policies.agreement import Agreement
from mou_policies.coarseness import as_coarse, coarsest
from mou_policies.model import FieldPolicy, Pairs, SourcePolicy, TablePolicy
from mou_policies.provisions import FieldRef, Prohibition, class_covered

STOPS: Mapping[str, tuple[str, ...]] = {
    "link": ("link",),
    "content": ("content", "publish"),
    "publish": ("publish",),
}


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
class Stopped:
    """A source that cannot be loaded as its agreements stand together, and why."""

    source: str
    agreements: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class United:
    """The sources as all agreements in force grant them, what was taken away, and the sources that are stopped."""

    sources: Mapping[str, SourcePolicy]
    denials: tuple[Denial, ...]
    stopped: tuple[Stopped, ...]


@dataclass(frozen=True)
class _Grant:
    """One grant on its way: the field as its agreement has it, what may still be done, and what bounded it."""

    ref: FieldRef
    field: FieldPolicy
    pairs: Pairs
    agreement: Agreement


def unite(shares: Sequence[Agreement], parents: Mapping[str, Agreement]) -> United:
    """Return what DSAs in force grant together; `parents` are the EMOUs in force by id.

    Every parent a DSA names must be among `parents`.
    """
    claims: dict[str, list[Agreement]] = defaultdict(list)
    for agreement in sorted(shares, key=lambda a: a.agreement_id):
        for name in agreement.sources:
            claims[name].append(agreement)
    sources: dict[str, SourcePolicy] = {}
    denials: list[Denial] = []
    stopped: list[Stopped] = []
    for name, holders in claims.items():
        because = _conflict(name, holders)
        if because is None:
            rules = _Rules.over(holders[0].owner, shares, parents)
            source, taken = _source(name, holders, rules)
            denials += taken
            because = _unloadable(holders, name, source)
            if because is None:
                sources[name] = source
        if because is not None:
            stopped.append(Stopped(name, tuple(a.agreement_id for a in holders), because))
    return United(sources, tuple(denials), tuple(stopped))


@dataclass(frozen=True)
class _Rules:
    """What takes away from an owner's grants: prohibitions and limits of the owner, and those of each parent."""

    owner: Sequence[Agreement]
    parents: Mapping[str, Agreement]

    @classmethod
    def over(cls, owner: str | None, shares: Sequence[Agreement], parents: Mapping[str, Agreement]) -> _Rules:
        return cls([a for a in shares if a.owner == owner], parents)

    def ceilings(self, agreement: Agreement) -> list[Agreement]:
        return [self.parents[name] for name in agreement.under]

    def acting(self, agreement: Agreement) -> list[Agreement]:
        """Return the agreements whose prohibitions and limits act on a grant: all of its owner, and its parents."""
        return [*self.owner, *self.ceilings(agreement)]


def _conflict(name: str, holders: Sequence[Agreement]) -> str | None:
    owners = sorted({a.owner or "" for a in holders})
    if len(owners) > 1:
        return f"source {name} is claimed by {' and '.join(owners)}; an agreement never speaks for another's data"
    first = _heading(holders[0].sources[name])
    for other in holders[1:]:
        unlike = sorted(key for key, value in _heading(other.sources[name]).items() if value != first[key])
        if unlike:
            files = f"{holders[0].file} and {other.file}"
            return f"source {name} is not described alike in {files}: {', '.join(unlike)}"
    return None


def _heading(source: SourcePolicy) -> dict[str, object]:
    """Return what agreements on one source must say alike: all but fields, exclusions and where it stands."""
    plain = {
        key: getattr(source, key)
        for key in ("standard", "files", "options", "kind", "records_of", "one_record_a_child", "delivery")
    }
    tables = {f"table {t.table}": (t.key, t.record, t.files, t.optional) for t in source.tables.values()}
    return {**plain, **tables, "tables": sorted(source.tables)}


def _unloadable(holders: Sequence[Agreement], name: str, source: SourcePolicy) -> str | None:
    """Say why a source cannot be loaded after what was taken away: a table of persons without their record id."""
    for table in source.tables.values():
        if table.record is not None and not any(f.is_record for f in table.fields):
            return f"table {table.table} has lost its record id {table.record} to a prohibition"
    return None


def _source(name: str, holders: Sequence[Agreement], rules: _Rules) -> tuple[SourcePolicy, list[Denial]]:
    first = holders[0].sources[name]
    denials: list[Denial] = []
    tables = {}
    for table in first.tables:
        held = [a.sources[name].tables[table] for a in holders]
        grants: list[_Grant] = []
        for agreement, policy in zip(holders, held, strict=True):
            grants += [_Grant((name, table, f.field), f, f.pairs, agreement) for f in policy.fields if f.use != "none"]
        fields, taken = _fields(grants, _refused(held), rules)
        denials += taken
        tables[table] = _table(held, fields)
    return replace(first, tables=tables), denials


def _table(held: Sequence[TablePolicy], fields: Sequence[FieldPolicy]) -> TablePolicy:
    """Return the first table with the united fields, its own denials, and the exclusions of all of them."""
    order = {f.field: place for place, f in reversed(list(enumerate(f for t in held for f in t.fields)))}
    denied = [f for t in held for f in t.fields if f.use == "none"]
    granted = {f.field for f in fields}
    kept = [*fields, *(f for f in {d.field: d for d in denied}.values() if f.field not in granted)]
    excludes = tuple(dict.fromkeys(rule for table in held for rule in table.excludes))
    return replace(held[0], fields=tuple(sorted(kept, key=lambda f: order[f.field])), excludes=excludes)


def _refused(held: Sequence[TablePolicy]) -> dict[str, FieldPolicy]:
    """Return the fields that one of the owner's agreements denies in so many words."""
    return {f.field: f for table in held for f in table.fields if f.use == "none"}


def _fields(
    grants: Iterable[_Grant], refused: Mapping[str, FieldPolicy], rules: _Rules
) -> tuple[list[FieldPolicy], list[Denial]]:
    """Apply what takes away to each grant, then unite the grants of one field and one output."""
    left: dict[tuple[str, str], list[_Grant]] = defaultdict(list)
    denials: list[Denial] = []
    for grant in grants:
        if grant.field.field in refused:
            said = refused[grant.field.field]
            denials.append(_denial(grant, grant.field.use, (said.clause,), said.reason))
            continue
        kept, taken = _bounded(grant, rules)
        denials += taken
        if kept is not None:
            left[kept.field.field, "" if kept.field.use == "link" else kept.field.name].append(kept)
    united: list[FieldPolicy] = []
    outputs = Counter(column for (_, name), same in left.items() if name for column in same[0].field.columns)
    for (_, name), same in left.items():
        twice = name and any(outputs[column] > 1 for column in same[0].field.columns)
        unlike = f"two fields give the column {name}" if twice else _unlike(same)
        if unlike:
            rivals = _giving(same[0].field.columns, left) if twice else same
            by = tuple(dict.fromkeys(g.field.clause for g in rivals))
            denials += [_denial(g, g.field.use, by, f"{unlike} (REL-001)") for g in same]
        else:
            united.append(_merged(same))
    return united, denials


def _giving(columns: Sequence[str], left: Mapping[tuple[str, str], Sequence[_Grant]]) -> Iterator[_Grant]:
    """Yield the grants, of any field, that give one of the columns."""
    for (_, name), same in left.items():
        if name and set(columns) & set(same[0].field.columns):
            yield from same


def _denial(grant: _Grant, use: str, by: tuple[str, ...], because: str) -> Denial:
    return Denial(grant.ref, use, grant.field.clause, by, because)


def _bounded(grant: _Grant, rules: _Rules) -> tuple[_Grant | None, list[Denial]]:
    """Return a grant after ceilings, prohibitions and limits: None when nothing is left of it."""
    pairs, by, because = grant.pairs, [], []
    for taken, clause, why in _takings(grant, rules):
        if taken & pairs:
            pairs -= taken
            by.append(clause)
            because.append(why)
    field, bounds, unfit = _limited(grant, rules, pairs)
    if unfit:
        pairs, by, because = frozenset(), [*by, *bounds], [*because, unfit]
    lost = _lost(grant.pairs, pairs)
    denials = [_denial(grant, use, tuple(by), "; ".join(dict.fromkeys(because))) for use in lost if by]
    use = next((u for u in WIDEST if any(u == had for had, _ in pairs)), None)
    if use is None:
        if not by:
            denials = [_denial(grant, grant.field.use, (), "no purpose of the agreement serves this use (AGR-018)")]
        return None, denials
    kept = replace(field, use=use, pairs=pairs, bounds=tuple(dict.fromkeys([*by, *bounds])))
    return replace(grant, field=kept, pairs=pairs), denials


def _lost(before: Pairs, after: Pairs) -> list[str]:
    return [use for use in WIDEST if _has(before, use) and not _has(after, use)]


def _has(pairs: Pairs, use: str) -> bool:
    return any(use == had for had, _ in pairs)


def _takings(grant: _Grant, rules: _Rules) -> Iterator[tuple[Pairs, str, str]]:
    """Yield what each ceiling and prohibition takes from a grant: the pairs, the clause, and why."""
    for parent in rules.ceilings(grant.agreement):
        yield _above(grant, parent), _ceiling_clause(parent), f"{parent.agreement_id} does not permit it"
    for agreement in rules.acting(grant.agreement):
        for rule in agreement.provisions.prohibits:
            if not rule.together:
                yield prohibited(rule, grant.ref, grant.field.cls, grant.pairs), rule.clause, _why(rule)


def _why(rule: Prohibition) -> str:
    return f"{rule.because} ({rule.cite})"


def _ceiling_clause(parent: Agreement) -> str:
    permits = parent.provisions.permits
    return permits.clause if permits else f"{parent.file}:1 {parent.agreement_id}"


def _above(grant: _Grant, parent: Agreement) -> Pairs:
    """Return the pairs of a grant that a parent does not permit: by class and use, or by purpose."""
    permits = parent.provisions.permits
    barred = {
        use
        for use in ("link", "content", "publish")
        if permits is None or not class_covered(grant.field.cls, permits.classes[use])
    }
    stopped = {stop for use in barred for stop in STOPS[use]}
    return frozenset((u, p) for u, p in grant.pairs if u in stopped or p not in parent.purposes)


def prohibited(rule: Prohibition, ref: FieldRef, cls: str, pairs: Pairs) -> Pairs:
    """Return those of the pairs that a prohibition takes away."""
    if not rule.scope.covers(ref, cls):
        return frozenset()
    stopped = {stop for use in rule.scope.uses for stop in STOPS[use]}
    wanted = rule.scope.purposes
    return frozenset((u, p) for u, p in pairs if u in stopped and (not wanted or p in wanted))


def _limited(grant: _Grant, rules: _Rules, pairs: Pairs) -> tuple[FieldPolicy, list[str], str]:
    """Return the field with the coarsest treatment its limits ask for, their clauses, and why none fits if so."""
    field = grant.field
    acting = [
        limit
        for agreement in rules.acting(grant.agreement)
        for limit in agreement.provisions.limits
        if limit.scope.covers(grant.ref, field.cls) and any(_has(pairs, use) for use in limit.scope.uses)
    ]
    treatment = coarsest([field.treatment, *(limit.treatment for limit in acting)])
    if treatment is None:
        asked = ", ".join(str(limit.treatment) for limit in acting)
        return field, [limit.clause for limit in acting], f"no treatment is as coarse as {field.treatment} and {asked}"
    clauses = [limit.clause for limit in acting if not as_coarse(field.treatment, limit.treatment)]
    return replace(field, treatment=treatment), clauses, ""


def _unlike(same: Sequence[_Grant]) -> str:
    """Say why grants of one field and one output cannot be one: another class or date form, treatments not ordered."""
    first = same[0].field
    for grant in same[1:]:
        if (grant.field.cls, grant.field.date_format) != (first.cls, first.date_format):
            return f"{first.field} has another class or date form in {grant.field.clause}"
    if coarsest(g.field.treatment for g in same) is None:
        return "neither treatment is the coarser: " + ", ".join(str(g.field.treatment) for g in same)
    return ""


def _merged(same: Sequence[_Grant]) -> FieldPolicy:
    """Unite grants that are not unlike: purposes together, the coarsest treatment, the widest use."""
    first = same[0].field
    if len(same) == 1:
        return first
    pairs: Pairs = frozenset().union(*(g.pairs for g in same))
    return replace(
        first,
        use=next(u for u in WIDEST if _has(pairs, u)),
        treatment=coarsest(g.field.treatment for g in same) or first.treatment,
        required=any(g.field.required for g in same),
        pairs=pairs,
        doors=tuple(dict.fromkeys(d for g in same for d in g.field.doors)),
        bounds=tuple(dict.fromkeys([*(b for g in same for b in g.field.bounds), *(g.field.clause for g in same[1:])])),
    )
