"""What a reader must reckon with under one pattern: moves that fit everything shown, kept as witnesses.

What belongs here: the bounds that a pattern leaves, the witnesses so far, whether a demand is met, and a linear program
over what is hidden that looks for a new witness. What does not: which numbers to hide.
"""

from __future__ import annotations

import numpy as np

from assets.release.protection.problem import EPSILON, Bools
from assets.release.protection.reduction import Part
from assets.release.solver import Floats, Ints, LinearProgram

MOST_WITNESSES = 4
"""Witnesses kept for each demand, roughly, before all but the best are forgotten."""


class Reach:
    """The moves possible in a part while the numbers `hidden` (k,) are hidden; loose ones always are."""

    def __init__(self, part: Part, hidden: Bools) -> None:
        self.part, self.hidden = part, hidden | part.loose
        self.low = np.where(self.hidden, part.far_low, part.near_low)
        self.high = np.where(self.hidden, part.far_high, part.near_high)
        self.demanding = part.demanding
        self.programs = 0
        self._moves = np.zeros((16, len(part.price)))
        self._size = 1  # the first witness is not to move at all
        self._program: LinearProgram | None = None

    @property
    def price(self) -> float:
        """The price of what is hidden beyond what must be."""
        return float(self.part.price[self.hidden & self.part.open].sum())

    def copy(self) -> Reach:
        """Return the same state, to try something else from."""
        other = Reach(self.part, self.hidden)
        other._moves, other._size = self._moves[: self._size].copy(), self._size
        return other

    # Witnesses.

    def record(self, y: Floats) -> None:
        """Keep a move, and its opposite as far as that stays within the bounds."""
        scale = 1.0
        for side, limit in ((y > EPSILON, -self.low), (y < -EPSILON, self.high)):
            scale = min(scale, float(np.min(limit[side] / np.abs(y[side]), initial=1.0)))
        for move in (y, -scale * y)[: 1 + (scale > EPSILON)]:
            self._keep(move)

    def _keep(self, y: Floats) -> None:
        if self._size == len(self._moves):
            self._grow()
        self._moves[self._size] = y
        self._size += 1

    def _grow(self) -> None:
        """Make room: forget moves that are the best for no demand once there are many."""
        moves = self._moves[: self._size]
        if self._size > 64 + MOST_WITNESSES * len(self.demanding):
            asked = moves[:, self.demanding]
            best = np.unique(np.concatenate([[0], asked.argmax(axis=0), asked.argmin(axis=0)]))
            moves = moves[best]
        self._size = len(moves)
        self._moves = np.vstack([moves, np.zeros((max(64, len(moves)), moves.shape[1]))])

    def ends(self, i: int) -> tuple[float, float]:
        """Return how far up and how far down number i has been seen to move."""
        column = self._moves[: self._size, i]
        return float(column.max()), float(-column.min())

    def unmet(self) -> Ints:
        """Return the numbers whose demands the witnesses do not meet, in the order of `demanding`."""
        moves = self._moves[: self._size, self.demanding]
        up, down = moves.max(axis=0), -moves.min(axis=0)
        part, who = self.part, self.demanding
        met = (up >= part.up[who] - EPSILON) & (down >= part.down[who] - EPSILON)
        met &= self._room(up, who) + self._room(down, who) >= part.width[who] - EPSILON
        return np.asarray(who[~met])

    def _room(self, moved: Floats | float, who: Ints | int) -> Floats:
        """Return how far numbers may move, in whole steps where they are whole."""
        return np.where(self.part.whole[who], np.floor(np.add(moved, EPSILON)), moved)

    def lacking(self, i: int) -> tuple[float, ...]:
        """Return signed moves of number i one of which must be possible next; none when its demand is met."""
        part = self.part
        up, down = self.ends(i)
        if up < part.up[i] - EPSILON:
            return (float(part.up[i]),)
        if down < part.down[i] - EPSILON:
            return (-float(part.down[i]),)
        width = float(part.width[i])
        up, down = float(self._room(up, i)), float(self._room(down, i))
        if up + down >= width - EPSILON:
            return ()
        fall = min(width - up, -float(part.far_low[i]))
        rise = min(width - down, float(part.far_high[i]))
        return tuple(amount for amount in (-fall, rise) if abs(amount) > EPSILON)

    # Looking for witnesses.

    def move(self, i: int, amount: float) -> bool:
        """Record a witness in which number i moves by `amount`; False when there is none."""
        if not self.low[i] - EPSILON <= amount <= self.high[i] + EPSILON:
            return False
        if self._program is None:
            self._compact()
        one = np.array([self._place[i]])
        pinned = np.array([amount])
        program = self._program
        assert program is not None  # noqa: S101
        program.bounds(one, pinned, pinned)
        y = program.solve()
        program.bounds(one, self.low[[i]], self.high[[i]])
        self.programs += 1
        if y is None:
            return False
        whole = np.zeros(len(self.low))
        whole[self._columns] = y
        self.record(whole)
        return True

    def _compact(self) -> None:
        """Build the program over the numbers that can move at all."""
        self._columns = np.flatnonzero(self.high - self.low > EPSILON)
        self._place = np.full(len(self.low), -1)
        self._place[self._columns] = np.arange(len(self._columns))
        matrix = self.part.matrix[:, self._columns].tocsr()
        matrix = matrix[np.diff(matrix.indptr) > 0]
        self._program = LinearProgram(
            matrix, np.zeros(matrix.shape[0]), self.low[self._columns], self.high[self._columns]
        )

    def satisfy(self, i: int) -> bool:
        """Look for witnesses until number i's demand is met; False when there are none."""
        for _ in range(6):
            ways = self.lacking(i)
            if not ways:
                return True
            if not any(self.move(i, amount) for amount in ways):
                return False
        return not self.lacking(i)

    def uncertain(self, i: int) -> bool:
        """Say whether a hidden number can be another one."""
        step = 1.0 if self.part.whole[i] else 10 * EPSILON
        return max(self.ends(i)) >= step - EPSILON or self.move(i, step) or self.move(i, -step)

    # Changing the pattern.

    def hide(self, which: Ints) -> None:
        """Hide numbers; what was possible stays possible."""
        if not len(which):
            return
        self.hidden[which] = True
        self.low[which], self.high[which] = self.part.far_low[which], self.part.far_high[which]
        self._program = None

    def show(self, which: Ints) -> None:
        """Show numbers again; witnesses that move one of them are gone."""
        self.hidden[which] = False
        self.low[which], self.high[which] = self.part.near_low[which], self.part.near_high[which]
        if self._program is not None:
            self._program.bounds(self._place[which], self.low[which], self.high[which])
        moves = self._moves[: self._size][:, which]
        fits = ((moves >= self.low[which] - EPSILON) & (moves <= self.high[which] + EPSILON)).all(axis=1)
        kept = self._moves[: self._size][fits]
        self._moves, self._size = np.vstack([kept, np.zeros((16, kept.shape[1]))]), len(kept)

    def try_showing(self, i: int) -> bool:
        """Show number i if every demand can still be met by moving what stays hidden."""
        moves, size, program = self._moves, self._size, self._program
        one = np.array([i])
        if program is None or self._place[i] < 0:
            self._compact()
            program = self._program
        self.show(one)
        survivors = self._size
        if all(self.satisfy(int(j)) for j in self.unmet()):
            return True
        self.hidden[i] = True
        self.low[i], self.high[i] = self.part.far_low[i], self.part.far_high[i]
        found = self._moves[survivors : self._size]
        if program is not None:
            program.bounds(self._place[one], self.low[one], self.high[one])
        self._program = program
        self._moves, self._size = moves, size
        for y in found:
            self._keep(y)
        return False
