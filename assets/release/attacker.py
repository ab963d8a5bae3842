"""One attack: the intervals of hidden numbers in one connected part of what a release leaves unknown.

What belongs here: linear programs over the unknown numbers (least and greatest possible value of each), the
whole numbers in the narrow intervals among them, and the comparison with what must remain possible. Every
solution is a witness for all numbers at once: a number whose demand the witnesses meet is not asked for. What
does not: which numbers matter, and the names of anything (`audit`).

The solver is not believed: it works to a tolerance, which is nothing beside a count of 5 and something beside one
of five million. A solution counts as a witness only when its numbers, made whole, fit every row as they are; any
other solution must fit to within rounding, or the attack stops as one that was not decided.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from assets.release.policy import ReleaseError
from assets.release.solver import LinearProgram
from assets.release.system import Floats, Ints

EPSILON = 1e-6
WIDE = 3
"""An interval this many times the threshold wide needs no search for whole numbers within it."""
TOO_NARROW = "its interval does not reach from below the threshold to above it, or is too narrow"
CODED = "more of it can be worked out than the bound of its percentage tells"
EXACT = "it can be worked out exactly"
MISFIT = "the solver's answer does not fit what it was asked"
CONTRADICTION = "no numbers at all fit what is shown"
UNDECIDED = "the solver could not decide whether enough whole numbers fit"
IMPOSSIBLE = "its interval in the certificate is missing, too narrow, or not possible"
NEARLY, PRECISION = 1e-3, 1e-9
"""How near a solution must be to whole numbers to be tried as such; what a float may be off by, as a part of it."""


class Attacker:
    """Attack k unknown numbers x with `rows[0] <= A x <= rows[1]` and `box[0] <= x <= box[1]`.

    `threshold`, shape (k,): the rule's t for each. `span`, (k,) each: the ends that a demand of 3 must reach.
    `truth`, shape (k,) or None: numbers said to be true, a first witness if they fit.
    """

    def __init__(
        self,
        matrix: sparse.csr_matrix,
        rows: tuple[Floats, Floats],
        box: tuple[Floats, Floats],
        threshold: Ints,
        truth: Floats | None = None,
        span: tuple[Floats, Floats] | None = None,
    ) -> None:
        self._program = LinearProgram(matrix, rows[0], box[0], box[1], at_most=rows[1])
        self._box, self._threshold, self._span = box, threshold, box if span is None else span
        k = matrix.shape[1]
        self._matrix, self._size, self._rows = matrix, abs(matrix), rows
        self._truth = truth if truth is not None and self._fits(truth, EPSILON, PRECISION * EPSILON) else None
        self._least, self._most = np.full(k, np.inf), np.full(k, -np.inf)
        if self._truth is not None:
            self._least, self._most = self._truth.copy(), self._truth.copy()
        self._nearby: LinearProgram | None = None
        self.programs = self.integer_programs = 0

    def interval(self, i: int) -> tuple[float, float]:
        """Return the least and the greatest whole value of number i that has been shown to be possible."""
        return float(self._least[i]), float(self._most[i])

    def attack(self, demand: Ints) -> Iterator[tuple[int, str, int]]:
        """Yield (number, what is wrong, by how much) for each demand, shape (k,), that is not met."""
        wanted = np.flatnonzero(demand)
        if self._truth is None and self._solve(False) is None:
            yield int(wanted[0]), CONTRADICTION, 0
            return
        for i in wanted[np.argsort(-demand[wanted], kind="stable")]:
            if not self._met(int(i), int(demand[i])):
                missing = self._press(int(i), int(demand[i]))
                if missing is not None:
                    yield int(i), *missing

    def _press(self, i: int, demand: int) -> tuple[str, int] | None:
        """Ask for both ends of number i as a linear program, then for whole numbers far enough apart."""
        most = self._end(i, True)
        least = most if self._met(i, demand) else self._end(i, False)
        if self._met(i, demand):
            return None
        ends = float(np.ceil(least - _off(least))), float(np.floor(most + _off(most)))
        if self._enough(i, *ends, demand):
            if demand < 3 and ends[1] - ends[0] >= WIDE * self._threshold[i]:
                self._least[i], self._most[i] = ends
            elif not self._find_whole(i, demand, ends) and not self._met(i, demand):
                return UNDECIDED, 1
            ends = self.interval(i)
        return None if self._met(i, demand) else self._wrong(i, demand, *ends)

    def _wrong(self, i: int, demand: int, least: float, most: float) -> tuple[str, int]:
        """Say what is wrong with an interval, and by how much it is too narrow."""
        if demand == 1:
            return EXACT, 1
        if demand == 3:
            return CODED, 1
        t = int(self._threshold[i])
        return EXACT if least == most else TOO_NARROW, int(np.ceil(min(max(t - most, t - (most - least), 1.0), t)))

    def _find_whole(self, i: int, demand: int, ends: tuple[float, float]) -> bool:
        """Look for whole numbers that meet a demand; False when the solver could not tell."""
        t, (least, most) = int(self._threshold[i]), ends
        if demand == 1:
            regions = [(least, most - 1), (least + 1, most)]
        elif demand == 3:
            regions = [(self._span[1][i], most), (least, self._span[0][i])]
        else:
            regions = [(max(t, min(most, least + t)), most), (least, min(t - 1, most - t))]
        for low, high in regions:
            if low <= high:
                self._near(i, low, high)
        if self._met(i, demand):
            return True
        # First any whole solution in each region; then the ends themselves, which two solutions alone may not tell.
        asked = [(low, high, 0) for low, high in regions]
        asked += [] if demand == 1 else [(max(t, least), most, 1), (least, min(t - 1, most), -1)]
        self._program.whole(True)
        decided = True
        try:
            for low, high, toward in asked:
                if low <= high and not self._met(i, demand):
                    decided &= self._within(i, low, high, toward)
        finally:
            self._program.whole(False)
        return decided

    def _near(self, i: int, low: float, high: float) -> None:
        """Look near the truth for a solution with number i in a range; the least moves are nearly always whole."""
        if self._truth is None or low <= self._truth[i] <= high:
            return
        k = len(self._truth)
        reach = np.concatenate([self._box[1] - self._truth, self._truth - self._box[0]])
        if self._nearby is None:
            matrix, rows = self._matrix, self._rows
            already = matrix @ self._truth
            self._nearby = LinearProgram(
                sparse.hstack([matrix, -matrix], format="csr"),
                rows[0] - already,
                np.zeros(2 * k),
                reach,
                at_most=rows[1] - already,
            )
            self._nearby.costs(np.arange(2 * k), np.ones(2 * k))
        both = np.array([i, k + i])
        step = (low if low > self._truth[i] else high) - self._truth[i]
        pinned = np.array([max(step, 0.0), max(-step, 0.0)])
        self._nearby.bounds(both, pinned, pinned)
        y = self._nearby.solve()
        self._nearby.bounds(both, np.zeros(2), reach[both])
        self.programs += 1
        if y is not None:
            self._note(self._truth + y[:k] - y[k:])

    def bears_out(self, i: int, demand: int, least: float, most: float) -> bool:
        """Say whether an interval meets a demand and each of its ends is possible for number i."""
        if not self._enough(i, least, most, demand):
            return False
        seen = self.interval(i)
        low = seen[0] if seen[0] <= least else self._end(i, False)
        high = seen[1] if seen[1] >= most else self._end(i, True)
        return low - _off(low) <= least and most <= high + _off(high)

    def _within(self, i: int, low: float, high: float, toward: int) -> bool:
        """Look for a whole solution with number i in a range; False when the solver could not tell.

        `toward` 1: with the greatest number i, -1: with the least, 0: any.
        """
        one = np.array([i])
        self._program.bounds(one, np.array([low]), np.array([high]))
        self._program.costs(one, np.array([float(abs(toward))]))
        self.integer_programs += 1
        try:
            self._solve(toward > 0)
        except ReleaseError:
            return False
        finally:
            self._program.bounds(one, self._box[0][one], self._box[1][one])
            self._program.costs(one, np.zeros(1))
        return True

    def _met(self, i: int, demand: int) -> bool:
        return self._enough(i, self._least[i], self._most[i], demand)

    def _enough(self, i: int, least: float, most: float, demand: int) -> bool:
        """Say whether whole numbers meet a demand: 1 any two of them, 2 from below t to t, t wide, 3 its span."""
        if demand == 1:
            return bool(most - least >= 1)
        if demand == 3:
            return bool(least <= self._span[0][i] and self._span[1][i] <= most)
        t = int(self._threshold[i])
        return bool(least < t <= most and most - least >= t)

    def _end(self, i: int, maximise: bool) -> float:
        """Return one end of number i's interval."""
        one = np.array([i])
        self._program.costs(one, np.ones(1))
        x = self._solve(maximise)
        self._program.costs(one, np.zeros(1))
        if x is None:
            raise ReleaseError(
                f"{CONTRADICTION}; nothing was published, check the earlier releases with `release verify`"
            )
        return float(x[i])

    def _solve(self, maximise: bool) -> Floats | None:
        """Solve for the costs set, and note what a solution in whole numbers shows to be possible.

        Raises ReleaseError when the answer does not fit its own program.
        """
        x = self._program.solve(maximise)
        self.programs += 1
        if x is not None and not self._note(x) and not self._fits(x, EPSILON, PRECISION):
            raise ReleaseError(f"{MISFIT}; nothing was published: report it with the constraint hash")
        return x

    def _note(self, x: Floats) -> bool:
        """Keep a solution as a witness if its numbers, made whole, fit; say whether they do."""
        near = np.rint(x)
        if np.abs(x - near).max(initial=0.0) > NEARLY or not self._fits(near, EPSILON, PRECISION * EPSILON):
            return False
        self._least, self._most = np.minimum(self._least, near), np.maximum(self._most, near)
        return True

    def _fits(self, x: Floats, slack: float, share: float) -> bool:
        """Say whether numbers fit every row and the box, but for `slack` and a share of the numbers that add up."""
        row, room = self._matrix @ x, slack + share * (self._size @ np.abs(x))
        apart = slack + share * np.abs(x)
        inside = (x >= self._box[0] - apart) & (x <= self._box[1] + apart)
        return bool(inside.all() and (row >= self._rows[0] - room).all() and (row <= self._rows[1] + room).all())


def _off(value: float) -> float:
    """Return by how much an end that the solver found may be off."""
    return EPSILON + PRECISION * abs(value)
