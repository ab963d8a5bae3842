"""The rule that workspace and licences agree on for one release: of two that say something, the stricter holds.

What belongs here: putting the terms of all licences in force together with the workspace's rule. What does not: which
licences are in force (`governance`), what the terms mean (`policy`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

from assets.release.policy import AmountRule, CodedTail, Mode, ReleasePolicy
from mou_policies.agreement import Agreement
from mou_policies.provisions import AmountTerms, ReleaseTerms, Tail
from mou_policies.reading_release import PRIVATE


def agreed(policy: ReleasePolicy, licences: Sequence[Agreement]) -> ReleasePolicy:
    """Return the workspace's `policy` as the `licences` narrow it; where their modes differ, the first one's.

    Nothing a licence says loosens what the workspace asks for. Raises ReleaseError for a policy that is none.
    """
    terms = terms_of(licences)
    mode = next((one.mode for one in terms if one.mode is not None), policy.mode)
    spent = [one.privacy for one in terms if one.privacy is not None and mode == PRIVATE]
    return replace(
        policy,
        threshold=max([policy.threshold, *(one.minimum_cell for one in terms if one.minimum_cell is not None)]),
        zeros="hidden" if "hidden" in {policy.zeros, *(one.zeros for one in terms)} else "shown",
        certain="hidden" if "hidden" in {policy.certain, *(one.certain for one in terms)} else "shown",
        percentages=_tails([policy.percentages, *(one.percentages for one in terms)]),
        amounts=_amounts([policy.amounts, *(one.amounts for one in terms)]),
        mode=cast(Mode, mode),
        epsilon=min((one.epsilon for one in spent), default=policy.epsilon if mode == policy.mode else None),
        budget=min((one.budget for one in spent), default=policy.budget if mode == policy.mode else None),
    )


def terms_of(licences: Sequence[Agreement]) -> list[ReleaseTerms]:
    """Return what the licences say of their release."""
    return [one.provisions.release for one in licences if one.provisions.release is not None]


def modes_of(licences: Sequence[Agreement]) -> dict[str, str]:
    """Return the mode that each licence asks for, by the clause that does; licences that ask for none are left out."""
    return {one.clause: one.mode for one in terms_of(licences) if one.mode is not None}


def quarrels(licences: Sequence[Agreement]) -> Iterator[str]:
    """Yield why licences cannot hold for one release at once."""
    modes = modes_of(licences)
    if len(set(modes.values())) > 1:
        said = "; ".join(f"{mode} by {clause}" for clause, mode in sorted(modes.items()))
        yield f"licences of one release ask for different modes ({said}); amend them to agree on one"


def _tails(said: Sequence[Sequence[CodedTail | Tail]]) -> tuple[CodedTail, ...]:
    """Return for each size of group that anybody names the widest of the tails that hold from there on."""
    every = [[CodedTail(t.least, t.low, t.high) for t in tails] for tails in said]
    found = []
    for least in sorted({tail.least for tails in every for tail in tails}):
        held = [[tail for tail in tails if tail.least <= least][-1:] for tails in every]
        now = [tail for tails in held for tail in tails]
        found.append(CodedTail(least, max(t.low for t in now), min(t.high for t in now)))
    return tuple(found)


def _amounts(said: Sequence[AmountRule | AmountTerms | None]) -> AmountRule | None:
    """Return the strictest dominance rule and the strictest p % rule of those that are said."""
    rules = [one for one in said if one is not None]
    if not rules:
        return None
    return AmountRule(
        dominant=max((one.dominant for one in rules if one.dominant is not None), default=None),
        share=min((one.share for one in rules if one.share is not None), default=None),
        prior=max((one.prior for one in rules if one.prior is not None), default=None),
    )
