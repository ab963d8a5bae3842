"""What the agreements in force grant together: grants of one owner unite, ceilings and prohibitions take away.

Here are sources and tables: who may speak for a source, what agreements on it must say alike, and what is excluded.
What is left of the grants of one field is in `grants`; which agreements are in force is decided in `policy`. The same
answers point by point, found another way, are in `explain`. Default deny: what no grant holds is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from mou_policies.agreement import Agreement
from mou_policies.grants import STOPS, Denial, Grant, Rules, united_fields
from mou_policies.model import FieldPolicy, SourcePolicy, TablePolicy
from mou_policies.provisions import DSA, EMOU

__all__ = ["STOPS", "Denial", "Stopped", "United", "unite"]


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


def unite(shares: Sequence[Agreement], parents: Mapping[str, Agreement], bound: Sequence[Agreement] = ()) -> United:
    """Return what DSAs in force grant together; `parents` are the EMOUs in force by id.

    `bound` are agreements that grant nothing, and whose parties are bound by them: what they forbid, limit, deny and
    contradict counts as if they were in force. Raises ValueError where a parent that a DSA names is not there.
    """
    lost = sorted({name for a in shares for name in a.under} - set(parents))
    if lost:
        raise ValueError(f"agreements whose parents {', '.join(lost)} are not in force cannot be in force")
    silent = _in_order(a for a in bound if a.kind == DSA)
    above = _in_order([*parents.values(), *(a for a in bound if a.kind == EMOU)])
    return _united(_in_order(shares), silent, above)


@lru_cache(maxsize=8)
def _united(granting: tuple[Agreement, ...], silent: tuple[Agreement, ...], above: tuple[Agreement, ...]) -> United:
    """Unite the same agreements once: they are asked about several days, and on most the same are in force."""
    claims: dict[str, list[Agreement]] = defaultdict(list)
    for agreement in granting:
        for name in agreement.sources:
            claims[name].append(agreement)
    sources: dict[str, SourcePolicy] = {}
    denials: list[Denial] = []
    stopped: list[Stopped] = []
    for name, holders in claims.items():
        beside = [a for a in silent if name in a.sources]
        because = _conflict(name, [*holders, *beside])
        if because is None:
            rules = Rules([a for a in (*granting, *silent) if a.owner == holders[0].owner], above)
            source, taken = _source(name, holders, beside, rules)
            denials += taken
            because = _unloadable(holders, name, source)
            if because is None:
                sources[name] = source
        if because is not None:
            stopped.append(Stopped(name, tuple(a.agreement_id for a in holders), because))
    return United(sources, tuple(denials), tuple(stopped))


def _in_order(agreements: Iterable[Agreement]) -> tuple[Agreement, ...]:
    return tuple(sorted(agreements, key=lambda a: (a.agreement_id, a.file)))


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


def _source(
    name: str, holders: Sequence[Agreement], silent: Sequence[Agreement], rules: Rules
) -> tuple[SourcePolicy, list[Denial]]:
    first = holders[0].sources[name]
    denials: list[Denial] = []
    tables = {}
    for table in first.tables:
        held = [a.sources[name].tables[table] for a in (*holders, *silent)]
        grants = [
            Grant((name, table, f.field), f, agreement, number >= len(holders))
            for number, agreement in enumerate((*holders, *silent))
            for f in held[number].fields
            if f.use != "none"
        ]
        fields, taken = united_fields(grants, _refused(held), rules)
        denials += taken
        tables[table] = _table(held, fields)
    return replace(first, tables=tables), denials


def _table(held: Sequence[TablePolicy], fields: Sequence[FieldPolicy]) -> TablePolicy:
    """Return the first table with the united fields, the denials in so many words, and the exclusions of all."""
    order = {f.field: place for place, f in reversed(list(enumerate(f for t in held for f in t.fields)))}
    denied = [f for t in held for f in t.fields if f.use == "none"]
    granted = {f.field for f in fields}
    kept = [*fields, *(f for f in {d.field: d for d in denied}.values() if f.field not in granted)]
    excludes = tuple(dict.fromkeys(rule for table in held for rule in table.excludes))
    return replace(held[0], fields=tuple(sorted(kept, key=lambda f: order[f.field])), excludes=excludes)


def _refused(held: Sequence[TablePolicy]) -> dict[str, FieldPolicy]:
    """Return the fields that one of the owner's agreements denies in so many words."""
    return {f.field: f for table in held for f in table.fields if f.use == "none"}
