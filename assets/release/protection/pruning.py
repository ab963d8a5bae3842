"""Doing without: numbers are shown again, dearest first, and hidden numbers are exchanged for cheaper ones.

What belongs here: local search from a pattern that protects everything to a cheaper one that does as well. What does
not: the first pattern (`complements`) and proofs (`exact`).
"""

from __future__ import annotations

import numpy as np

from assets.release.protection.complements import Complements
from assets.release.protection.problem import EPSILON, UnprotectableError
from assets.release.protection.reach import Reach
from assets.release.solver import Ints


def dearest_first(reach: Reach) -> Ints:
    """Return the numbers that are hidden and need not be, dearest first."""
    part = reach.part
    which = np.flatnonzero(reach.hidden & part.open)
    return which[np.lexsort((part.members[which], -part.price[which]))]


def prune(reach: Reach, budget: int, among: Ints | None = None) -> None:
    """Show hidden numbers again, dearest first, while every demand keeps a witness; `budget` bounds the programs."""
    last = reach.programs + budget
    for i in dearest_first(reach):
        if reach.programs >= last:
            return
        if among is None or i in among:
            reach.try_showing(int(i))


def show_what_is_known(reach: Reach) -> None:
    """Show hidden numbers that a reader can work out exactly: hiding them hides nothing."""
    for i in dearest_first(reach):
        if not reach.uncertain(int(i)):
            reach.try_showing(int(i))


def exchange(reach: Reach, complements: Complements, budget: int) -> Reach:
    """Try to do without each hidden number in turn, dearest first, hiding others instead; keep what is cheaper."""
    spent, tried = 0, True
    while tried and spent < budget:
        tried = False
        for i in dearest_first(reach):
            if spent >= budget:
                break
            if not reach.hidden[i]:
                continue
            before = reach.programs + complements.programs
            other = without(reach, complements, np.array([i]))
            cost = complements.programs - before + reach.programs
            spent += max(1, cost + (other.programs if other is not None else 0))
            if other is not None and other.price < reach.price - EPSILON:
                other.programs += reach.programs
                reach, tried = other, True
    return reach


def without(reach: Reach, complements: Complements, barred: Ints) -> Reach | None:
    """Return a pattern in which the numbers `barred` are shown and what then lacks is met otherwise; None: no way."""
    other = reach.copy()
    other.show(barred)
    lacking = other.unmet()
    try:
        complements.protect(other, lacking, barred, looks=2)
    except UnprotectableError:
        return None
    if other.price - float(reach.part.price[barred].sum()) > reach.price:
        return other
    prune(other, 40 + 4 * len(lacking))
    return other
