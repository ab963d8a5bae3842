"""What becomes possible with fields: every point of the domain on every span of dates, compared by what it would show.

A point widens where an output tells more than every output that was there: a treatment that is finer, or has no order
with the old one, or the same field under another class or in another date form.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mou_policies import vocabulary
from mou_policies.changes import Change
from mou_policies.coarseness import as_coarse
from mou_policies.domain import RELEASE, USES, Point, Span, granted, joined
from mou_policies.examples import example, shown
from mou_policies.model import FieldPolicy, TablePolicy
from mou_policies.policy import Policy
from mou_policies.provisions import FieldRef

FIELD = "field"
NOT_READ = "not read"
NOT_SO = {"link": "not linked", "content": "not kept", "publish": "not published", RELEASE: "not published"}

Outputs = tuple[FieldPolicy, ...]
Found = dict[Change, dict[tuple[str, str], set[Span]]]


class View:
    """One side on one span: what its policy grants, point by point, and which clauses say so."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.points = granted(policy)
        self.denials = {(d.ref, d.use): (d.granted_by, *d.by) for d in policy.denials}

    def reads(self, ref: FieldRef) -> bool:
        """Whether the column is read for anything."""
        source = self.policy.sources.get(ref[0])
        return source is not None and ref[1] in source.tables and ref[2] in source.tables[ref[1]].wanted

    def clauses(self, point: Point) -> tuple[str, ...]:
        """Return the clauses that allow a point, or those that deny it; none where no agreement speaks of it."""
        held = self.points.get(point, ())
        if held:
            return tuple(dict.fromkeys(clause for f in held for clause in (f.clause, *f.bounds)))
        published = self.points.get(Point(point.ref, "publish", point.purpose), ()) if point.use == RELEASE else ()
        if published:
            refusal = self.policy.licence.refusal(point.ref, published[0], point.purpose)
            return (refusal.clause,) if refusal else ()
        granting = "publish" if point.use == RELEASE else point.use
        return self.denials.get((point.ref, granting)) or self._nearest(point.ref)

    def _nearest(self, ref: FieldRef) -> tuple[str, ...]:
        """Return the clauses on a field, or else that of its table or source, or else what stops the source."""
        source = self.policy.agreed.get(ref[0])
        if source is None:
            return tuple(f"{r.agreement_file}:{r.line}" for r in self.policy.refusals if ref[0] in r.sources)
        table: TablePolicy | None = source.tables.get(ref[1])
        named = [f.clause for f in table.fields if f.field == ref[2]] if table else []
        return tuple(named) or ((table.clause,) if table else (source.clause,))


def widened_points(views: Mapping[Span, tuple[View, View]]) -> Iterator[Change]:
    """Yield what fields may be used for on the second side and not on the first, of the views for every span."""
    found: Found = defaultdict(lambda: defaultdict(set))
    for span, (old, new) in views.items():
        for point, outputs in new.points.items():
            had = old.points.get(point, ())
            if outputs is not had and not all(_covered(output, had) for output in outputs):
                found[_change(point, old, new)][point.use, point.purpose].add(span)
    for change, uses in found.items():
        yield from _grouped(change, uses)


def _covered(output: FieldPolicy, had: Outputs) -> bool:
    """Whether an output tells no more than one that was there."""
    return any(_read_as(output) == _read_as(other) and as_coarse(output.treatment, other.treatment) for other in had)


def _read_as(field: FieldPolicy) -> tuple[str, str | None]:
    """Return what the values are taken for: their class, and of dates the form."""
    dates = any(token.startswith("date.") for token in vocabulary.field_classes()[field.cls].treatments)
    return field.cls, field.date_format if dates else None


def _change(point: Point, old: View, new: View) -> Change:
    """Return a change of one field, without uses, purposes and dates, so that equal ones can be told together."""
    had, outputs = old.points.get(point, ()), new.points[point]
    came = _telling(had, outputs)
    before, after = _shown(had, came), _shown(outputs, came)
    if before == after:
        before, after = f"{before} ({_form(had)})", f"{after} ({_form(outputs)})"
    if not had:
        before = NOT_SO[point.use] if old.reads(point.ref) else NOT_READ
    return Change(FIELD, ".".join(point.ref), before, after, old.clauses(point), new.clauses(point), came)


def _telling(had: Outputs, outputs: Outputs) -> str:
    """Return a made-up value of which the two sides show something else, if one is found."""
    first = example(*sorted((*had, *outputs), key=lambda field: (field.cls, field.treatment.recode)))
    treatments = [field.treatment for field in (*had, *outputs)]
    numbers = {bound for t in treatments for bound in (*t.edges, *([t.limit] if t.limit is not None else []))}
    codes = sorted({code for t in treatments for code, _ in t.recode})
    tried = [first, *codes, *(f"{bound + step:g}" for bound in sorted(numbers) for step in (0, 1, -1))]
    return next((value for value in tried if had and _shown(had, value) != _shown(outputs, value)), first)


def _shown(outputs: Outputs, came: str) -> str:
    """Return what the outputs of a field make of a value, in the order of their names."""
    values = [words for output in sorted(outputs, key=lambda f: f.name) for words in shown(output, came).values()]
    return ", ".join(dict.fromkeys(values))


def _form(outputs: Outputs) -> str:
    return "; ".join(", ".join(filter(None, (str(f.treatment), *_read_as(f)))) for f in outputs)


def _grouped(change: Change, uses: Mapping[tuple[str, str], set[Span]]) -> Iterator[Change]:
    """Yield a change once for all its uses and purposes that have the same dates."""
    alike: dict[tuple[Span, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (use, purpose), spans in sorted(uses.items()):
        alike[tuple(joined(spans))][use].append(purpose)
    for dates, by_use in alike.items():
        yield replace(change, uses=tuple((use, tuple(by_use[use])) for use in USES if use in by_use), spans=dates)
