"""Random sets of agreements: what they grant, how that is explained, and what a change may make of it.

Every property is held on every point of the finite domain: each field x use x purpose x span of dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.mou_oracle import Oracle
from support.mou_worlds import NEWCOMER, PURPOSES, changed, narrowed, read, without_lint, world

from mou_policies.agreement import Agreement
from mou_policies.changes import Change, Side
from mou_policies.coarseness import as_coarse
from mou_policies.diff import diff
from mou_policies.diff_points import FIELD
from mou_policies.domain import DAY, RELEASE, Point, Span, granted, spans
from mou_policies.explain import Question, explain
from mou_policies.model import Treatment
from mou_policies.policy import Policy, assumed_policy
from mou_policies.provisions import FieldRef

RANDOM = st.integers(0, 2**32 - 1).map(Random)
FEW = settings(max_examples=60, deadline=None)

JUDGED = pytest.mark.parametrize("judge", [assumed_policy, without_lint])
"""As a night judges agreements, and without lint, which refuses whatever is wider than its parents."""

Allowed = dict[Point, dict[str, Treatment]]


def allowed(policy: Policy) -> Allowed:
    """Every point that is allowed, with the treatment of each output (tokens are one output)."""
    return {
        point: {"" if field.use == "link" else field.name: field.treatment for field in fields}
        for point, fields in granted(policy).items()
    }


def policies(agreements: Iterable[Agreement], judge) -> Iterator[Policy]:  # type: ignore[no-untyped-def]
    held = list(agreements)
    return (judge(held, span.first) for span in spans(held))


def refs(agreements: Iterable[Agreement]) -> set[FieldRef]:
    """Every field that any agreement names, and one of each table that none does."""
    tables = [(s.source, t) for a in agreements for s in a.sources.values() for t in s.tables.values()]
    return {(source, t.table, name) for source, t in tables for name in (*(f.field for f in t.fields), "nobody")}


@JUDGED
@FEW
@given(RANDOM)
def test_nothing_is_allowed_without_a_grant_and_past_a_prohibition(judge, draw: Random) -> None:  # type: ignore[no-untyped-def]
    held = world(draw)
    for policy in policies(read(held), judge):
        in_force, bound = ({a.file for a in them} for them in (policy.agreements.values(), policy.bound))
        assert allowed(policy) == Oracle(held, in_force, bound).answer()


def widenings(old: Allowed, new: Allowed) -> list[tuple[Point, Treatment]]:
    """What the new allows and the old did not, or only coarser."""
    return [
        (point, treatment)
        for point, outputs in new.items()
        for treatment in outputs.values()
        if not any(as_coarse(treatment, before) for before in old.get(point, {}).values())
    ]


@JUDGED
@FEW
@given(RANDOM)
@example(Random(26726))  # another owner's agreement under the id of one that is not in force yet
@example(Random(96102))  # and under that of a memorandum
def test_what_takes_away_never_widens(judge, draw: Random) -> None:  # type: ignore[no-untyped-def]
    """A parent, a prohibition, a limit or another owner's agreement more, whose own data is another matter."""
    held = world(draw)
    before, after = read(held), read(narrowed(draw, held))
    for span in spans([*before, *after]):
        old, new = (judge(agreements, span.first) for agreements in (before, after))
        found = widenings(allowed(old), allowed(new))
        assert [item for item in found if new.sources[item[0].ref[0]].agency != NEWCOMER] == []


@JUDGED
@FEW
@given(RANDOM)
def test_explain_agrees_with_what_is_enforced(judge, draw: Random) -> None:  # type: ignore[no-untyped-def]
    agreements = read(world(draw))
    for policy in policies(agreements, judge):
        enforced = allowed(policy)
        for ref in refs(agreements):
            for use in ("link", "content", "publish"):
                for purpose in (*PURPOSES, None):
                    told = explain(policy, Question(ref, use, policy.on, purpose))
                    at = RELEASE if use == "publish" else use
                    holding = [enforced.get(Point(ref, at, p), {}) for p in PURPOSES if purpose in {None, p}]
                    expected = {name: treatment for outputs in holding for name, treatment in outputs.items()}
                    assert (told.allowed, dict(told.outputs)) == (bool(expected), expected), told


@JUDGED
@FEW
@given(RANDOM)
def test_the_order_of_agreements_does_not_matter(judge, draw: Random) -> None:  # type: ignore[no-untyped-def]
    agreements = read(world(draw))
    mixed = draw.sample(agreements, len(agreements))
    for old, new in zip(policies(agreements, judge), policies(mixed, judge), strict=True):
        assert (old.sources, old.agreed, old.denials, old.digest) == (new.sources, new.agreed, new.denials, new.digest)
        assert set(old.refusals) == set(new.refusals)
        assert allowed(old) == allowed(new)


def told(changes: Iterable[Change], days: Iterable[Span]) -> set[tuple[Span, Point]]:
    """Every point on every span that the changes of fields tell of."""
    return {
        (day, Point(ref_of(change.about), use, purpose))
        for change in changes
        if change.facet == FIELD
        for use, purposes in change.uses
        for purpose in purposes
        for day in days
        if any(span.first <= day.first and day.last <= span.last for span in change.spans)
    }


def ref_of(name: str) -> FieldRef:
    source, table, field = name.split(".", 2)
    return source, table, field


@FEW
@given(RANDOM)
def test_diff_tells_every_point_that_widens_and_no_other(draw: Random) -> None:
    """Hence it is empty exactly where two sets grant the same on every point."""
    held = world(draw)
    before, after = read(held), read(changed(draw, held))
    found = diff(Side(tuple(before)), Side(tuple(after)))
    days = spans([*before, *after])
    for old, new, changes in ((before, after, found.widened), (after, before, found.narrowed)):
        points = {
            (day, p) for day in days for p, _ in widenings(*(allowed(assumed_policy(x, day.first)) for x in (old, new)))
        }
        assert told(changes, days) == points


@FEW
@given(RANDOM)
def test_what_one_way_widens_the_other_way_narrows(draw: Random) -> None:
    held = world(draw)
    old, new = Side(tuple(read(held))), Side(tuple(read(changed(draw, held))))
    there, back = diff(old, new), diff(new, old)
    assert there.widened == tuple(change.turned for change in back.narrowed)
    assert there.narrowed == tuple(change.turned for change in back.widened)


@FEW
@given(RANDOM)
def test_diff_of_what_takes_away_is_never_widening(draw: Random) -> None:
    """A parent, a prohibition, a limit; another owner's agreement widens what is its own, and nothing else."""
    held = world(draw)
    after = narrowed(draw, held)
    found = diff(Side(tuple(read(held))), Side(tuple(read(after))))
    own = set(after.get(f"{NEWCOMER}0.yaml", {"sources": {}})["sources"])
    assert [change for change in found.widened if change.about.partition(".")[0] not in own] == []


@JUDGED
@FEW
@given(RANDOM)
def test_nothing_changes_within_a_span(judge, draw: Random) -> None:  # type: ignore[no-untyped-def]
    agreements = read(world(draw))
    days = spans(agreements)
    assert all(earlier.last < later.first for earlier, later in pairwise(days))
    for day in days:
        within = day.first + (day.last - day.first) * draw.random()
        assert len({str(allowed(judge(agreements, on))) for on in (day.first, within, day.last)}) == 1
    for outside in (days[0].first - DAY, days[-1].last + DAY):
        assert not allowed(judge(agreements, outside))


def test_worlds_are_not_empty() -> None:
    """The worlds drawn grant, deny, license and take away often enough to be worth the asking."""
    drawn = [read(world(Random(seed))) for seed in range(60)]
    held = [policy for agreements in drawn for policy in policies(agreements, assumed_policy)]
    assert sum(bool(policy.sources) for policy in held) > len(held) / 2
    assert sum(bool(policy.denials) for policy in held) > len(held) / 10
    assert sum(any(p.use == RELEASE for p in allowed(policy)) for policy in held) > len(held) / 10
    assert sum(bool(policy.licence.licences) for policy in held) > len(held) / 20
