"""What can be wrong with an audit trail, and how each of it is said to people.

What belongs here: the closed list of faults with what each means and what to do. What does not: finding them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

Fault = Literal[
    "edited",
    "removed",
    "inserted",
    "repeated",
    "renumbered",
    "reordered",
    "rewritten",
    "truncated",
    "payload edited",
    "payload removed",
    "payload kept",
    "erasure false",
    "erasure removed",
    "checkpoint edited",
    "checkpoint untrusted",
    "checkpoint removed",
    "event replaced",
    "no such event",
]

_KEEP = "keep the registry as it is for inquiry, and compare the event with a backup made before"
_RESTORE = "keep the registry as it is for inquiry, and look for what is gone in a backup made before"

WORDS: dict[str, tuple[str, str]] = {
    "edited": ("somebody changed what is recorded of it", _KEEP),
    "removed": ("somebody took it out of the trail", _RESTORE),
    "inserted": ("somebody put it in later, and moved those after it", _KEEP),
    "repeated": ("somebody put one in beside the other; the table was made anew to let them", _KEEP),
    "renumbered": ("somebody gave it another number", _KEEP),
    "reordered": ("somebody changed the order in which things happened", _KEEP),
    "rewritten": ("somebody changed, put in or took out events there and computed their digests anew", _KEEP),
    "truncated": (
        "somebody took the newest events away, or put an older copy of the registry in its place",
        _RESTORE,
    ),
    "payload edited": ("somebody changed what the event was about; that there was such an event still stands", _KEEP),
    "payload removed": ("somebody destroyed what the event was about without saying so", _RESTORE),
    "payload kept": (
        "what should be destroyed is still there, or somebody put it back",
        "find out who wrote it; then destroy it again",
    ),
    "erasure false": ("somebody made the destruction of a payload look recorded", _RESTORE),
    "erasure removed": ("somebody took away the record of a destruction that the trail itself names", _KEEP),
    "checkpoint edited": ("somebody changed a checkpoint", "compare it with the anchor made of it; " + _KEEP),
    "checkpoint untrusted": (
        "somebody without the hub's key signed it, or the key was replaced",
        "if the hub changed its key, trust the old one too (--trust); if not, " + _KEEP,
    ),
    "checkpoint removed": ("somebody took away a checkpoint", _RESTORE),
    "event replaced": ("the event that was recorded there is gone, another one has its number", _KEEP),
    "no such event": ("somebody wrote into the registry past the trail", _KEEP),
}
"""What each fault means, and what to do."""

_ANCHORED = "somebody who holds the hub's key rewrote the history there and signed it anew"
_SHOWN = 3
"""Pieces of further evidence that a sentence holds."""

_OTHER_ANCHOR = "make sure that the anchor is of this registry and that no older backup was restored; then "


@dataclass(frozen=True)
class Finding:
    """One fault: the first event that is certainly at fault, and the last one the damage reaches.

    `earliest` is where the fault may begin: before `first` only where digests were computed anew, since nothing but a
    checkpoint or an anchor tells how far back. `also` is further evidence of the same fault; `cause` is another event
    that would explain it, were that one at fault.
    """

    fault: Fault
    first: int
    last: int
    found: str
    expected: str
    earliest: int
    also: tuple[str, ...] = field(default=())
    by_anchor: bool = False
    cause: int | None = None

    @property
    def means(self) -> str:
        """Return what the fault means, in words."""
        return _ANCHORED if self.by_anchor and self.fault == "rewritten" else WORDS[self.fault][0]

    @property
    def remedy(self) -> str:
        """Return what to do, in words."""
        return (_OTHER_ANCHOR if self.by_anchor else "") + WORDS[self.fault][1]

    @property
    def chain(self) -> bool:
        """Whether the chain itself is broken there, and not only what hangs on it."""
        return self.fault in _OF_THE_CHAIN

    def with_evidence(self, *said: str) -> Finding:
        """Return the finding with more evidence of the same fault."""
        return replace(self, also=(*self.also, *said))

    def __str__(self) -> str:
        where = f"Event {self.first:,}"
        if self.last > self.first:
            where += f" to event {self.last:,}"
        if self.earliest < self.first:
            where += f", perhaps from event {self.earliest:,} on"
        more = f"; and {len(self.also) - _SHOWN} more" if len(self.also) > _SHOWN else ""
        also = f" Also: {'; '.join(self.also[:_SHOWN])}{more}." if self.also else ""
        text = f"{where}: {self.fault}. Found {self.found}, expected {self.expected}."
        return f"{text}{also} It means: {self.means}. What to do: {self.remedy}."

    def plain(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        said: dict[str, Any] = {
            "fault": self.fault,
            "event": self.first,
            "earliest": self.earliest,
            "reaches": self.last,
        }
        said |= {"found": self.found, "expected": self.expected, "also": list(self.also)}
        return said | {"means": self.means, "remedy": self.remedy}


_OF_THE_CHAIN = {"edited", "removed", "inserted", "repeated", "renumbered", "reordered", "rewritten", "truncated"}


def printable(value: object) -> str:
    """Return what stands in a table as text that no screen stumbles over, whatever was put there."""
    return "".join(one if one.isprintable() else "?" for one in str(value))


def finding(fault: Fault, first: int, last: int, found: str, expected: str, **more: Any) -> Finding:
    """Return a finding that begins where it is certain, unless `earliest` says otherwise."""
    return Finding(fault, first, last, found, expected, **({"earliest": first} | more))
