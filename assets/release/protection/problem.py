"""What a suppression problem is, whatever the numbers stand for, and what its solution is.

What belongs here: the plain form (equations, what a reader knows beforehand, prices, demands) and the pattern that
answers it. What does not: how a system of tables becomes a problem (`assets.release.suppress`), and the search.

The form is that of Fischetti and Salazar (Management Science 47, 2001): a pattern protects a number when the numbers
that stay hidden could be others, every equation and everything a reader knows beforehand still true, with this one
far enough up, far enough down, and with enough room between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from assets.release.solver import Floats

Bools = npt.NDArray[np.bool_]
EPSILON = 1e-6
"""Moves smaller than this are none."""


class UnprotectableError(Exception):
    """No pattern protects number `variable`: what must stay shown gives it away."""

    def __init__(self, variable: int) -> None:
        self.variable = variable
        super().__init__("a number cannot be protected")


@dataclass(frozen=True)
class Problem:
    """Numbers `value` (n,) with `matrix` @ value = constant, matrix CSR (m, n); all else has shape (n,).

    `lowest`, `highest`: what a reader knows beforehand of each number (infinite: nothing).
    `price`: what hiding it costs; 0 for a derived number that nobody is shown, which is free to move.
    `hidden`: must be hidden. `fixed`: must stay shown. `room_down`, `room_up`: how far a number may lie from its value
    although it is shown, because it is shown rounded.
    `up`, `down`, `width`: how far beyond its value, below its value, and over how wide an interval in all a reader must
    have to reckon with it; 0 demands nothing. `whole`: it is a count, so half a unit up and half down is no room.
    """

    matrix: sparse.csr_matrix
    value: Floats
    lowest: Floats
    highest: Floats
    price: Floats
    hidden: Bools
    fixed: Bools
    room_down: Floats
    room_up: Floats
    up: Floats
    down: Floats
    width: Floats
    whole: Bools


@dataclass(frozen=True)
class Effort:
    """How much work a search may spend in one connected part; counted in programs, so that clocks decide nothing.

    Linear programs grow with the part: one of a thousand numbers gets half of them, one of three thousand a quarter.
    """

    orders: int = 1
    """orders in which the demands are met at first; the cheapest pattern goes on"""
    pruning: int = 250
    """linear programs for showing numbers again"""
    exchanges: int = 0
    """linear programs for doing without one hidden number at a time"""
    exact_cells: int = 40
    """a part with at most this many numbers to choose from is solved as an integer program"""
    exact_demands: int = 12
    """... if it makes at most this many demands"""
    rounds: int = 12
    """integer programs for one part"""
    nodes: int = 400
    """nodes of one integer program"""


QUICK = Effort()
THOROUGH = Effort(orders=4, pruning=5_000, exchanges=4_000, exact_cells=600, exact_demands=40, rounds=6, nodes=300)


@dataclass(frozen=True)
class Pattern:
    """What to hide: `hidden` (n,) with all that must be; `price` of what was chosen beside that.

    `bound`: no pattern costs less (0 where nothing is known); `programs`: solver calls.
    """

    hidden: Bools
    price: float
    bound: float
    programs: int

    @property
    def gap(self) -> float:
        """By which share of its price the pattern may be dearer than the cheapest there is; 0 when it is proved."""
        return 0.0 if self.price <= self.bound else (self.price - self.bound) / self.price
