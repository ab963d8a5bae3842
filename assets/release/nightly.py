"""The release step of a night: whether one is due, and what it is made from.

What belongs here: turning a `Night` and the workspace's release settings into an `Order`. What does not: the
work (`publish`), Dagster (`assets`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import duckdb

from assets.night import Night
from assets.release import folder as places
from assets.release.calendar import Rule, due
from assets.release.governance import Governance, governance_of
from assets.release.manifest import Evidence
from assets.release.modes.budget import Account
from assets.release.order import Order
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.rows.releasing import RowOrder
from assets.release.rows.source import load_rows
from assets.release.tables import Catalogue

_OF_THE_MODEL = (
    "version",
    "trained_on",
    "layout",
    "terms",
    "mode",
    "keys",
    "backend",
    "sources",
    "threshold_bits",
    "bytes_kept_a_record",
    "crowded_above",
)


@dataclass(frozen=True)
class ReleaseSettings:
    """The release section of a workspace: the calendar and the rule."""

    calendar: Rule = "quarterly"
    policy: ReleasePolicy = field(default_factory=ReleasePolicy)


def is_due(night: Night, settings: ReleaseSettings) -> bool:
    """Say whether a release is to be made on this night."""
    places.recover(night.paths.releases)
    published = [release.night for release in places.releases(night.paths.releases)]
    return due(night.date, settings.calendar, published)


def order_of(night: Night, catalogue: Catalogue, settings: ReleaseSettings) -> Order:
    """Return what tonight's release would be made from, and what governs it."""
    earlier = [release for release in places.releases(night.paths.releases) if release.night <= night.date]
    governance = governance_of(night, catalogue, settings.policy, earlier)
    return Order(
        releases=night.paths.releases,
        outcomes=night.paths.outcomes,
        night=night.date,
        catalogue=catalogue,
        policy=governance.policy,
        evidence=evidence_of(night),
        governance=governance,
        rows=RowOrder(governance.rows, partial(load_rows, night)) if governance.rows else None,
        account=account_of(night, governance),
    )


def account_of(night: Night, governance: Governance) -> Account:
    """Return where the budget of differential privacy is kept, and the clause that grants it: the tightest there is."""
    terms = [a.provisions.release for a in governance.licences if a.provisions.release is not None]
    granted = [(term.privacy.budget, term.clause) for term in terms if term.privacy is not None]
    return Account(night.paths.registry_url, night.actor, *(clause for _, clause in sorted(granted)[:1]))


def evidence_of(night: Night) -> Evidence:
    """Return the keyed digests of the files loaded so far, the agreements in force, and the model's card."""
    return Evidence(
        inputs=_inputs(night),
        agreements=[
            {"agreement": name, "kind": agreement.kind, "sha256": agreement.sha256}
            for name, agreement in sorted(night.policy.agreements.items())
        ],
        model=_model(night),
        about={"keys": night.keys.fingerprint, "mode": night.keys.mode},
    )


def _inputs(night: Night) -> list[Mapping[str, str]]:
    if not night.paths.nights.is_file():
        return []
    with duckdb.connect(str(night.paths.nights), read_only=True) as con:
        found = con.execute(
            "select source, hex(digest), strftime(night, '%Y-%m-%d') from deliveries "
            "where state = 'loaded' and night <= ? order by all",
            [night.date],
        ).fetchall()
    return [{"source": source, "digest": digest.lower(), "night": on} for source, digest, on in found]


def _model(night: Night) -> dict[str, Any]:
    if not night.paths.model_card.is_file():
        return {}
    try:
        card = json.loads(night.paths.model_card.read_text(encoding="utf-8"))
    except ValueError:
        raise ReleaseError(
            f"{night.paths.model_card.name} is no JSON, expected the linkage model's card; run the night again"
        ) from None
    return _of_the_model(card)


def _of_the_model(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card says of the model and the settings alone: of the night's records it counts nothing.

    How many records there are, and what they said, would tell a reader of two manifests how one record changed them.
    """
    comparisons = {
        name: {word: said for word, said in one.items() if word != "state"}
        for name, one in card.get("comparisons", {}).items()
    }
    return {name: card[name] for name in _OF_THE_MODEL if name in card} | {"comparisons": comparisons}
