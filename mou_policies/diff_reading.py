"""What becomes possible beside fields when files are read: rows that were left out, columns, files, another reading.

Compared are the tables as agreements together have them read on every span of dates. What is done with a field's
values is in `diff_points`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from mou_policies.changes import NOTHING, Change
from mou_policies.diff_points import View
from mou_policies.domain import Span, joined
from mou_policies.exclusions import same
from mou_policies.model import Exclusion, SourcePolicy, TablePolicy

ANY = "any other value, or none"
SETTINGS = ("agency", "standard", "kind", "records_of", "one_record_a_child")
"""What says whose records these are and how they are read: another one is neither wider nor narrower, but both."""

DELIVERIES = ("full", "delta")
"""A full delivery drops the records that it does not hold; of a delta they stay."""


def widened_reading(views: Mapping[Span, tuple[View, View]]) -> Iterator[Change]:
    """Yield what the second side reads and the first does not, of the views for every span."""
    found: dict[Change, set[Span]] = defaultdict(set)
    for span, (old, new) in views.items():
        for name, source in new.policy.sources.items():
            before = old.policy.sources.get(name)
            for change in _source(before, source) if before is not None else ():
                found[change].add(span)
    for change, spans in found.items():
        yield replace(change, spans=tuple(joined(spans)))


def _source(old: SourcePolicy, new: SourcePolicy) -> Iterator[Change]:
    clauses = (old.clause,), (new.clause,)
    for key in SETTINGS:
        if getattr(old, key) != getattr(new, key):
            yield Change("reading", new.source, _said(key, getattr(old, key)), _said(key, getattr(new, key)), *clauses)
    for key, before, after in _options(old, new):
        yield Change("reading", new.source, _said(key, before), _said(key, after), *clauses)
    yield from _files(new.source, old.files, new.files, clauses)
    for name, table in new.tables.items():
        if name in old.tables:
            yield from _table(new.source, old.tables[name], table)


def _said(key: str, value: object) -> str:
    shown = ", ".join(value) if isinstance(value, tuple) else value
    return f"{key}: {NOTHING if shown in {None, ''} else shown}"


def _options(old: SourcePolicy, new: SourcePolicy) -> Iterator[tuple[str, object, object]]:
    """Yield the settings of the files that are others; date forms count where a field is read in them."""
    for key in sorted({*old.options, *new.options} - {"date_format", "nulls"}):
        if old.options.get(key) != new.options.get(key):
            yield key, old.options.get(key), new.options.get(key)
    if old.delivery != new.delivery and (old.delivery, new.delivery) != DELIVERIES[::-1]:
        yield "delivery", old.delivery, new.delivery
    before, after = (side.options.get("nulls", ()) for side in (old, new))
    if isinstance(before, tuple) and isinstance(after, tuple) and set(before) - set(after):
        yield "nulls", before, after


def _files(about: str, old: Sequence[str], new: Sequence[str], at: tuple[tuple[str], tuple[str]]) -> Iterator[Change]:
    more = [glob for glob in new if not any(_within(glob, other) for other in old)]
    if more:
        yield Change("files", about, f"files {', '.join(old)}", f"files {', '.join(new)}", *at)


def _within(glob: str, other: str) -> bool:
    """Whether every file that one pattern names is named by the other: a `*` of the first is met only by its like."""
    return glob == other or (not set(other) & set("?[") and not set(glob) & set("?[") and fnmatchcase(glob, other))


def _table(source: str, old: TablePolicy, new: TablePolicy) -> Iterator[Change]:
    about, clauses = f"{source}.{new.table}", ((old.clause,), (new.clause,))
    if (old.key, old.record) != (new.key, new.record):
        yield Change("reading", about, _rows(old), _rows(new), *clauses)
    if old.files or new.files:
        yield from _files(about, old.files, new.files, clauses)
    granted = {f.field for f in new.fields if f.use != "none"}
    for column in new.wanted:
        if column not in old.wanted and column not in granted:
            yield Change("column", f"{about}.{column}", "not read", "read, not kept", *clauses)
    for rule in old.excludes:
        yield from _exclusion(about, rule, new.excludes, clauses)


def _rows(table: TablePolicy) -> str:
    return f"rows told apart by {', '.join(table.key) or NOTHING}, of the record {table.record or NOTHING}"


def _exclusion(
    about: str, rule: Exclusion, others: Sequence[Exclusion], at: tuple[tuple[str], tuple[str]]
) -> Iterator[Change]:
    """Yield the rows that an exclusion left out and that are loaded now, and those that refer to them."""
    on_field = [other for other in others if other.field == rule.field]
    where = f"{about}.{rule.field}"
    came = _let_in(rule, on_field)
    if came:
        yield Change("rows", where, f"left out ({rule.name})", "loaded", *at, ", ".join(came))
    elif rule.cascade and _let_in(rule, [other for other in on_field if other.cascade]):
        yield Change("rows", where, "left out too", "loaded", *at, f"what refers to rows that {rule.name} leaves out")


def _let_in(rule: Exclusion, others: Sequence[Exclusion]) -> list[str]:
    """Return the values, in words, with which a row is excluded by a rule and by none of the others."""
    values = [value for value in rule.equals if not any(_excludes(other, value) for other in others)]
    if rule.protective:
        told = {same(v) for v in (*rule.safe, *rule.equals)}
        named = [value for other in others for value in (*other.safe, *other.equals) if same(value) not in told]
        values += [v for v in dict.fromkeys(named) if not any(_excludes(other, v) for other in others)]
        if not any(other.protective for other in others):
            values.append(ANY)
    return values


def _excludes(rule: Exclusion, value: str) -> bool:
    if same(value) in {same(v) for v in rule.equals}:
        return True
    return rule.protective and same(value) not in {same(v) for v in rule.safe}
