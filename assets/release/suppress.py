"""Complementary suppression: what else to hide so that no sensitive number can be worked out.

What belongs here: for a `System` with known values, the choice of the counts to hide. The search works in
each connected part of the system alone. For each sensitive number it asks a linear program for the cheapest
set of counts that must be hidden too, so that the number could as well be large enough (or small enough) with
every equation still true (Fischetti and Salazar's attacker turned round, as in Kelly, Golden and Assad 1992).
Each answer is a witness that later numbers reuse. Then the dearest hidden counts are shown again while every
demand still has a witness. What does not belong here: the judgement whether the result is safe (`audit`,
which never imports this module).

The order of the work is fixed and nothing is drawn at random, so the same tables give the same pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.prices import prices
from assets.release.rounding import behind, rounded
from assets.release.sensitivity import Demand, Demands, demands
from assets.release.solver import INFINITY, Floats, Ints, LinearProgram
from assets.release.system import Bools, Kind, System, parts, rules_of

EPSILON = 1e-6
PRUNING_PROGRAMS = 250
"""Linear programs spent on showing hidden counts again in one connected part."""


@dataclass(frozen=True)
class Suppression:
    """What to hide. `hidden` (n,) is True only for counts; `demands` (n,) is what was protected."""

    hidden: Bools
    demands: Demands
    programs: int

    @property
    def primary(self) -> int:
        """How many numbers were sensitive by themselves."""
        return int((self.demands > 0).sum())


def suppress(
    system: System,
    policy: ReleasePolicy,
    published: Bools | None = None,
    withheld: Bools | None = None,
    stricter: Mapping[int, int] | None = None,
    before: Mapping[str, ReleasePolicy] | None = None,
    room: tuple[Floats, Floats] | None = None,
) -> Suppression:
    """Choose the counts of `system` to hide under `policy`.

    `published` and `withheld`, shape (n,): counts that an earlier release shows, or hides, for good.
    `stricter`: variable -> by how much its upper end must exceed what the rule asks (what an audit found too
    narrow); a count that the rule does not hide, and that is known all the same, is shown instead.
    `before`: the rules of earlier releases, by id. `room`: how far below and above its value each count could lie
    although it is shown, because a mode shows it changed; one of these that is known all the same must become
    uncertain. Raises ReleaseError naming a number that cannot be
    protected any more, because earlier releases give it away.
    """
    stricter = stricter or {}
    nothing = np.zeros(len(system.values), bool)
    published = nothing if published is None else published
    hidden = nothing.copy() if withheld is None else withheld.copy()
    rules = rules_of(system, policy, before or {})
    wanted = demands(system, rules, published)
    is_count = system.kind == Kind.COUNT
    asked, known = wanted.copy(), nothing.copy()
    for variable in stricter:
        if wanted[variable] == Demand.NONE:
            roomy = room is not None and bool(room[0][variable] + room[1][variable] > 0)
            known[variable] = is_count[variable] and not hidden[variable] and not roomy
            asked[variable] = Demand.NONE if known[variable] else Demand.INEXACT
    hidden |= (wanted > 0) & is_count
    price = prices(system, policy.weights)
    free_down, free_up = _rounding_room(system, policy)
    if room is not None:
        free_down, free_up = np.maximum(free_down, room[0]), np.maximum(free_up, room[1])
    programs = 0
    for members, rows in parts(system):
        if not (asked[members] > 0).any():
            continue
        part = _Part(
            system=system,
            threshold=rules.threshold[members],
            members=members,
            matrix=system.matrix[rows][:, members].tocsr(),
            wanted=asked[members],
            hidden=hidden[members],
            fixed=published[members],
            withheld=nothing[members] if withheld is None else withheld[members],
            price=price[members],
            room=(free_down[members], free_up[members]),
            stricter={i: stricter[int(v)] for i, v in enumerate(members) if int(v) in stricter},
        )
        part.protect()
        part.prune()
        hidden[members] = part.hidden & ~known[members]
        programs += part.programs
    return Suppression(hidden & is_count, wanted, programs)


def _rounding_room(system: System, policy: ReleasePolicy) -> tuple[Floats, Floats]:
    """Return how far below and above its value each variable may lie although a rounded table shows it."""
    down, up = np.zeros(len(system.values)), np.zeros(len(system.values))
    for block in system.blocks:
        base, width = block.spec.rounding, len(block.spec.counts)
        if base:
            span = slice(block.offset, block.offset + block.rows * width)
            value = system.values[span]
            low, high = behind(rounded(value, base), base, policy.threshold)
            down[span], up[span] = np.maximum(value - low, 0), np.maximum(high - value, 0)
    return down, up


@dataclass
class _Part:
    """One connected part of the system: variables 0..k-1, of which some are hidden so far.

    A witness is a y with A y = 0 such that a + y is another set of numbers that fits everything shown: y
    stays within
    `low` and `high`, which are wide for what is hidden or derived, and zero (or the room of a rounding) for
    the rest.
    `inner` looks for witnesses within these bounds; `outer` may go beyond them at a price, and what does so
    is hidden.
    """

    system: System
    threshold: Ints
    members: Ints
    matrix: sparse.csr_matrix
    wanted: Demands
    hidden: Bools
    fixed: Bools
    withheld: Bools
    price: Floats
    room: tuple[Floats, Floats]
    stricter: Mapping[int, int]
    programs: int = 0
    witnesses: list[Floats] = field(default_factory=list)

    def __post_init__(self) -> None:
        k = len(self.members)
        self.value = self.system.values[self.members]
        self.derived = self.system.kind[self.members] != Kind.COUNT
        self.lowest = np.where(self.system.signed[self.members], -INFINITY, -self.value)
        loose = self.hidden | self.derived
        self.low = np.where(loose, self.lowest, -self.room[0])
        self.high = np.where(loose, INFINITY, self.room[1])
        self.up, self.down = np.zeros(k), np.zeros(k)
        self.dear = np.flatnonzero(~loose & ~self.fixed)
        nothing = np.zeros(self.matrix.shape[0])
        self.inner = LinearProgram(self.matrix, nothing, self.low, self.high)
        beyond = self.matrix[:, self.dear]
        endless = np.full(len(self.dear), INFINITY)
        self.outer = LinearProgram(
            sparse.hstack([self.matrix, beyond, -beyond], format="csr"),
            nothing,
            np.concatenate([self.low, np.zeros(2 * len(self.dear))]),
            np.concatenate([self.high, endless, -self.lowest[self.dear] - self.room[0][self.dear]]),
        )
        self.outer.costs(k + np.arange(2 * len(self.dear)), np.tile(self.price[self.dear], 2))

    # What is asked of each number, and what the witnesses so far show.

    def lacking(self, i: int) -> tuple[float, float]:
        """Return how far number i must still be able to rise, or else fall; (0, 0) when its demand is met."""
        if self.wanted[i] == Demand.INEXACT:
            step = max(1.0, float(self.stricter.get(i, 0)))
            met = max(self.up[i], self.down[i]) >= step - EPSILON
            return (0.0, 0.0) if met else (step, step)
        t, a = int(self.threshold[i]), float(self.value[i])
        rise = max(t - a, 1.0) + self.stricter.get(i, 0)
        if self.up[i] < rise - EPSILON:
            return rise, 0.0
        if self.up[i] + self.down[i] < t - EPSILON:
            return float(t), min(a, t - float(np.floor(self.up[i] + EPSILON)))
        return 0.0, 0.0

    def record(self, y: Floats) -> None:
        """Keep a witness, and its opposite as far as that stays within the bounds."""
        scale = 1.0
        for side, limit in ((y > EPSILON, -self.low), (y < -EPSILON, self.high)):
            scale = min(scale, float(np.min(limit[side] / np.abs(y[side]), initial=1.0)))
        for witness in (y, -scale * y)[: 1 + (scale > EPSILON)]:
            self.witnesses.append(witness)
            self.up = np.maximum(self.up, witness)
            self.down = np.maximum(self.down, -witness)

    def move(self, i: int, amount: float) -> bool:
        """Record a witness with y_i = amount that needs nothing more hidden; False when there is none."""
        if not self.low[i] - EPSILON <= amount <= self.high[i] + EPSILON:
            return False
        one, pinned = np.array([i]), np.array([amount])
        self.inner.bounds(one, pinned, pinned)
        y = self.inner.solve()
        self.inner.bounds(one, self.low[one], self.high[one])
        self.programs += 1
        if y is not None:
            self.record(y)
        return y is not None

    def widen(self, i: int, amount: float) -> bool:
        """Hide the cheapest counts that let number i move by `amount`; False when nothing can."""
        if amount < self.lowest[i] - EPSILON or self.fixed[i]:
            return False
        k = len(self.members)
        one, pinned = np.array([i]), np.array([amount])
        self.outer.bounds(one, pinned, pinned)
        x = self.outer.solve()
        self.outer.bounds(one, self.low[one], self.high[one])
        self.programs += 1
        if x is None:
            return False
        more = x[k : k + len(self.dear)] - x[k + len(self.dear) :]
        self._hide(self.dear[np.abs(more) > EPSILON])
        y = x[:k].copy()
        y[self.dear] += more
        self.record(y)
        return True

    def satisfy(self, i: int, widen: bool) -> bool:
        """Find witnesses until number i's demand is met, hiding more where `widen`; False: no way."""
        for _ in range(4):
            rise, fall = self.lacking(i)
            if rise == fall == 0.0:
                return True
            ways = [amount for amount in (-fall, rise) if amount]
            if any(self.move(i, amount) for amount in ways):
                continue
            if not (widen and any(self.widen(i, amount) for amount in ways)):
                return False
        return self.lacking(i) == (0.0, 0.0)

    def _bounds(self, which: Ints, low: Floats, high: Floats) -> None:
        self.low[which], self.high[which] = low, high
        self.inner.bounds(which, low, high)
        self.outer.bounds(which, low, high)

    def _hide(self, which: Ints) -> None:
        if len(which):
            self.hidden[which] = True
            self._bounds(which, self.lowest[which], np.full(len(which), INFINITY))

    def _show(self, which: Ints) -> None:
        self.hidden[which] = False
        self._bounds(which, -self.room[0][which], self.room[1][which])

    def protect(self) -> None:
        """Meet every demand, the ones with the farthest to go first."""
        order = np.lexsort((self.members, self.value, -self.wanted.astype(int)))
        for i in order:
            if self.wanted[i] and not self.satisfy(int(i), widen=True):
                raise ReleaseError(
                    f"{self.system.coordinates(int(self.members[i]))} cannot be protected: "
                    "what is already published gives it away; leave its table or version out of this release"
                )

    # Showing counts again.

    def prune(self) -> None:
        """Show hidden counts again, dearest first, while every demand keeps a witness; then what is known."""
        candidates = np.flatnonzero(self.hidden & ~self.derived & (self.wanted == 0) & ~self.withheld)
        candidates = candidates[np.lexsort((self.members[candidates], -self.price[candidates]))]
        budget = self.programs + PRUNING_PROGRAMS
        for i in candidates:
            if self.programs < budget:
                self._try_showing(int(i))
        for i in candidates:
            if self.hidden[i] and not self._uncertain(int(i)):
                self._show(np.array([i]))

    def _try_showing(self, i: int) -> None:
        """Show count i if every demand can still be met by moving what stays hidden."""
        kept = (self.up, self.down, self.witnesses)
        one = np.array([i])
        self._show(one)
        self.witnesses = [y for y in self.witnesses if self.low[i] - EPSILON <= y[i] <= self.high[i] + EPSILON]
        stacked = np.vstack([np.zeros((1, len(self.members))), *self.witnesses])
        self.up, self.down = stacked.max(axis=0), -stacked.min(axis=0)
        if not all(self.satisfy(int(j), widen=False) for j in np.flatnonzero(self.wanted)):
            self._hide(one)
            self.up, self.down, self.witnesses = kept

    def _uncertain(self, i: int) -> bool:
        """Say whether a hidden count can be another number."""
        known = max(self.up[i], self.down[i]) >= 1 - EPSILON
        return known or self.move(i, 1.0) or self.move(i, -1.0)
