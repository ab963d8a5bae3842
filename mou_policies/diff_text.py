"""A difference as text that a lawyer reads, and as plain values for programs. Nothing is compared here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mou_policies.changes import Change
from mou_policies.diff import Difference
from mou_policies.diff_points import FIELD
from mou_policies.diff_words import Word
from mou_policies.domain import RELEASE

POSSIBLE, STOPPED = "Newly possible", "No longer possible"
REFUSED, MENDED = "Refused now: grants nothing until it is mended", "No longer refused"
WORDS, CLAUSES = "Words changed, for a person to read", "Clauses that read otherwise"
SAID = {"link": "linked", "content": "kept", "publish": "publishable", RELEASE: "released"}


def text(found: Difference) -> str:
    """Return a difference in words: what is newly possible, what no longer, words changed, and what to do."""
    parts = [*_section(POSSIBLE, found.widened), *_section(STOPPED, found.narrowed)]
    parts += _list(REFUSED, found.refused)
    parts += _list(MENDED, found.mended)
    parts += _list(WORDS, [_word(word) for word in found.words])
    parts += _list(CLAUSES, [f"{name}: {', '.join(paths)}" for name, paths in found.clauses.items()])
    return "\n".join([*parts, verdict(found)])


def verdict(found: Difference) -> str:
    """Return the counts and what a repository should do, in one line."""
    counts = f"{len(found.widened)} newly possible, {len(found.narrowed)} no longer possible"
    words = f"words changed in {len(found.words)} places"
    if found.widens:
        return f"{counts}, {words}. This widens what may be done: ask for a second signature before it is accepted."
    return f"{counts}, {words}. Nothing is newly possible: no second signature is needed."


def plain(found: Difference) -> dict[str, Any]:
    """Return a difference as plain values, for JSON: the lists of changes, words and clauses, and the verdict."""
    return {
        "widens": found.widens,
        "newly_possible": [_plain(change) for change in found.widened],
        "no_longer_possible": [_plain(change) for change in found.narrowed],
        "words_changed": [vars(word) for word in found.words],
        "refused": list(found.refused),
        "no_longer_refused": list(found.mended),
        "clauses": {name: list(paths) for name, paths in found.clauses.items()},
        "verdict": verdict(found),
    }


def _plain(change: Change) -> dict[str, Any]:
    example = {"came": change.came, "before": change.before, "after": change.after} if change.came else None
    return {
        "facet": change.facet,
        "about": change.about,
        "uses": {use: list(purposes) for use, purposes in change.uses},
        "dates": [{"from": str(span.first), "to": str(span.last)} for span in change.spans],
        "before": change.before,
        "after": change.after,
        "example": example,
        "old_clauses": list(change.old),
        "new_clauses": list(change.new),
    }


def _section(title: str, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield title
    groups: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        groups[_heading(change)].append(change)
    for heading, same in groups.items():
        yield f"  {heading}"
        yield from _indented(_aligned(_row(change) for change in same), 4)
    yield ""


def _list(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *_indented(lines), ""] if lines else []


def _heading(change: Change) -> str:
    """Return what a group of changes shares: the table with uses, purposes and dates, or what they are about."""
    dates = ", ".join(f"from {span}" for span in change.spans)
    if change.facet != FIELD:
        return f"{change.about}; {dates}" if dates else change.about
    table = ".".join(change.about.split(".", 2)[:2])
    uses = "; ".join(f"{SAID[use]} for {', '.join(purposes)}" for use, purposes in change.uses)
    return f"{table}: {uses}; {dates}"


def _row(change: Change) -> tuple[str, ...]:
    name = change.about.split(".", 2)[2] if change.facet == FIELD else change.facet
    came = f"{change.came}: " if change.came else ""
    clauses = (
        f"{word} {', '.join(_place(c) for c in them)}"
        for word, them in (("old", change.old), ("new", change.new))
        if them
    )
    return name, f"{came}{change.before} -> {change.after}", *clauses


def _place(clause: str) -> str:
    """Return file and line of a clause; what is no clause, as it is."""
    first = clause.partition(" ")[0]
    return first if first.rpartition(":")[2].isdigit() else clause


def _word(word: Word) -> str:
    places = ", ".join(place for place in (word.old, word.new) if place)
    return f"{word.about}: {word.before} -> {word.after}  ({places})"


def _aligned(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Lay rows out in columns, as wide as the widest cell that is not very long."""
    held = list(rows)
    widths = [max((len(row[i]) for row in held if i < len(row) and len(row[i]) <= 60), default=0) for i in range(3)]
    for row in held:
        cells = [cell.ljust(widths[i]) if i < len(widths) else cell for i, cell in enumerate(row)]
        yield "  ".join(cells).rstrip()


def _indented(lines: Iterable[str], by: int = 2) -> Iterator[str]:
    return (" " * by + line for line in lines)
