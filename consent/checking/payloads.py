"""Compare what is kept of each event with what the event committed to, and with the erasures on record.

What belongs here: payloads and erasures. What does not: the chain. An erasure is right when an event of kind `erasure`
after it names the event whose payload is gone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from consent.checking.findings import Fault, Finding, finding
from consent.checking.rows import Row
from consent.stretches import Stretches, holds, united
from consent.trail import commitment

LOOKUPS = 100
"""How many changed payloads are looked for among the other events."""


@dataclass
class _Run:
    fault: Fault
    first: int
    last: int
    found: str
    expected: str
    cause: int | None = None


@dataclass(frozen=True)
class Erased:
    """What the payload of one erasure says: which events, and why. One that was changed says nothing that counts."""

    names: Stretches
    because: str
    counts: bool = True


def read_erasure(committed: str, salt: bytes | None, payload: str | None) -> Erased:
    """Return what an erasure says."""
    if payload is None or not _fits(committed, salt, payload):
        return Erased([], "", counts=False)
    try:
        said = json.loads(payload)
        return Erased(united([int(first), int(last)] for first, last in said["erased"]), str(said["because"]))
    except (KeyError, TypeError, ValueError, RecursionError):
        return Erased([], "")


class Payloads:
    """The state of the pass over payloads."""

    def __init__(
        self,
        erasures: Iterable[tuple[int, str, bytes | None, str | None]],
        committed_as: Callable[[str], int | None],
    ) -> None:
        self.said = {one[0]: read_erasure(*one[1:]) for one in erasures}
        self.destroyed: Counter[int] = Counter()
        self.unjudged: dict[int, Stretches] = {}
        self.held = 0
        self.runs: list[_Run] = []
        self._named = united(part for one in self.said.values() for part in one.names)
        self._committed_as = committed_as
        self._lookups = LOOKUPS

    def follow(self, row: Row, *, edited: bool) -> None:
        """Take in the next event; of an `edited` one the commitment may be what was edited, so it is not compared."""
        if row.payload is None:
            self._gone(row)
            return
        self.held += 1
        if row.erased_by is not None or holds(self._named, row.sequence):
            by = "" if row.erased_by is None else f" by event {row.erased_by:,}"
            self._note("payload kept", row, "a payload", f"none, since its destruction{by} is on record")
        elif not edited and not _fits(row.commitment, row.salt, row.payload):
            self._note("payload edited", row, self._whose(row), "the payload that the event committed to")

    def _gone(self, row: Row) -> None:
        by = self.said.get(row.erased_by) if row.erased_by is not None else None
        if by is not None and row.erased_by is not None:
            if not by.counts:
                self._cannot_judge(row.sequence, row.erased_by)
            elif row.erased_by > row.sequence and holds(by.names, row.sequence):
                self.destroyed[row.erased_by] += 1
            else:
                found = f"a destruction on record by event {row.erased_by:,}, which does not name it"
                self._note("erasure false", row, found, "an erasure after it that does")
        elif row.erased_by is not None:
            found = f"a destruction on record by event {row.erased_by:,}, which is no erasure"
            self._note("erasure false", row, found, "an event of kind erasure")
        elif holds(self._named, row.sequence):
            self._note("erasure removed", row, "no record of the destruction", "the one that an erasure names")
        else:
            self._note("payload removed", row, "no payload", "a payload, or the record of its destruction")

    def _cannot_judge(self, number: int, by: int) -> None:
        """Note a destruction by an erasure whose own payload is gone or changed: it says nothing that counts."""
        parts = self.unjudged.setdefault(by, [])
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])

    def _whose(self, row: Row) -> str:
        if self._lookups > 0 and isinstance(row.salt, bytes) and isinstance(row.payload, str):
            self._lookups -= 1
            other = self._committed_as(_commitment(row.salt, row.payload))
            if other is not None:
                return f"the payload of event {other:,}"
        return "another payload"

    def _note(self, fault: Fault, row: Row, found: str, expected: str) -> None:
        run = self.runs[-1] if self.runs else None
        if run is not None and (run.fault, run.last, run.found) == (fault, row.sequence - 1, found):
            run.last = row.sequence
        else:
            cause = row.erased_by if fault == "erasure false" else None
            self.runs.append(_Run(fault, row.sequence, row.sequence, found, expected, cause))

    def findings(self) -> list[Finding]:
        """Return what is wrong with payloads and erasures, in the order of the events."""
        return [finding(run.fault, run.first, run.last, run.found, run.expected, cause=run.cause) for run in self.runs]


def _commitment(salt: bytes, payload: str) -> str:
    return commitment(salt, payload.encode("utf-8", "surrogateescape"))


def _fits(committed: str, salt: bytes | None, payload: str) -> bool:
    """Say whether a payload is what was committed to; salt and payload may be of any type that SQLite lets in."""
    if not isinstance(salt, bytes) or not isinstance(payload, str):
        return False
    return _commitment(salt, payload) == committed
