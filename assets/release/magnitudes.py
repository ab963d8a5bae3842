"""Sums of money or days as the auditor sees them: what a shown one says, when one is sensitive, how far it must reach.

What belongs here: the rules for magnitudes once more in the auditor's own words, from the contributions in the sealed
annex, and the attack on one connected part of the amounts. What does not: the choice of what to hide (`amounts`, which
shares nothing with this module); counts (`attacker`).

What must hold (source: Hundepool et al., Statistical Disclosure Control (2012), chapter 4 [M]). A sum beside a hidden
count of contributors: its interval reaches at least the largest contribution above and below it. A sum of which the n
largest contributors make up more than k percent: up to where they would make up k percent, and as far down. A sum that
less its two largest contributions leaves less than p percent of the largest: by what is missing to p percent. Never
below zero. An amount that no rule calls sensitive may be recovered: it tells of nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.solver import INFINITY, LinearProgram
from assets.release.system import Bools, Floats, Ints, Rules, System

LARGEST = 1e6
"""The solver sees the largest amount of a part as this number."""
HALF = 0.5
SLACK = 1e-5
"""By how much an end may miss what it must reach, in the numbers that the solver sees: some of its own tolerances."""
TOO_CLOSE = "a reader can estimate it more closely than the rule for amounts allows"


def amounts_behind(shown: Floats) -> tuple[Floats, Floats]:
    """Return the least and greatest amount behind each, in units of its last digit; without end where it is hidden."""
    low = np.where(np.isnan(shown), 0.0, np.maximum(shown - HALF - SLACK, 0.0))
    high = np.where(np.isnan(shown), INFINITY, shown + HALF + SLACK)
    return np.asarray(low, np.float64), np.asarray(high, np.float64)


def reach_of(
    system: System, truth: Floats, contributions: Floats, rules: Rules, hidden: Bools
) -> tuple[Floats, Floats]:
    """Return how far down and up from the truth the interval of each amount must reach, (n,); 0 up: not sensitive.

    `contributions` (3, a) from the annex; `hidden` (n,): the counts that the release does not show.
    """
    down, up = np.zeros(len(truth)), np.zeros(len(truth))
    sums = np.flatnonzero(system.amount)
    if contributions.shape[1] != len(sums):
        raise ReleaseError("the annex lacks the contributions to its amounts; restore it from a backup")
    first, second, few = contributions
    for block in system.amounts:
        counted = next(other for other in system.blocks if other.spec.name == block.spec.name)
        for place, amount in enumerate(block.spec.amounts):
            mine = np.arange(block.offset + place, block.span.stop, len(block.names))
            of = np.arange(counted.offset, counted.span.stop, len(counted.names)) + counted.names.index(amount.of)
            at = mine - sums[0]
            need = np.where(hidden[of], np.maximum(first[at], 1.0), 0.0)
            for number, policy in enumerate(rules.policies):
                judged = rules.policy[mine] == number
                asked = _asked(policy, truth[mine], first[at], second[at], few[at])
                need[judged] = np.maximum(need, asked)[judged]
            up[mine] = np.where(need > 1e-9 * truth[mine], need, 0.0)
    down[sums] = np.minimum(up[sums], truth[sums])
    return down, up


def _asked(policy: ReleasePolicy, whole: Floats, first: Floats, second: Floats, few: Floats) -> Floats:
    """Return by how much one rule asks that sums be unsure; unknown contributions ask for all of the sum."""
    rule = policy.amounts
    if rule is None or (rule.prior is None and rule.share is None):
        return whole + 1
    out = np.zeros(len(whole))
    if rule.share is not None:
        dominant = first if rule.dominant == 1 else few
        out = np.maximum(out, np.nan_to_num(100 * dominant / rule.share - whole, nan=np.inf))
    if rule.prior is not None:
        rest = whole - first - second
        out = np.maximum(out, np.nan_to_num(first * rule.prior / 100 - rest, nan=np.inf))
    return out


class Estimator:
    """Estimate k amounts x with `rows[0] <= A x <= rows[1]` and `box[0] <= x <= box[1]`; they must reach `span`."""

    def __init__(
        self,
        matrix: sparse.csr_matrix,
        rows: tuple[Floats, Floats],
        box: tuple[Floats, Floats],
        span: tuple[Floats, Floats],
    ) -> None:
        known = np.concatenate([*(end[np.isfinite(end) & (np.abs(end) < INFINITY)] for end in (*box, *span)), [1.0]])
        self._unit = max(1.0, float(np.abs(known).max()) / LARGEST)
        unit = self._unit
        low, high = (np.where(np.abs(end) < INFINITY, end / unit, end) for end in box)
        self._program = LinearProgram(matrix, rows[0] / unit, low, high, at_most=rows[1] / unit)
        self._span, self._box = span, (low, high)
        self._least, self._most = np.full(matrix.shape[1], np.nan), np.full(matrix.shape[1], np.nan)
        self.programs = self.integer_programs = 0

    def interval(self, i: int) -> tuple[float, float]:
        """Return the ends found for amount i, in its units."""
        return float(self._least[i]), float(self._most[i])

    def attack(self, demand: Ints) -> Iterator[tuple[int, str, int]]:
        """Yield (amount, what is wrong, by how many units) for each that a demand (k,) is made of, and not met."""
        for i in np.flatnonzero(demand):
            self._most[i] = self._end(int(i), self._span[1][i], 1.0)
            self._least[i] = self._end(int(i), self._span[0][i], -1.0)
            missing = max(self._span[1][i] - self._most[i], self._least[i] - self._span[0][i])
            if missing > SLACK * self._unit:
                yield int(i), TOO_CLOSE, int(np.ceil(missing))

    def bears_out(self, i: int, demand: int, least: float, most: float) -> bool:
        """Say whether an interval reaches what amount i must reach, and no farther than is possible."""
        slack = SLACK * self._unit
        far = least <= self._span[0][i] + slack and most >= self._span[1][i] - slack
        return demand == 0 or bool(far and least >= self._least[i] - slack and most <= self._most[i] + slack)

    def _end(self, i: int, far: float, sign: float) -> float:
        """Return how far amount i can go towards `far`, and no farther, in its units."""
        one, stop = np.array([i]), far / self._unit
        low, high = (end[one] for end in self._box)
        self._program.bounds(
            one, np.maximum(low, stop) if sign < 0 else low, np.minimum(high, stop) if sign > 0 else high
        )
        self._program.costs(one, np.array([sign]))
        x = self._program.solve(maximise=True)
        self._program.costs(one, np.zeros(1))
        self._program.bounds(one, low, high)
        self.programs += 1
        if x is None:
            raise ReleaseError("no amounts at all fit what is shown; nothing was published, check the table's SQL")
        return float(x[i]) * self._unit
