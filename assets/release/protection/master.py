"""The master program: which numbers to hide, as far as the cuts found so far tell.

What belongs here: one yes or no for each number that may be hidden, its price, and cuts that every protecting pattern
meets. What does not: where cuts come from (`cuts`).
"""

from __future__ import annotations

import highspy
import numpy as np

from assets.release.protection.problem import EPSILON
from assets.release.solver import INFINITY, Floats, Ints, quiet_solver


class Master:
    """Minimise price x over x in {0, 1}^d (or between, when `whole` is False) subject to cuts."""

    def __init__(self, price: Floats, nodes: int) -> None:
        self.size, self.scale = len(price), max(float(price.max(initial=1.0)), EPSILON)
        self._highs = quiet_solver(mip_max_nodes=nodes, mip_rel_gap=0.0, mip_abs_gap=1e-9)
        none = np.empty(0, np.int32)
        self._highs.addCols(
            self.size, price / self.scale, np.zeros(self.size), np.ones(self.size), 0, none, none, np.empty(0)
        )
        self.cuts = 0

    def add(self, coefficients: Floats, least: float) -> None:
        """Add the cut coefficients x >= least."""
        which = np.flatnonzero(coefficients).astype(np.int32)
        top = float(coefficients.max(initial=1.0))
        self._highs.addRow(least / top, INFINITY, len(which), which, coefficients[which] / top)
        self.cuts += 1

    def fix(self, low: Floats) -> None:
        """Take the choices `low` = 1 as made."""
        self._highs.changeColsBounds(self.size, np.arange(self.size, dtype=np.int32), low, np.ones(self.size))

    def solve(self, whole: bool) -> tuple[Floats, float] | None:
        """Return (x, lower bound of the price); None when no x meets the cuts or the solver found none in time."""
        kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
        every = np.arange(self.size, dtype=np.int32)
        self._highs.changeColsIntegrality(self.size, every, np.full(self.size, int(kind), np.uint8))
        self._highs.run()
        status = self._highs.getModelStatus()
        x = np.asarray(self._highs.getSolution().col_value, float)
        if status == highspy.HighsModelStatus.kInfeasible or len(x) != self.size:
            return None
        info = self._highs.getInfo()
        bound = info.mip_dual_bound if whole else info.objective_function_value
        return x, float(bound) * self.scale


def chosen(x: Floats) -> Ints:
    """Return which choices are yes."""
    return np.flatnonzero(x > 0.5)
