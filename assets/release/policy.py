"""The rule of a release: from which count on a number may be shown, what else is hidden, and in which form it goes out.

What belongs here: the thresholds as plain data, their limits and their form as JSON in a manifest, and the
errors of this room. What does not: who agreed to them (the release section of an agreement, `governance`), how they are
applied (`sensitivity`, `suppress`, `modes`, `audit`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, get_args

Switch = Literal["shown", "hidden"]
Mode = Literal["suppress", "round-3", "round-5", "cell-key", "differential-privacy"]

MODES: tuple[str, ...] = get_args(Mode)

WEIGHTS = (0.1, 10.0)
"""The least and the greatest weight that a data lead may set: no weight makes a school dearer than its city."""


class ReleaseError(Exception):
    """A release that cannot be built, read or trusted; one line: what was found, where, and what to do."""


@dataclass(frozen=True)
class CodedTail:
    """In a group of `least` children or more, percentages below `low` or above `high` are shown as the bound only."""

    least: int
    low: float
    high: float


@dataclass(frozen=True)
class AmountRule:
    """When a sum of amounts is sensitive.

    Dominance: its `dominant` largest contributors make up more than `share` percent. Prior knowledge: the second
    largest could estimate the largest to within `prior` percent (the p % rule). None: that rule is not applied.
    """

    dominant: int | None = None
    share: float | None = None
    prior: float | None = None


@dataclass(frozen=True)
class ReleasePolicy:
    """What counts may be shown, and how.

    `threshold` t: a count of 1..t-1 is never shown or derivable (10; 11 where CMS data flow in).
    `zeros`: whether a count of 0 may be shown (CMS: yes; UK LLC: no).
    `certain`: whether a rate of exactly 0 % or 100 % may be shown: it tells an attribute of every child of
    the group at any size, so by default its numerator is hidden. Sources: reference page on disclosure
    control.
    `percentages`: coded tails by size of the group, smallest group first; empty: percentages as they are.
    `amounts`: when a sum of money is sensitive.
    `mode`: hide, or show every number changed; `epsilon` is what one release may spend of the `budget` of the series,
    for differential privacy only.
    `weights`: how much a data lead minds losing a cell, by table (`measure`) or by table and dimension
    (`measure.place`); 1 where nothing is said. They change what is hidden beside the sensitive, not whether it is safe.
    """

    threshold: int = 10
    zeros: Switch = "shown"
    certain: Switch = "hidden"
    percentages: tuple[CodedTail, ...] = ()
    amounts: AmountRule | None = None
    mode: Mode = "suppress"
    epsilon: float | None = None
    budget: float | None = None
    weights: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        problem = next(_problems(self), None)
        if problem:
            raise ReleaseError(f"{problem}; correct the release section of the workspace or the agreement")

    @property
    def name(self) -> str:
        """A name for people and for the certificate."""
        hidden = f"threshold-{self.threshold}/zeros-{self.zeros}/certain-{self.certain}"
        return hidden if self.mode == "suppress" else f"{hidden}/{self.mode}"

    def to_json(self) -> dict[str, Any]:
        """Return the policy as plain JSON values; what was added since the first form is left out where it is unset."""
        always = {"threshold", "zeros", "certain"}
        unset = {f.name for f in fields(self) if f.default is not MISSING and getattr(self, f.name) == f.default}
        return {name: value for name, value in asdict(self).items() if name in always or name not in unset}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReleasePolicy:
        """Read what `to_json` wrote. Raises ReleaseError for an unknown or missing entry."""
        read = dict(data)
        try:
            if "percentages" in read:
                read["percentages"] = tuple(CodedTail(**tail) for tail in read["percentages"])
            if "amounts" in read:
                read["amounts"] = AmountRule(**read["amounts"])
            if "weights" in read:
                read["weights"] = tuple((name, float(weight)) for name, weight in read["weights"])
            return cls(**read)
        except (TypeError, ValueError):
            known = ", ".join(f.name for f in fields(cls))
            raise ReleaseError(f"release policy has entries {sorted(data)}, expected {known}; correct them") from None


def _problems(policy: ReleasePolicy) -> Iterator[str]:
    """Yield what contradicts itself in a policy."""
    if policy.threshold < 3:
        yield f"release threshold is {policy.threshold}, expected 3 or more"
    if policy.zeros not in ("shown", "hidden") or policy.certain not in ("shown", "hidden"):
        yield "release switches `zeros` and `certain` take 'shown' or 'hidden'"
    if policy.mode not in MODES:
        yield f"release mode is {policy.mode!r}, expected one of {', '.join(MODES)}"
    private = policy.mode == "differential-privacy"
    spends = policy.epsilon is not None and policy.budget is not None and 0 < policy.epsilon <= policy.budget
    if private != spends or (not private and (policy.epsilon is not None or policy.budget is not None)):
        yield "differential privacy needs an epsilon and a budget that is no smaller, and no other mode takes them"
    sizes = [tail.least for tail in policy.percentages]
    if sizes != sorted(set(sizes)) or not all(0 <= tail.low < tail.high <= 100 for tail in policy.percentages):
        yield "release percentages go from the smallest group up, each with 0 <= low < high <= 100"
    if policy.mode != "suppress" and (policy.percentages or policy.amounts):
        yield "coded percentages and rules for amounts go with the mode 'suppress', since others change what they judge"
    least, most = WEIGHTS
    for name, weight in policy.weights:
        if not least <= weight <= most:
            yield f"release.weights gives {name} the weight {weight:g}, expected {least:g} to {most:g}"
    rule = policy.amounts
    if rule is not None and (rule.dominant is None) != (rule.share is None):
        yield "the dominance rule for amounts needs both `dominant` and `share`"
