"""Compare the chain with what is known of it from outside: checkpoints, anchors, and rows that name events.

What belongs here: whom to believe, and what follows from a witness that agrees or not. What does not: the chain's own
breaks (`merging`). A checkpoint is believed if a trusted key signed it; an anchor because its keeper gives it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consent.anchors import Anchor
from consent.checking.findings import Finding, finding, printable
from consent.checking.rows import Naming
from consent.trail import fingerprint, statement


@dataclass(frozen=True)
class Witness:
    """Somebody's word that event `sequence` has a digest that begins with `digest`."""

    sequence: int
    digest: str
    name: str
    anchor: Anchor | None = None

    def agrees(self, digests: Mapping[int, str]) -> bool:
        """Say whether the chain has what the witness says."""
        return str(digests.get(self.sequence, "")).startswith(self.digest)


@dataclass(frozen=True)
class Signed:
    """The checkpoints of a registry: those to believe, what is wrong with the others, the numbers of all."""

    believed: list[Witness] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    numbers: frozenset[int] = frozenset()


def read_checkpoints(rows: Iterable[Any], trusted: Collection[Ed25519PublicKey]) -> Signed:
    """Verify the signature of every checkpoint."""
    keys = {fingerprint(key): key for key in trusted}
    believed, found, numbers = [], [], set()
    for sequence, digest, signed_at, key, signature in rows:
        numbers.add(sequence)
        public = keys.get(key)
        if public is None:
            named = f"a checkpoint by the key {printable(key)[:16]}"
            expected = f"one by {' or '.join(name[:16] for name in sorted(keys)) or 'a key you trust; you named none'}"
            found.append(finding("checkpoint untrusted", sequence, sequence, named, expected))
        elif _holds(public, sequence, digest, signed_at, key, signature):
            believed.append(Witness(sequence, digest, f"the checkpoint of event {sequence:,}, signed {signed_at[:10]}"))
        else:
            expected = "one that holds"
            found.append(finding("checkpoint edited", sequence, sequence, "a signature that does not hold", expected))
    return Signed(believed, found, frozenset(numbers))


def _holds(public: Ed25519PublicKey, sequence: int, digest: str, signed_at: str, key: str, signature: Any) -> bool:
    try:
        public.verify(signature, statement(sequence, digest, signed_at, key))
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def anchored(anchors: Iterable[Anchor]) -> list[Witness]:
    """Return anchors as witnesses, in the order of their events."""
    said = [Witness(one.sequence, one.digest, f"the anchor of {one.day} ({one.source})", one) for one in anchors]
    return sorted(said, key=lambda one: one.sequence)


def contradicted(
    found: list[Finding], witnesses: Sequence[Witness], digests: Mapping[int, str], end: int
) -> list[Finding]:
    """Return the findings of a chain with what witnesses up to its last event, `end`, say to them.

    Witnesses that contradict an event at fault are further evidence of that fault. Where the chain itself holds, or
    what does not fit is where it was chained anew, they bound the stretch that was rewritten: it begins after the last
    event that one confirms. Once an anchor contradicts the chain, somebody had the key, and no checkpoint confirms.
    """
    inside = sorted((one for one in witnesses if 1 <= one.sequence <= end), key=lambda one: one.sequence)
    key_abused = any(one.anchor is not None and not one.agrees(digests) for one in inside)
    good = [one.sequence for one in inside if one.agrees(digests) and (one.anchor is not None or not key_abused)]
    told: list[Finding] = []
    for one in found:
        low = max((number for number in good if number < one.first), default=0)
        told.append(replace(one, earliest=low + 1) if one.fault == "rewritten" else one)
    for witness in inside:
        if not witness.agrees(digests):
            told = _tell(told, witness, good, end)
    return sorted(told, key=lambda one: (one.first, one.last))


def _tell(found: list[Finding], witness: Witness, good: list[int], end: int) -> list[Finding]:
    """Add a witness that contradicts the chain to the finding that explains it, else as a finding of its own."""
    at = witness.sequence
    low = max((number for number in good if number < at), default=0)
    said = f"{witness.name} says another digest"
    for place, one in enumerate(found):
        by_anchor = one.by_anchor or witness.anchor is not None
        if one.chain and one.first <= at <= one.last:
            return [*found[:place], replace(one.with_evidence(said), by_anchor=by_anchor), *found[place + 1 :]]
        if one.fault == "rewritten" and one.earliest <= at < one.first:
            wider = replace(one.with_evidence(said), first=at, earliest=low + 1, by_anchor=by_anchor)
            return [*found[:place], wider, *found[place + 1 :]]
    high = min((number for number in good if number > at), default=end + 1)
    new = finding(
        "rewritten",
        at,
        high - 1,
        "a chain that holds but has another digest there",
        f"the digest in {witness.name}",
        earliest=low + 1,
        by_anchor=witness.anchor is not None,
    )
    return [*found, new]


def truncated(end: int, lost: int, naming: Iterable[Naming], witnesses: Iterable[Witness]) -> list[Finding]:
    """Return what says that events after the last one, `end`, were there; up to `lost` they only have other numbers."""
    said = {one.last: _rows(one) for one in naming if one.last > max(end, lost)}
    said |= {one.sequence: one.name for one in witnesses if one.sequence > max(end, lost)}
    found = [
        finding("no such event", one.first, one.last, _rows(one), "numbers from 1 on") for one in naming if one.last < 1
    ]
    if not said:
        return found
    first, *more = [f"{name} (event {number:,})" for number, name in sorted(said.items(), reverse=True)]
    by_anchor = any(one.anchor is not None and one.sequence > max(end, lost) for one in witnesses)
    what = f"no event after {end:,}" if end else "no event at all"
    expected, also = f"those named by {first}", tuple(more)
    return [*found, finding("truncated", end + 1, max(said), what, expected, also=also, by_anchor=by_anchor)]


def replaced(naming: Iterable[Naming]) -> list[Finding]:
    """Return the events that rows of another table name as something that they are not."""
    return [
        finding(
            "event replaced",
            one.first,
            one.last,
            f"an event of kind {printable(one.kind)}",
            f"what {_rows(one)} came from",
        )
        for one in naming
    ]


def without_checkpoint(
    anchors: Iterable[Witness], digests: Mapping[int, str], numbers: frozenset[int]
) -> list[Finding]:
    """Return the events of anchors that the chain agrees with, but whose checkpoint is not in the registry any more."""
    gone = [one for one in anchors if one.sequence not in numbers and one.agrees(digests)]
    return [
        finding("checkpoint removed", one.sequence, one.sequence, "no checkpoint", f"the one behind {one.name}")
        for one in gone
    ]


def _rows(naming: Naming) -> str:
    return f"a row of {naming.table}" if naming.rows == 1 else f"{naming.rows:,} rows of {naming.table}"
