"""Check an audit trail as a hostile reader would: follow every event, and compare with what is signed and anchored.

    report = check(engine, trusted=[hub_key], anchors=read_anchors("anchors.txt"))
    report.whole, report.proven_to, report.findings, report.sentences()

One pass in the order of the numbers, a chunk of events in memory at a time; nothing is written. What belongs here: the
order of the work and the report made of it. What does not: any part of it (`checking`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Engine

from consent.anchors import Anchor
from consent.checking import rows, witnesses
from consent.checking.chain import Chain, Numbers
from consent.checking.findings import Finding, printable
from consent.checking.merging import chain_findings
from consent.checking.payloads import Payloads
from consent.checking.witnesses import Signed, Witness
from consent.stretches import in_words
from consent.trail import fingerprint
from consent.trail_report import Destroyed, Report

Advance = Callable[[int, int], None]


def check(
    registry: Engine | Connection,
    trusted: Collection[Ed25519PublicKey],
    anchors: Iterable[Anchor] = (),
    *,
    countersigners: Collection[Ed25519PublicKey] = (),
    advance: Advance | None = None,
) -> Report:
    """Return what is wrong with the trail in a registry, and how far it is proven; within a connection, as it sees it.

    `trusted` are the public keys whose checkpoints count, `countersigners` those of second parties whose word on an
    anchor counts. `advance(done, events)` is called now and then. Raises TrailError for a registry without a trail.
    """
    given = [_believed(one, countersigners) for one in anchors]
    with rows.reading(registry) as connection:
        signed = witnesses.read_checkpoints(rows.checkpoints(connection), trusted)
        anchored = witnesses.anchored(given)
        passed = _pass(connection, {one.sequence for one in (*signed.believed, *anchored)}, advance)
        return _report(connection, passed, signed, anchored, _remarks(given, trusted))


def _believed(anchor: Anchor, countersigners: Collection[Ed25519PublicKey]) -> Anchor:
    """Return the anchor with the countersignatures of keys that count."""
    keys = {fingerprint(key) for key in countersigners}
    return replace(anchor, countersigned=tuple(one for one in anchor.countersigned if one.key in keys))


def _remarks(anchors: Iterable[Anchor], trusted: Collection[Ed25519PublicKey]) -> tuple[str, ...]:
    keys = {fingerprint(key) for key in trusted}
    return tuple(
        f"Note: the anchor of {one.day} ({one.source}) was signed by the key {one.key[:16]}, which is none you trust; "
        "it counts because you gave it."
        for one in anchors
        if one.key is not None and one.key not in keys
    )


@dataclass(frozen=True)
class _Passed:
    """What the pass left behind; `began` and `ended` are the times of the first and the newest event."""

    chain: Chain
    payloads: Payloads
    began: str
    ended: str


def _pass(connection: Connection, wanted: set[int], advance: Advance | None) -> _Passed:
    """Follow every event."""
    count, highest = rows.size(connection)
    numbers = Numbers(partial(rows.place_of, connection), min(highest, 2 * count + 1000))
    chain = Chain(wanted, numbers)
    payloads = Payloads(rows.erasures(connection), partial(rows.committed_as, connection))
    began: str | None = None
    ended = ""
    for row in rows.events(connection):
        wrong = chain.follow(row)
        payloads.follow(row, edited=wrong == "altered")
        ended = row.recorded_at
        began = ended if began is None else began
        if advance is not None and chain.events % rows.CHUNK == 0:
            advance(chain.events, count)
    return _Passed(chain, payloads, printable(began or ""), printable(ended))


def _report(
    connection: Connection, passed: _Passed, signed: Signed, anchored: list[Witness], remarks: tuple[str, ...]
) -> Report:
    chain, payloads, end = passed.chain, passed.payloads, passed.chain.last
    lost = max((run.origin[1] for run in chain.runs if run.what == "renumbered"), default=0)
    believed = [*signed.believed, *anchored]
    broken = witnesses.contradicted(chain_findings(chain.runs, end), believed, chain.digests, end)
    broken += witnesses.truncated(end, lost, rows.naming_no_event(connection, end), believed)
    hanging = [*payloads.findings(), *signed.findings]
    hanging += witnesses.replaced(rows.naming_another_kind(connection))
    hanging += witnesses.without_checkpoint(anchored, chain.digests, signed.numbers)
    findings = _with_unjudged(_merged(broken, hanging), payloads)
    proven = _last_good(anchored, chain, broken)
    covering = _last_good(signed.believed, chain, broken)
    signed_to = covering.sequence if covering else 0
    destroyed = [
        Destroyed(count, by, printable(payloads.said[by].because)) for by, count in sorted(payloads.destroyed.items())
    ]
    return Report(
        events=chain.events,
        last=end,
        began=passed.began,
        ended=passed.ended,
        checkpoints=len(signed.believed),
        signed_to=signed_to,
        unsigned_since=printable(rows.recorded_after(connection, signed_to)),
        proven_to=proven.sequence if proven else 0,
        witness=proven.anchor if proven else None,
        anchors=len(anchored),
        payloads=payloads.held,
        destroyed=tuple(destroyed),
        findings=tuple(findings),
        remarks=remarks,
    )


def _last_good(said: Iterable[Witness], chain: Chain, broken: Iterable[Finding]) -> Witness | None:
    """Return the last witness that agrees with the chain, before whatever may be broken."""
    limit = min((one.earliest for one in broken), default=chain.last + 1)
    good = [one for one in said if one.sequence < limit and one.agrees(chain.digests)]
    return max(good, key=lambda one: (one.sequence, len(one.anchor.countersigned) if one.anchor else 0), default=None)


def _merged(broken: list[Finding], hanging: list[Finding]) -> list[Finding]:
    """Return all findings in the order of the events; what hangs on a broken event is evidence of it."""
    found = list(broken)
    for one in hanging:
        place = next((at for at, other in enumerate(broken) if _explains(other, one)), None)
        if place is None:
            found.append(one)
        else:
            found[place] = found[place].with_evidence(f"{one.fault} at event {one.first:,}")
    return sorted(found, key=lambda one: (one.first, one.last))


def _with_unjudged(findings: list[Finding], payloads: Payloads) -> list[Finding]:
    """Say of every erasure at fault which destructions nobody can judge without it."""
    found = list(findings)
    for by, parts in payloads.unjudged.items():
        said = f"it was the erasure of event {in_words(parts)}, of which nothing is proven now"
        for at, one in enumerate(found):
            if one.earliest <= by <= one.last:
                found[at] = one.with_evidence(said)
    return found


_MOVES = {"inserted", "removed", "renumbered", "reordered", "repeated", "rewritten"}


def _explains(chain: Finding, other: Finding) -> bool:
    """Say whether a fault of what hangs on events follows from a fault of the events themselves."""
    if other.cause is not None and chain.first <= other.cause <= chain.last:
        return True
    moved = chain.fault in _MOVES and other.fault.startswith(("payload", "erasure", "event"))
    return (moved or chain.fault == "edited") and chain.earliest <= other.first and other.last <= chain.last
