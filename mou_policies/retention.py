"""When what was shared must be destroyed: a number of days after the last agreement on it has ended.

Every DSA states how many days the hub may keep what it received: a study needs a stated period (34 CFR
99.31(a)(6)(iii)(C)(4) [V]), an evaluation destruction and its time (34 CFR 99.35(a)(3)(iii)-(iv) [M]). The days count
from the last day on which a source was shared: the end of the term, or the day before an amendment without that source
took effect. A source that a signed agreement of its owner still shares is not due, and an agreement that is only
refused (a finding, a parent that ended) has not ended. Not legal advice.

Pure: agreements and a day in, dates out. What is destroyed is `assets.destruction`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from mou_policies import amendments
from mou_policies.agreement import Agreement
from mou_policies.inforce import takes_effect
from mou_policies.language import agreement_files, read_agreement
from mou_policies.model import SourcePolicy
from mou_policies.provisions import DSA
from mou_policies.sidecar import sidecar_of
from mou_policies.signatures import status_of
from mou_policies.trust import load_trust

SOON = 90
"""How many days ahead a destruction is announced."""


@dataclass(frozen=True)
class Signed:
    """A DSA that has taken effect, and `since`, the day on which it did: its first, or that of the last signature."""

    agreement: Agreement
    since: date


@dataclass(frozen=True)
class Due:
    """A source that no agreement shares any more: the last one that did, its last day, and the day to destroy by."""

    agreement: Agreement
    source: str
    ended: date
    due: date

    def days(self, on: date) -> int:
        """Return how many days are left (negative once it is overdue)."""
        return (self.due - on).days


@dataclass(frozen=True)
class Ended:
    """What no agreement of a folder shares any more, the sources still shared, and the ids that any agreement names."""

    due: tuple[Due, ...]
    sharing: tuple[SourcePolicy, ...]
    named: frozenset[str]


def due(signed: Iterable[Signed], superseded: Mapping[str, str], on: date) -> list[Due]:
    """Return every source whose agreements have all ended by a date, the earliest due first.

    `superseded` says of each agreement whose place an amendment has taken which one that is (ids). Where several ended
    agreements shared a source, the one that ended last counts; of two that ended on one day, the shorter period.
    """
    held = {one.agreement.agreement_id: one for one in signed if one.agreement.kind == DSA}
    ends = {name: _ends(one, superseded, held) for name, one in held.items()}
    shared = {
        (one.agreement.owner, source) for name, one in held.items() for source, end in ends[name].items() if end >= on
    }
    last: dict[tuple[str | None, str], Due] = {}
    for name, one in held.items():
        kept = timedelta(days=one.agreement.own_destruction.period_days)
        for source, end in ends[name].items():
            key, found = (one.agreement.owner, source), Due(one.agreement, source, end, end + kept)
            before = last.get(key)
            if key not in shared and (before is None or (end, -kept) > (before.ended, before.ended - before.due)):
                last[key] = found
    return sorted(last.values(), key=lambda one: (one.due, one.agreement.agreement_id, one.source))


def ended_in(folder: Path, on: date) -> Ended:
    """Return what is due of the agreements of a folder, as signed, and what is still shared.

    Raises AgreementError for a malformed trust store.
    """
    readings = [(one.file, one.agreement) for one in map(read_agreement, agreement_files(folder)) if one.agreement]
    trust = load_trust(folder)
    given = {agreement: status_of(agreement, sidecar_of(file), trust) for file, agreement in readings}
    effective = [agreement for agreement, status in given.items() if takes_effect(agreement, status, on)]
    superseded = {old.agreement_id: new.agreement_id for new, old in amendments.links(effective, list(given))}
    signed = [Signed(a, max(a.starts, *given[a].given.values())) for a in effective if a.kind == DSA]
    sharing = [a for a in effective if a.kind == DSA and a.ends >= on and a.agreement_id not in superseded]
    return Ended(
        due=tuple(due(signed, superseded, on)),
        sharing=tuple(source for a in sharing for source in a.sources.values()),
        named=frozenset(source for a in given if a.kind == DSA for source in a.sources),
    )


def _ends(one: Signed, superseded: Mapping[str, str], held: Mapping[str, Signed]) -> dict[str, date]:
    """Return the last day on which an agreement shares each of its sources; without those its heir answers for."""
    heir = held.get(superseded.get(one.agreement.agreement_id, ""))
    if heir is None:
        return dict.fromkeys(one.agreement.sources, one.agreement.ends)
    left = min(one.agreement.ends, heir.since - timedelta(days=1))
    return {source: left for source in one.agreement.sources if source not in heir.agreement.sources}
