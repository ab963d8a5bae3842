"""One night's linking: read the vault, score, resolve, write the ledger, report.

The only module that knows the order of the steps. It reads tokens and writes child IDs; it never sees an
identifier or a content column.
"""

import resource
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from linkage.keys import KeyRing
from linkage.ledger import Ledger, LedgerChanges, Membership
from linkage.model import load_model, prior
from linkage.resolve import Links, resolve
from linkage.rules import ONE_ROUND, Round
from linkage.score import Records, score
from linkage.vault import Vault


@dataclass(frozen=True)
class LinkSettings:
    """What a workspace may choose: the model version, and the match weight in bits from which to link."""

    model: str = "v1"
    threshold_bits: float = 0.0


@dataclass(frozen=True)
class LinkReport:
    """What one night's linking did: counts, seconds a step, and the model card for the manifest."""

    records: dict[str, int]
    pairs_scored: int
    pairs_linked: int
    abstained: int
    crowded_anchors: int
    children: int
    changes: LedgerChanges
    seconds: dict[str, float]
    peak_memory_mb: int
    model_card: dict[str, Any]


@dataclass
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.monotonic)

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.seconds[step] = round(now - self._last, 2)
        self._last = now


def link(
    vault_path: Path,
    ledger_path: Path,
    one_record_sources: set[str],
    night: date,
    ring: KeyRing,
    settings: LinkSettings | None = None,
) -> LinkReport:
    """Link all records of the vault and bring the ledger up to date as of `night`.

    The same vault, ledger, keys and night give the same child IDs; running a night again changes nothing.
    Raises VaultError when the vault is of another layout, LinkageError for an unknown model.
    """
    chosen = settings or LinkSettings()
    model = load_model(chosen.model)
    clock = _Clock()
    vault = Vault(vault_path)
    vault.compact()
    with vault.held():
        records, members = read_records(vault, one_record_sources, ONE_ROUND)
        counts = vault.counts()
    clock.lap("read")
    pairs = score(records, ONE_ROUND, model)
    clock.lap("score")
    links = resolve(pairs, records, chosen.threshold_bits)
    clock.lap("resolve")
    changes = Ledger(ledger_path).update(members, links.cluster, links.support, night, ring)
    clock.lap("ledger")
    return LinkReport(
        records=counts,
        pairs_scored=len(pairs.left),
        pairs_linked=links.linked,
        abstained=links.abstained,
        crowded_anchors=records.crowded,
        children=int(links.cluster.max()) + 1 if len(links.cluster) else 0,
        changes=changes,
        seconds=clock.seconds,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        model_card=_card(model.card(), chosen, records, links) | {"mode": ring.mode, "keys": ring.fingerprint},
    )


def read_records(vault: Vault, one_record_sources: set[str], round_: Round) -> tuple[Records, Membership]:
    """Return the tokens of all sources, and whose they are: sources in order, keys within each."""
    sources = vault.sources()
    keys, tokens, numbers = [], [], []
    for number, source in enumerate(sources):
        some_keys, some = vault.read(source)
        keys.append(some_keys)
        tokens.append(np.ascontiguousarray(some.view("<u8")[:, :, 0].T))
        numbers.append(np.full(len(some_keys), number, np.int16))
    of = np.concatenate(numbers) if numbers else np.empty(0, np.int16)
    single = np.array([source in one_record_sources for source in sources], bool)[of] if len(of) else np.empty(0, bool)
    stacked = np.concatenate(tokens, axis=1) if tokens else np.empty((len(round_.columns), 0), np.uint64)
    members = Membership(tuple(sources), of, np.concatenate(keys) if keys else np.empty((0, 16), np.uint8))
    return Records(of, single, stacked).uncrowded(round_), members


def _card(card: dict[str, Any], settings: LinkSettings, records: Records, links: Links) -> dict[str, Any]:
    return card | {
        "round": ONE_ROUND.id,
        "layout": ONE_ROUND.layout,
        "bytes_a_record": len(ONE_ROUND.columns) * 16,
        "threshold_bits": settings.threshold_bits,
        "prior": prior(len(records.source)),
        "records": len(records.source),
        "links": links.linked,
        "abstained": links.abstained,
    }
