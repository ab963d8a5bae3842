"""The cheapest pattern there is, or a bound on it: integer programs over cuts, in parts small enough.

What belongs here: the loop of Benders decomposition. The master proposes a pattern that meets all cuts so far; the
attacker's programs find what it violates, or prove it; a pattern that almost protects is completed and pruned on the
way, so that there is always one that protects. What does not: parts too large for it (`pruning.exchange`).
"""

from __future__ import annotations

import numpy as np

from assets.release.protection.complements import Complements
from assets.release.protection.cuts import Cuts
from assets.release.protection.master import Master, chosen
from assets.release.protection.problem import EPSILON, Bools, Effort, UnprotectableError
from assets.release.protection.pruning import prune
from assets.release.protection.reach import Reach
from assets.release.solver import Floats

RELAXATIONS, FLAT, PATIENCE = 60, 1e-4, 6
"""Fractional rounds at most; what counts as no progress; how many of those in a row end it."""
COMPLETED = 4
"""Every so many fractional rounds the proposal is completed to a pattern."""
DEEPEST, DEAREST = 20, 1.3
"""Steps of one dive, and by which factor it may become dearer than the best pattern."""


class Exact:
    """One part with its cuts and the best pattern so far."""

    def __init__(self, reach: Reach, complements: Complements, effort: Effort) -> None:
        self.best, self.complements, self.effort = reach, complements, effort
        self.part, self.cuts = reach.part, Cuts(reach.part)
        self.open = np.flatnonzero(self.part.open)
        self.price = self.part.price[self.open]
        self.master = Master(self.price, effort.nodes)
        self.bound, self.programs = 0.0, 0

    @property
    def proved(self) -> bool:
        """Whether no pattern can be cheaper than the best so far."""
        step = 1.0 if (self.price == np.round(self.price)).all() else 0.0
        return self.best.price <= self.bound + max(step - EPSILON, EPSILON * max(1.0, self.bound))

    @property
    def proven(self) -> float:
        """A price that no pattern of this part undercuts."""
        return self.best.price if self.proved else self.bound

    def relax(self) -> None:
        """Add cuts at the master's fractional patterns while they raise the bound; complete one now and then."""
        flat, x = 0, np.zeros(len(self.open))
        for number in range(RELAXATIONS):
            if not self._separate(x):
                return
            solved = self._propose(whole=False)
            if solved is None:
                return
            x, bound = solved
            flat = flat + 1 if bound <= self.bound * (1 + FLAT) + EPSILON else 0
            self.bound = max(self.bound, bound)
            if number % COMPLETED == COMPLETED - 1:
                self._complete(x)
            if self.proved or flat > PATIENCE:
                return

    def solve(self) -> None:
        """Propose whole patterns until one is proved cheapest or the effort is spent."""
        for number in range(self.effort.rounds):
            if self.proved:
                return
            self.master.fix(np.zeros(len(self.open)))
            solved = self._propose(whole=True)
            if solved is None:
                return
            x, bound = solved
            self.bound = max(self.bound, bound)
            self._complete(x)
            if self.proved or not self._separate(np.round(x)):
                return
            if number % 2:
                self._dive(np.round(x))

    def _dive(self, x: Floats) -> None:
        """Add to a proposal what the cuts ask for, again and again: each step gives cuts that the next one meets."""
        for _ in range(DEEPEST):
            self.master.fix(x)
            solved = self._propose(whole=True)
            if solved is None or float(self.price @ solved[0]) > DEAREST * self.best.price:
                return
            x = np.round(solved[0])
            if not self._separate(x):
                self._complete(x)
                return

    def _propose(self, whole: bool) -> tuple[Floats, float] | None:
        self.programs += 1
        return self.master.solve(whole)

    def _separate(self, x: Floats) -> int:
        cuts = self.cuts.all_violated(x, self.part.demanding)
        for cut in cuts:
            self.master.add(cut.coefficients, cut.least)
        return len(cuts)

    def _complete(self, x: Floats) -> None:
        """Make a protecting pattern of a proposal, and keep it when it is cheaper than the best."""
        hidden: Bools = np.zeros(len(self.part.price), bool)
        hidden[self.open[chosen(x)]] = True
        reach = Reach(self.part, hidden)
        try:
            self.complements.protect(reach, looks=2)
        except UnprotectableError:
            return
        prune(reach, self.effort.pruning)
        self.programs += reach.programs
        if reach.price < self.best.price - EPSILON:
            self.best = reach
