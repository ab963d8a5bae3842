"""One night's linking, from what waits in the vault to the ledger.

The only module that knows the order of the steps, and the only one that reads and writes: vault, ledger, evidence. It
reads tokens and writes child IDs; it never sees an identifier or a content column. A night that is interrupted is
linked again from what still waits, with the same result: the vault forgets its waiting tokens last.
"""

import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.backends import Backend, DuckDb
from linkage.decisions import Decisions
from linkage.drift import Drift, measure_drift
from linkage.errors import LinkageError
from linkage.evidence import LINKED, evidence_store
from linkage.findings import evidence_of, merged_evidence, transcript_of
from linkage.keys import KeyRing
from linkage.ledger import Ledger, LedgerChanges, Membership
from linkage.linking import NOTHING_RECALLED, Clock, Linked, Recalled, link_tonight
from linkage.model import Model, load_model
from linkage.model_card import Setting, model_card
from linkage.model_levels import fields_held
from linkage.records import find_keys, key_matrix
from linkage.transcript import Transcript
from linkage.universe import Universe, build_universe
from linkage.vault import Vault, Waiting

MOST_SOURCES: Final = 64
_JOINED_BITS: Final = 40.0


@dataclass(frozen=True)
class LinkSettings:
    """What a workspace may choose: the model, the match weight (bits) from which to link, where to score.

    `fields` names the identifier columns each source may send; None, and a source it does not name: all of them.
    """

    model: Model = field(default_factory=load_model)
    threshold_bits: float = 0.0
    backend: Backend = field(default_factory=DuckDb)
    fields: Mapping[str, frozenset[str]] | None = None


@dataclass(frozen=True)
class LinkReport:
    """What one night's linking did: counts, seconds a step, and the model card for the manifest.

    `fresh` records were new or changed; `joined_by_tag` of them found others by an exact tag; `sent_anchors` had to
    send anchors, `opened` records showed features.
    """

    records: dict[str, int]
    fresh: int
    joined_by_tag: int
    sent_anchors: int
    opened: int
    pairs_scored: int
    pairs_linked: int
    abstained: int
    crowded_anchors: int
    children: int
    changes: LedgerChanges
    seconds: dict[str, float]
    peak_memory_mb: int
    model_card: dict[str, Any]
    drift: tuple[Drift, ...]


def link(
    vault: Path,
    ledger: Path,
    evidence: Path,
    one_record_sources: set[str],
    night: date,
    ring: KeyRing,
    settings: LinkSettings | None = None,
    decisions: Decisions | None = None,
    observe: Callable[[Transcript], None] | None = None,
    compare: Callable[[Vault, Vault], None] | None = None,
) -> LinkReport:
    """Link what waits in the vault and bring the ledger up to date as of `night`.

    The same vault, ledger, keys, decisions and night give the same child IDs; running a night again changes nothing.
    `observe` is handed the night's transcript, `compare` the vault as it is now and as it was, if that was anything and
    has changed. Raises VaultError when the vault is of another layout or K2,
    LinkageError for more than 64 sources.
    """
    chosen, reviewed, clock = settings or LinkSettings(), decisions or Decisions(), Clock()
    store, book = Vault(vault, ring), Ledger(ledger, ring)
    waiting, known = store.waiting(), book.state()
    if len({*store.names, *known.sources}) > MOST_SOURCES:
        raise LinkageError(f"found more than {MOST_SOURCES} sources with tokens, expected at most that many")
    tonight = build_universe(store, waiting, known, one_record_sources, reviewed, ring.rotating_k1)
    kept = evidence_store(evidence, ring)
    before = kept.read() if len(tonight.nodes.member_node) or len(waiting.gone) else {}
    clock.lap("read")
    recalled = _recalled(before, tonight)
    model = chosen.model.for_fields(fields_held({*store.names, *known.sources}, chosen.fields))
    linked = link_tonight(tonight, store, model, chosen.threshold_bits, clock, recalled, chosen.backend)
    if observe is not None:
        observe(transcript_of(linked))
        clock.lap("observe")
    changes = book.update(_members(tonight), linked.cluster[tonight.nodes.member_node], waiting.gone, night)
    if waiting:
        replaced = np.concatenate([waiting.batch.keys, waiting.gone])
        kept.write(merged_evidence(before, evidence_of(linked), replaced))
    clock.lap("ledger")
    earlier = store.held() if compare is not None and waiting and len(store.rows) else None
    _store(store, waiting, tonight)
    clock.lap("store")
    if compare is not None and earlier is not None:
        compare(store, earlier)
        clock.lap("compare")
    counts = store.counts()
    state, accepted = book.state(), _accepted(linked)
    drift = measure_drift(linked.pairs.levels[accepted], model)
    setting = Setting(
        ring.mode, ring.fingerprint, chosen.backend, tuple(counts), chosen.threshold_bits, sum(counts.values())
    )
    return LinkReport(
        records=counts,
        fresh=tonight.fresh,
        joined_by_tag=_distinct(np.concatenate([linked.joins.left, linked.joins.right])),
        sent_anchors=len(linked.opened.senders),
        opened=len(linked.opened.record),
        pairs_scored=len(linked.pairs.left),
        pairs_linked=int(accepted.sum()),
        abstained=len(linked.links.tied),
        crowded_anchors=linked.opened.crowded,
        children=_distinct(state.counter),
        changes=changes,
        seconds=clock.seconds,
        peak_memory_mb=_peak_memory_mb(),
        model_card=model_card(model, setting, linked.pairs.levels, drift),
        drift=drift,
    )


def _members(tonight: Universe) -> Membership:
    return Membership(tonight.names, tonight.nodes.member_source.astype(np.int64), tonight.member_keys)


def _accepted(linked: Linked) -> np.ndarray:
    cluster = linked.cluster[linked.tonight.node[linked.opened.record]]
    return np.asarray(cluster[linked.pairs.left] == cluster[linked.pairs.right])


def _store(store: Vault, waiting: Waiting, tonight: Universe) -> None:
    if waiting:
        store.commit(waiting, tonight.slots)


def _recalled(before: Mapping[str, pa.Table], tonight: Universe) -> Recalled:
    """Return earlier evidence about the records that are here only because their child is taken apart."""
    if not len(tonight.cannot) or not before:
        return NOTHING_RECALLED
    pairs = before["pairs"].filter(pc.equal(before["pairs"].column("outcome").cast(pa.string()), LINKED))
    sides, weights = [], []
    for table, weight in ((pairs, None), (before["joins"], _JOINED_BITS)):
        left, right = (find_keys(tonight.keys, key_matrix(table.column(side))) for side in ("left_key", "right_key"))
        here = (left >= tonight.fresh) & (right >= tonight.fresh)
        sides.append((left[here], right[here]))
        weights.append(table.column("weight").to_numpy()[here] if weight is None else np.full(int(here.sum()), weight))
    left, right = (np.concatenate(part) for part in zip(*sides, strict=True))
    apart = tonight.node[left] != tonight.node[right]
    return Recalled(left[apart], right[apart], np.concatenate(weights).astype(np.float64)[apart])


def _distinct(numbers: np.ndarray) -> int:
    """Count how many numbers there are, none negative and none far beyond their count."""
    return int(np.count_nonzero(np.bincount(numbers))) if len(numbers) else 0


def _peak_memory_mb() -> int:
    """Return the most memory this process has used; `ru_maxrss` is inherited from whoever started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
