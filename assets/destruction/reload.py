"""A destroyed source does not come back under an agreement that it ended with.

It is loaded again only under an agreement that took effect after the destruction, or, if it is the same one, that every
party signed after it. So a longer term written into the old agreement does not bring it back, and neither does a night
of an earlier date. What belongs here: taking such sources out of a night's policy, with the reason. What does not: what
any agreement says (`mou_policies`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from consent.destruction import Destroyed
from mou_policies.agreement import Agreement, Refusal
from mou_policies.model import SourcePolicy
from mou_policies.policy import Policy
from mou_policies.provisions import DSA
from mou_policies.sidecar import sidecar_of
from mou_policies.signatures import status_of
from mou_policies.trust import TrustStore, load_trust


def without_destroyed(policy: Policy, destroyed: Iterable[Destroyed], agreements: Path) -> Policy:
    """Return the policy without the sources that were destroyed and that nothing new shares, each with a refusal.

    `agreements` is the folder of the agreements, whose signatures are asked for their days.
    """
    latest = {one.source: one for one in sorted(destroyed, key=lambda one: one.destroyed_on)}
    names = latest.keys() & {*policy.sources, *policy.agreed}
    if not names:
        return policy
    trust, gone, refusals = load_trust(agreements), set(), []
    for name in sorted(names):
        sharing = [a for _, a in sorted(policy.agreements.items()) if a.kind == DSA and name in a.sources]
        if not any(_brings_back(a, latest[name], agreements, trust) for a in sharing):
            gone.add(name)
            refusals += [_refusal(latest[name], agreement) for agreement in sharing]
    return replace(
        policy,
        sources=_but(policy.sources, gone),
        agreed=_but(policy.agreed, gone),
        refusals=(*policy.refusals, *refusals),
    )


def _brings_back(agreement: Agreement, destroyed: Destroyed, folder: Path, trust: TrustStore) -> bool:
    """Say whether an agreement took effect after a destruction; the one it ended with, by signatures of every party."""
    given = status_of(agreement, sidecar_of(folder / agreement.file), trust).given
    if not {party.agency for party in agreement.parties} <= given.keys():
        return False
    days = [day.isoformat() for day in given.values()]
    if agreement.agreement_id == destroyed.agreement:
        return min(days) > destroyed.destroyed_on
    return max(agreement.starts.isoformat(), *days) > destroyed.destroyed_on


def _refusal(destroyed: Destroyed, agreement: Agreement) -> Refusal:
    what = f"{destroyed.source} was destroyed on {destroyed.destroyed_on}, since {destroyed.agreement} had ended"
    return Refusal(
        agreement.file,
        (destroyed.source,),
        f"{what}; {agreement.agreement_id} does not bring it back",
        agreement.place("term")[0],
        "share it by a new agreement, or have every party sign this one anew",
    )


def _but(sources: Mapping[str, SourcePolicy], gone: Collection[str]) -> dict[str, SourcePolicy]:
    return {name: source for name, source in sources.items() if name not in gone}
