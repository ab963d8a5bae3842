"""Follow the chain, event by event, and note in runs where it does not hold.

What belongs here: one pass with the state of one event. What does not: what a run means beside others (`merging`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from consent.checking.rows import Row
from consent.trail import FIRST

Break = Literal["gap", "skipped", "repeated", "renumbered", "altered", "relinked"]
"""gap: numbers without an event. skipped: the same, but what follows was chained to what stands before. repeated: one
number, two events. renumbered: the digest holds under another number. altered: it holds under none. relinked: the event
after it recorded another digest of it."""

LOOKUPS = 2_000
HASHES = 500_000
MISSES = 1_000
"""How much is tried in a whole trail to find the number that a moved event had."""


@dataclass
class Run:
    """Neighbouring events with one sort of break; `shift` is the number they had, less the one they have."""

    what: Break
    first: int
    last: int
    shift: int = 0

    @property
    def origin(self) -> tuple[int, int]:
        """The numbers that the events of the run had, first and last."""
        return self.first + self.shift, self.last + self.shift


class Chain:
    """The state of the pass: the event before, the runs so far, the digests that witnesses will ask for."""

    def __init__(self, wanted: set[int], numbers: Numbers) -> None:
        self.runs: list[Run] = []
        self.digests: dict[int, str] = {}
        self.events = 0
        self.last = 0
        self._wanted = wanted
        self._numbers = numbers
        self._digest = FIRST
        self._sound = True

    def follow(self, row: Row) -> Break | None:
        """Take in the next event; return what is wrong with it itself, None if it is sound."""
        expected, linked = self.last + 1, row.previous == self._digest
        after_gap = row.sequence > expected
        if after_gap:
            chained_anew = linked and row.digest_as(row.sequence) == row.digest
            self._note("skipped" if chained_anew else "gap", expected, row.sequence - 1)
        wrong = self._own(row, expected)
        if wrong is None and not linked and not after_gap and self._sound:
            self._note("relinked", self.last, self.last)
        self._digest, self._sound, self.events = row.digest, wrong is None, self.events + 1
        self.last = max(self.last, row.sequence)
        if row.sequence in self._wanted:
            self.digests.setdefault(row.sequence, row.digest)
        return wrong

    def _own(self, row: Row, expected: int) -> Break | None:
        if 0 < row.sequence < expected:
            self._note("repeated", row.sequence, row.sequence)
            return "repeated"
        if row.sequence > 0 and row.digest_as(row.sequence) == row.digest:
            return None
        number = self._numbers.of(row, expected)
        what: Break = "altered" if number is None else "renumbered"
        self._note(what, row.sequence, row.sequence, 0 if number is None else number - row.sequence)
        return what

    def _note(self, what: Break, first: int, last: int, shift: int = 0) -> None:
        run = self.runs[-1] if self.runs else None
        if run is not None and run.what == what and run.shift == shift and run.last == first - 1:
            run.last = last
        else:
            self.runs.append(Run(what, first, last, shift))


class Numbers:
    """Find the number that an event had, of which only the number was changed."""

    def __init__(self, place_of: Callable[[str], int | None], highest: int) -> None:
        self._place_of = place_of
        self._highest = highest
        self._shift = 0
        self._misses = 0
        self._lookups = LOOKUPS
        self._hashes = HASHES

    def of(self, row: Row, expected: int) -> int | None:
        """Return the number under which the digest of an event holds, None if it was found under none."""
        near = (row.sequence - 1, row.sequence + 1, expected) if self._misses < MISSES else ()
        found = self._first(row, (row.sequence + self._shift, *near))
        if found is None and self._lookups > 0:
            self._lookups -= 1
            readable = isinstance(row.previous, str) and row.previous.isascii()
            before = self._place_of(row.previous) if readable else None
            found = None if before is None else self._first(row, (before + 1, before, before + 2))
        if found is None and self._hashes >= self._highest:
            self._hashes -= self._highest
            found = self._first(row, range(1, self._highest + 1))
        if found is None:
            self._misses += 1
        else:
            self._shift, self._misses = found - row.sequence, 0
        return found

    @staticmethod
    def _first(row: Row, candidates: range | tuple[int, ...]) -> int | None:
        return next((number for number in candidates if row.digest_as(number) == row.digest), None)
