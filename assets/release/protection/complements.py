"""The cheapest complements: a linear program that may move shown numbers too, at a price.

What belongs here: for one demand at a time, the cheapest set of numbers to hide beside those that are hidden already
(Kelly, Golden and Assad, Networks 22, 1992: the attacker's program with prices). Hiding is all or nothing while a
program can only charge by the unit, so the charge of a number is its price over the most it would be moved; a second
look charges each by what it was moved (slope scaling: Kim and Pardalos, Operations Research Letters 24, 1999). What
does not: whether something hidden can be shown again (`pruning`).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from assets.release.protection.problem import EPSILON, UnprotectableError
from assets.release.protection.reach import Reach
from assets.release.protection.reduction import Part
from assets.release.solver import Floats, Ints, LinearProgram


class Complements:
    """Programs over all numbers of a part: y, and for each one that may be hidden what it moves beyond its room."""

    def __init__(self, part: Part) -> None:
        self.part, self.programs = part, 0
        self.open = np.flatnonzero(part.open)
        k, d = len(part.price), len(self.open)
        self._up, self._down = k + np.arange(d), k + d + np.arange(d)
        self._most_up = part.far_high[self.open] - part.near_high[self.open]
        self._most_down = part.near_low[self.open] - part.far_low[self.open]
        beyond = part.matrix[:, self.open]
        self._base_low = np.where(part.loose, part.far_low, part.near_low)
        self._base_high = np.where(part.loose, part.far_high, part.near_high)
        self._program = LinearProgram(
            sparse.hstack([part.matrix, beyond, -beyond], format="csr"),
            np.zeros(part.matrix.shape[0]),
            np.concatenate([self._base_low, np.zeros(2 * d)]),
            np.concatenate([self._base_high, self._most_up, self._most_down]),
        )

    def widen(self, reach: Reach, i: int, amount: float, barred: Ints, looks: int) -> tuple[float, Floats] | None:
        """Return (price, move) of the cheapest complements found that let number i move by `amount`; None: no way.

        `barred`: numbers that may not be hidden.
        """
        part = self.part
        if not part.far_low[i] - EPSILON <= amount <= part.far_high[i] + EPSILON:
            return None
        paid = np.where(reach.hidden[self.open], 0.0, part.price[self.open])
        both = self._most_up, self._most_down
        charges = [paid / np.minimum(np.maximum(most, EPSILON), abs(amount)) for most in both]
        free = self._pin(i, amount, barred)
        best: tuple[float, Floats] | None = None
        for _ in range(looks):
            self._program.costs(np.concatenate([self._up, self._down]), np.concatenate(charges))
            x = self._program.solve()
            self.programs += 1
            if x is None:
                break
            more = x[self._up] - x[self._down]
            used = np.abs(more) > EPSILON
            price = float(paid[used].sum())
            if best is None or price < best[0] - EPSILON:
                y = x[: len(part.price)].copy()
                y[self.open] += more
                best = price, y
            if price <= EPSILON or looks == 1:
                break
            moved = np.maximum(np.abs(more), EPSILON)
            charges = [np.where(used, paid / moved, charge) for charge in charges]
        self._release(i, barred, free)
        return best

    def _pin(self, i: int, amount: float, barred: Ints) -> Ints:
        """Fix the move of number i and bar others from moving; return the columns to release afterwards."""
        at = np.flatnonzero(self.open == i)
        pinned = np.array([amount])
        self._program.bounds(np.array([i]), pinned, pinned)
        shut = np.concatenate([at, np.flatnonzero(np.isin(self.open, barred))])
        for columns in (self._up, self._down):
            self._program.bounds(columns[shut], np.zeros(len(shut)), np.zeros(len(shut)))
        return shut

    def _release(self, i: int, barred: Ints, shut: Ints) -> None:
        one = np.array([i])
        self._program.bounds(one, self._base_low[one], self._base_high[one])
        for columns, most in ((self._up, self._most_up), (self._down, self._most_down)):
            self._program.bounds(columns[shut], np.zeros(len(shut)), most[shut])

    def satisfy(self, reach: Reach, i: int, barred: Ints, looks: int = 1) -> bool:
        """Hide the cheapest complements found for number i's demand; False when nothing meets it."""
        for _ in range(6):
            ways = reach.lacking(i)
            if not ways:
                return True
            found = [one for one in (self.widen(reach, i, amount, barred, looks) for amount in ways) if one]
            if not found:
                return False
            _, y = min(found, key=lambda one: one[0])
            beyond = (y < reach.low - EPSILON) | (y > reach.high + EPSILON)
            reach.hide(np.flatnonzero(beyond & self.part.open))
            reach.record(y)
        return not reach.lacking(i)

    def protect(self, reach: Reach, order: Ints | None = None, barred: Ints | None = None, looks: int = 1) -> None:
        """Meet every demand of the part. Raises UnprotectableError, naming the first that nothing can meet."""
        none = np.empty(0, np.int64)
        for i in reach.demanding if order is None else order:
            if not self.satisfy(reach, int(i), none if barred is None else barred, looks):
                raise UnprotectableError(int(self.part.members[i]))
