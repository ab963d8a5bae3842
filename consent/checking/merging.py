"""From runs of breaks to findings: one fault is one finding, however many events it disturbs.

An event taken out, or put in, moves the numbers of all after it; two events exchanged leave two breaks; an event that
was edited does not fit the next. What belongs here: telling these apart. What does not: the pass (`chain`), evidence
from outside the chain (`witnesses`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from consent.checking.chain import Run
from consent.checking.findings import Finding, finding
from consent.stretches import Stretches, in_words, united

_FITS = "the digest that the event's own columns give"


def chain_findings(runs: list[Run], end: int) -> list[Finding]:
    """Return what is wrong with a chain whose last event is `end`, in the order of the events."""
    moved = [run for run in runs if run.what == "renumbered"]
    reordered = _reordered(moved)
    exchanged = {id(run) for group in reordered for run in group}
    shifted = [run for run in moved if id(run) not in exchanged]
    gaps, strays = _moved_into_gaps([run for run in runs if run.what == "gap"], shifted)
    found = [_reorder(group) for group in reordered]
    found += [_stray(run) for run in strays]
    found += [finding("removed", first, last, "no event", "an event of this number") for first, last in gaps]
    inserted, others = _shifts([run for run in shifted if run not in strays], runs)
    found += [*inserted, *others, *_plain(runs, inserted, end)]
    return sorted(found, key=lambda one: (one.first, one.last))


def _plain(runs: list[Run], inserted: list[Finding], end: int) -> Iterator[Finding]:
    """Yield the findings of runs that need no other run to be understood."""
    for run in runs:
        numbers = in_words([(run.first, run.last)])
        if run.what == "altered":
            put_in = next((one.first for one in inserted if run.first <= one.first <= run.last), run.last + 1)
            if put_in > run.first:
                yield finding("edited", run.first, put_in - 1, "columns that give another digest", _FITS)
        elif run.what == "repeated":
            yield finding("repeated", run.first, run.last, "more than one event of this number", "one")
        elif run.what == "skipped":
            found = f"no event {numbers}, and after it an event chained to what stands before"
            yield finding("renumbered", run.first, end, found, "numbers without a gap")
        elif run.what == "relinked":
            event = max(run.first, 1)
            expected = "the digest that the event after it recorded" if run.first else "no event before the first one"
            yield finding("rewritten", event, event, "an event with another digest", expected, earliest=1)


def _reordered(moved: list[Run]) -> list[list[Run]]:
    """Return the groups of runs that have exchanged their numbers among themselves."""
    groups: list[list[Run]] = []
    for run in sorted(moved, key=lambda one: one.first):
        touching = [group for group in groups if any(_touch(run, other) for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([*(one for group in touching for one in group), run])
    return [group for group in groups if _held(group) == united(run.origin for run in group)]


def _touch(run: Run, other: Run) -> bool:
    def overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
        return a[0] <= b[1] and b[0] <= a[1]

    return overlap(run.origin, (other.first, other.last)) or overlap(other.origin, (run.first, run.last))


def _held(group: list[Run]) -> Stretches:
    return united((run.first, run.last) for run in group)


def _reorder(group: list[Run]) -> Finding:
    first, last = min(run.first for run in group), max(run.last for run in group)
    places = sorted(group, key=lambda run: run.first)
    said = [f"what was event {in_words([run.origin])} at {in_words([(run.first, run.last)])}" for run in places[:4]]
    more = f" and {len(places) - 4} more" if len(places) > 4 else ""
    return finding("reordered", first, last, ", ".join(said) + more, "events in the order they were recorded in")


def _moved_into_gaps(gaps: list[Run], shifted: list[Run]) -> tuple[Stretches, list[Run]]:
    """Take from the gaps the numbers whose events stand elsewhere; return what is left, and the runs that had them.

    What is left of a gap right before such a run is no number of an event: the run only skipped it.
    """
    strays = [run for run in shifted if any(gap.first <= run.origin[0] <= gap.last for gap in gaps)]
    left: Stretches = []
    for gap in gaps:
        numbers = [[gap.first, gap.last]]
        for run in strays:
            numbers = [part for one in numbers for part in _without(one, run.origin)]
        left += [part for part in numbers if not any(part[1] + 1 == run.first and run.shift < 0 for run in strays)]
    return left, strays


def _without(part: list[int], taken: tuple[int, int]) -> Stretches:
    if taken[1] < part[0] or part[1] < taken[0]:
        return [part]
    return [one for one in ([part[0], taken[0] - 1], [taken[1] + 1, part[1]]) if one[0] <= one[1]]


def _stray(run: Run) -> Finding:
    first, last = min(run.first, run.origin[0]), max(run.last, run.origin[1])
    found = f"what was event {in_words([run.origin])} under the number {in_words([(run.first, run.last)])}"
    return finding("renumbered", first, last, found, "the number that its digest holds for")


def _shifts(shifted: list[Run], runs: list[Run]) -> tuple[list[Finding], list[Finding]]:
    """Return (events put in, events taken out) from how far the numbers after them have moved."""
    inserted, removed = [], []
    before: Run | None = None
    for run in sorted(shifted, key=lambda one: one.first):
        prior = before.shift if before is not None and _continues(before, run, runs) else 0
        moved = run.shift - prior
        if moved < 0:
            found = f"{_events(-moved)} before which the numbers of those after it were moved"
            inserted.append(finding("inserted", run.first + moved, run.last, found, "the event recorded at that place"))
        elif moved > 0:
            gone = (run.first + prior, run.first + prior + moved - 1)
            found = f"those after it moved up into the place of event {in_words([gone])}"
            removed.append(finding("removed", gone[0], run.last, found, "the event recorded there"))
        elif before is not None:
            _reach(inserted if before.shift < 0 else removed, run.last)
        before = run
    return inserted, removed


def _reach(found: list[Finding], last: int) -> None:
    """Let the newest of some findings reach on to an event: those up to there have moved as far as those before."""
    if found:
        found[-1] = replace(found[-1], last=last)


def _continues(before: Run, run: Run, runs: list[Run]) -> bool:
    """Say whether nothing but what was put in, or altered, lies between two runs."""
    between = run.first - before.last - 1
    altered = sum(
        other.last - other.first + 1
        for other in runs
        if other.what == "altered" and before.last < other.first and other.last < run.first
    )
    return between in {0, altered, before.shift - run.shift}


def _events(count: int) -> str:
    return "an event" if count == 1 else f"{count:,} events"
