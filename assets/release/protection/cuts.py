"""Cuts: what every protecting pattern must satisfy, found from the attacker's program at a pattern that does not.

What belongs here: the capacity inequalities of Fischetti and Salazar (Management Science 47, 2001). For a number that
must be able to move by `amount`, the attacker's program over the (perhaps fractional) pattern x gives the most it can
move; the dual solution says which hidden numbers that hangs on, and how much each could add at best. What does not:
what is done with them (`exact`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets.release.protection.problem import EPSILON
from assets.release.protection.reduction import Part
from assets.release.solver import Floats, Ints, LinearProgram

NOISE = 1e-7


@dataclass(frozen=True)
class Cut:
    """coefficients (d,) x >= least, over the numbers of a part that may be hidden."""

    coefficients: Floats
    least: float


class Cuts:
    """The attacker's program of a part at any pattern x (d,) between 0 and 1."""

    def __init__(self, part: Part) -> None:
        self.part, self.open, self.programs = part, np.flatnonzero(part.open), 0
        self._most_up = part.far_high[self.open] - part.near_high[self.open]
        self._most_down = part.near_low[self.open] - part.far_low[self.open]
        self._low = np.where(part.loose, part.far_low, part.near_low)
        self._high = np.where(part.loose, part.far_high, part.near_high)
        self._program = LinearProgram(part.matrix, np.zeros(part.matrix.shape[0]), self._low, self._high)

    def at(self, x: Floats, amount: float) -> None:
        """Let each number move by its share x of what it could move, and of `amount` where that has no end."""
        high = self.part.near_high[self.open] + x * np.minimum(self._most_up, amount)
        low = self.part.near_low[self.open] - x * np.minimum(self._most_down, amount)
        self._program.bounds(self.open, low, high)

    def violated(self, i: int, x: Floats) -> list[Cut]:
        """Return cuts of number i's demands that x does not meet."""
        part = self.part
        found = []
        up, down = float(part.up[i]), float(part.down[i])
        width = float(part.width[i])
        reach = {}
        for sign, least in ((1.0, up), (-1.0, down)):
            if least > 0 or width > 0:
                reach[sign] = self._press(i, sign, max(least, width), x)
        for sign, least in ((1.0, up), (-1.0, down)):
            if least > 0:
                found.append(self._cut([reach[sign]], least, x))
        if width > 0:
            found.append(self._cut(list(reach.values()), width, x))
        return [cut for cut in found if cut is not None]

    def _press(self, i: int, sign: float, amount: float, x: Floats) -> tuple[float, Floats] | None:
        """Return (what is possible without hiding more, what each hidden number could add); None: enough anyway."""
        self.at(x, amount)
        one = np.array([i])
        self._program.bounds(one, np.maximum(self._low[one], -amount), np.minimum(self._high[one], amount))
        self._program.costs(one, np.array([-sign]))
        y = self._program.solve()
        self.programs += 1
        dual = self._program.reduced_costs()
        self._program.costs(one, np.zeros(1))
        self._program.bounds(one, self._low[one], self._high[one])
        if y is None or sign * y[i] >= amount - EPSILON * max(1.0, amount):
            return None
        rise, fall = np.maximum(-dual, 0.0), np.maximum(dual, 0.0)
        rise[rise < NOISE], fall[fall < NOISE] = 0.0, 0.0
        rise[i] = fall[i] = 0.0
        constant = self._times(rise, self._high) + self._times(fall, -self._low)
        adds = self._each(rise[self.open], self._most_up) + self._each(fall[self.open], self._most_down)
        return constant, adds

    @staticmethod
    def _each(factor: Floats, most: Floats) -> Floats:
        out = np.zeros(len(factor))
        return np.multiply(factor, most, out=out, where=factor > 0)

    def _times(self, factor: Floats, most: Floats) -> float:
        return float(self._each(factor, most).sum())

    def _cut(self, presses: list[tuple[float, Floats] | None], least: float, x: Floats) -> Cut | None:
        """Return the cut that says: constants and what is hidden add up to `least`; None when x meets it."""
        if any(press is None for press in presses):
            return None
        constant = sum(press[0] for press in presses if press is not None)
        adds = np.sum([press[1] for press in presses if press is not None], axis=0)
        missing = least - constant - EPSILON * max(1.0, least)
        if missing <= EPSILON or not np.isfinite(constant):
            return None
        coefficients = np.minimum(adds, missing)
        coefficients[coefficients < NOISE * missing] = 0.0
        if float(coefficients @ x) >= missing * (1 - 1e-4):
            return None
        return Cut(coefficients, missing)

    def all_violated(self, x: Floats, among: Ints) -> list[Cut]:
        """Return the cuts of many demands that x does not meet."""
        return [cut for i in among for cut in self.violated(int(i), x)]
