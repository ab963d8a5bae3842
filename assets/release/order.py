"""What a release is made from, and how one that an audit stopped says so.

What belongs here: plain values that the steps of a release share. What does not: the steps (`publish`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assets.release.governance import Governance
from assets.release.manifest import Evidence
from assets.release.modes.budget import Account
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.rows.releasing import RowOrder
from assets.release.tables import Catalogue

NAMED_FINDINGS = 5


class Keys(Protocol):
    """What a release needs of a key ring (`linkage.keys.KeyRing`)."""

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs releases."""

    def derive(self, use: str, length: int = 32) -> bytes:
        """Return the key of one use."""


class AuditFailedError(ReleaseError):
    """A release that an audit stopped; `findings` name tables and cells, never a number."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        more = len(findings) - NAMED_FINDINGS
        named = "; ".join(findings[:NAMED_FINDINGS]) + (f"; and {more} more" if more > 0 else "")
        super().__init__(f"the audit stopped the release, nothing was published: {named}")


@dataclass(frozen=True)
class Order:
    """What a release is made from: the outcomes' file, the night, what may be published, the rule, evidence.

    `governance` says under which agreements it goes out, and stops it where they do not let it. `rows`: what licences
    ask for beside tables; None: nothing. `account`: where the budget of differential privacy is kept; no other mode
    needs it.
    """

    releases: Path
    outcomes: Path
    night: date
    catalogue: Catalogue
    policy: ReleasePolicy = field(default_factory=ReleasePolicy)
    evidence: Evidence = field(default_factory=Evidence)
    governance: Governance = field(default_factory=Governance)
    rows: RowOrder | None = None
    account: Account | None = None
