"""What a check of the audit trail says: what was found, what is proven and by what, and what is not.

What belongs here: the report and its sentences. What does not: making it (`trail_check`), the screen.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from consent.anchors import Anchor
from consent.checking.findings import Finding

State = Literal["empty", "tampered", "unproven", "proven in part", "proven"]


@dataclass(frozen=True)
class Destroyed:
    """Payloads that one erasure destroyed: how many, by which event, and why."""

    payloads: int
    by: int
    because: str


@dataclass(frozen=True)
class Report:
    """The state of a trail of `events` events, of which the last has the number `last` (0 for none).

    `signed_to` and `proven_to` are the last events that a trusted checkpoint and an anchor cover, 0 for none: what lies
    after a broken event is covered by neither. `unsigned_since` is the time of the first event that no checkpoint
    covers (older than a night, it asks for a reason), `witness` the anchor that proves.
    """

    events: int
    last: int
    began: str
    ended: str
    checkpoints: int
    signed_to: int
    unsigned_since: str
    proven_to: int
    witness: Anchor | None
    anchors: int
    payloads: int
    destroyed: tuple[Destroyed, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def state(self) -> State:
        """The report in a word or three."""
        if self.findings:
            return "tampered"
        if not self.events:
            return "empty"
        if not self.proven_to:
            return "unproven"
        return "proven" if self.proven_to == self.last else "proven in part"

    def sentences(self) -> list[str]:
        """Return the report for people, one thing a line; the last line is the verdict."""
        said = [str(one) for one in self.findings]
        if self.events:
            began = f", the first of {self.began}, the newest of {self.ended}" if self.whole else ""
            said.append(f"The trail holds {_count(self.events, 'event')}{began}.")
            said += [*self._payloads(), self._signed(), *self._proven()]
        return [*said, *self.remarks, self._verdict()]

    def _payloads(self) -> list[str]:
        if not self.destroyed:
            return []
        total = sum(one.payloads for one in self.destroyed)
        said = [f"Of {_count(total, 'event')} the payload was destroyed and the chain still stands:"]
        for one in self.destroyed:
            said.append(
                f"  {_count(one.payloads, 'payload')} by event {one.by:,}: {one.because or 'it does not say why'}."
            )
        return said

    def _signed(self) -> str:
        if not self.signed_to:
            return "Signed: nothing yet; no checkpoint of a trusted key covers an event."
        after = (
            f"; {_those(self.signed_to + 1, self.last)} chained and not signed yet, the first of {self.unsigned_since}"
        )
        return f"Signed: up to event {self.signed_to:,}{after if self.signed_to < self.last else ''}."

    def _proven(self) -> list[str]:
        if self.witness is None and self.findings:
            return ["Proven: nothing, since no anchor lies before the first event at fault."]
        if self.witness is None:
            why = "no anchor was given" if not self.anchors else "no anchor confirms any event"
            return [
                f"Proven: nothing, since {why}. All of it is unproven against whoever holds this machine and its key: "
                "they could have rewritten it. Keep the anchor of today elsewhere (`cradlepath audit anchor`)."
            ]
        said = [f"Proven: up to event {self.proven_to:,}, by the anchor of {self.witness.day} ({_kept(self.witness)})."]
        if self.proven_to < self.last:
            signed = "chained and signed" if self.signed_to > self.proven_to else "chained"
            said.append(
                f"{_those(self.proven_to + 1, self.last).capitalize()} {signed}, but unproven after the last anchor: "
                "someone who holds this machine and its key could have rewritten that."
            )
        return said

    def _verdict(self) -> str:
        return {
            "tampered": f"The trail is NOT whole: {_count(len(self.findings), 'finding')}.",
            "empty": "The trail is empty: no act has been recorded, and nothing in the registry says that one was. "
            "That is unproven as long as no anchor is kept elsewhere.",
            "unproven": "The trail is consistent, but unproven.",
            "proven in part": f"The trail is consistent, and proven up to event {self.proven_to:,}.",
            "proven": "The trail is consistent, and proven to its newest event.",
        }[self.state]

    def plain(self) -> dict[str, Any]:
        """Return the report as plain data."""
        said = {name: value for name, value in vars(self).items() if name not in {"findings", "witness", "destroyed"}}
        witness = None if self.witness is None else asdict(self.witness) | {"day": self.witness.day.isoformat()}
        return {
            "state": self.state,
            **said,
            "witness": witness,
            "destroyed": [asdict(one) for one in self.destroyed],
            "findings": [one.plain() for one in self.findings],
            "verdict": self._verdict(),
        }


def _kept(anchor: Anchor) -> str:
    seen = [f"countersigned {one.signed_at[:10]} by the key {one.key[:16]}" for one in anchor.countersigned]
    return ", ".join([anchor.source, *seen])


def _those(first: int, last: int) -> str:
    return f"event {first:,} is" if first == last else f"events {first:,} to {last:,} are"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
