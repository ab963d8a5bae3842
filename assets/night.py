"""One night: the date, places, keys, policy and settings that every asset of that night shares.

What belongs here: plain, immutable values that a job is started with (`Night`), the layout of a workspace's
`state/` folder (`StatePaths`) and the thresholds of the load (`NightSettings`). What does not: how a
workspace file is read (`pipelines`), what an agreement says (`mou_policies`), how a key is made
(`linkage.keys`), any work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from linkage.attack.limits import Limits as ExposureLimits
from linkage.former import Former, former_children
from linkage.ledger import Ledger

if TYPE_CHECKING:
    from assets.extracts.delivery import Limits
    from linkage.keys import KeyRing
    from mou_policies.policy import Policy

Disposal = Literal["delete", "seal"]
"""What happens to a landing file once its night has committed: removed, or sealed with AES-GCM."""

OptOuts = Callable[[str], pa.Array]
"""Source id -> record keys (fixed_size_binary(16)) that opted out of linkage as of the night."""


def no_optouts(source: str) -> pa.Array:
    """Return the empty set of record keys: nobody of `source` has opted out of linkage."""
    return pa.array([], pa.binary(16))


@dataclass(frozen=True)
class StatePaths:
    """Where one city keeps what it knows. Databases are DuckDB files; no file here holds a raw identifier."""

    root: Path
    vault: Path
    content: Path
    ledger: Path
    evidence: Path
    decisions: Path
    protected: Path
    exposure: Path
    spine: Path
    outcomes: Path
    nights: Path
    releases: Path
    reports: Path
    model_card: Path
    models: Path
    sealed: Path
    registry_url: str

    @classmethod
    def under(cls, root: Path, registry_url: str | None = None) -> StatePaths:
        """Lay the state out under `root`; the registry defaults to a SQLite file beside the others."""
        return cls(
            root=root,
            vault=root / "vault",
            content=root / "content.duckdb",
            ledger=root / "ledger.sealed",
            evidence=root / "evidence.sealed",
            decisions=root / "decisions.sealed",
            protected=root / "protected.sealed",
            exposure=root / "exposure.json",
            spine=root / "spine.duckdb",
            outcomes=root / "outcomes.duckdb",
            nights=root / "nights.duckdb",
            releases=root / "releases",
            reports=root / "reports.duckdb",
            model_card=root / "model_card.json",
            models=root / "models",
            sealed=root / "sealed",
            registry_url=registry_url or f"sqlite:///{root / 'registry.db'}",
        )


@dataclass(frozen=True)
class NightSettings:
    """Thresholds of the load, all shares in 0..1 of a table's rows or a source's records.

    `max_quarantined_share`: a table with a larger share of unusable rows stops its source for tonight.
    `max_vanished_share`: a full delivery lacking a larger share of the known records stops its source for
    tonight. `min_rows_for_shares`: below this many rows a share says nothing and is not applied.
    `limits`: what a reader accepts (sizes, expansion, widths); None takes the reader's defaults.
    `threshold_bits`: the match weight from which two records link; None takes the linkage model's own.
    `model`: the linkage model by name; None takes the release's own.
    `backend`, `memory_limit`, `spill`: where, in how much memory and with which folder pairs are scored.
    `exposure`: the shares of records that may be singled out without a key, beyond which a night warns or stops.
    """

    max_quarantined_share: float = 0.20
    max_vanished_share: float = 0.05
    min_rows_for_shares: int = 20
    disposal: Disposal = "delete"
    limits: Limits | None = None
    threshold_bits: float | None = None
    model: str | None = None
    backend: str = "duckdb"
    memory_limit: str | None = None
    spill: Path | None = None
    exposure: ExposureLimits = field(default_factory=ExposureLimits)


@dataclass(frozen=True)
class Night:
    """Everything an asset of one night needs. It holds no open file and no connection.

    `optouts` names the records that must not be linked. `actor` is who ran it, in the words of the audit trail;
    `anchor` the file outside the workspace to which each night's checkpoint is added.
    """

    date: date
    landing: Path
    paths: StatePaths
    keys: KeyRing
    policy: Policy
    settings: NightSettings = field(default_factory=NightSettings)
    optouts: OptOuts = no_optouts
    actor: str = "night"
    anchor: Path | None = None

    def record_child(self) -> pa.Table:
        """Return which record is which child, from the ledger: source, record_key, child_id."""
        return Ledger(self.paths.ledger, self.keys).record_child()

    def former_children(self, form_sources: Sequence[str] = ()) -> Former:
        """Return what children were before merges and splits, from the ledger."""
        return former_children(Ledger(self.paths.ledger, self.keys), form_sources)
