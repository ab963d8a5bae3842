"""What a later licence loosens of how the numbers of its release are protected.

Who compares the agreements, and the other terms of a release, are in `diff_agreements`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mou_policies.provisions import AmountTerms, ReleaseTerms, Tail

UNSAID = "not said"

Change = tuple[str, str]


def loosened(old: ReleaseTerms, new: ReleaseTerms) -> Iterator[Change]:
    """Yield (what was said, what is said now) for each protection that became weaker, or another one."""
    for name in ("zeros", "certain"):
        before, after = getattr(old, name), getattr(new, name)
        if before == "hidden" and after != "hidden":
            yield f"{name} hidden", f"{name} {after or UNSAID}"
    if old.mode is not None and old.mode != new.mode:
        yield f"mode {old.mode}", f"mode {new.mode or UNSAID}"
    for tail in old.percentages:
        if not any(_covers(later, tail) for later in new.percentages):
            yield _tail(tail), "not coded so"
    if old.amounts is not None and _weaker(old.amounts, new.amounts):
        yield _amounts(old.amounts), _amounts(new.amounts)
    if old.privacy is not None:
        spent = new.privacy
        if spent is None or spent.epsilon > old.privacy.epsilon or spent.budget > old.privacy.budget:
            after = UNSAID if spent is None else f"epsilon {spent.epsilon:g} of {spent.budget:g}"
            yield f"epsilon {old.privacy.epsilon:g} of {old.privacy.budget:g}", after


def _covers(later: Tail, tail: Tail) -> bool:
    """Say whether a later tail is for the same groups and at least as wide."""
    return later.least == tail.least and later.low >= tail.low and later.high <= tail.high


def _tail(tail: Tail) -> str:
    return f"percentages of {tail.least} or more coded below {tail.low:g} and above {tail.high:g}"


def _weaker(old: AmountTerms, new: AmountTerms | None) -> bool:
    if new is None:
        return True
    dominance = old.dominant is not None and (
        new.dominant is None or new.dominant < old.dominant or (new.share or 100) > (old.share or 0)
    )
    return dominance or (old.prior is not None and (new.prior is None or new.prior < old.prior))


def _amounts(rule: AmountTerms | None) -> str:
    if rule is None:
        return "no rule for amounts"
    said = [f"{rule.dominant} with {rule.share:g} %"] if rule.dominant is not None else []
    said += [f"prior {rule.prior:g} %"] if rule.prior is not None else []
    return f"amounts: {', '.join(said)}"
