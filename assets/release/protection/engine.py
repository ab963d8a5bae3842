"""The search as a whole: reduce, hide the cheapest complements, exchange, prove where that is possible, show again.

What belongs here: the order of the steps for each connected part, and what each may spend. Nothing is drawn at random
and no clock is read, so the same problem gives the same pattern.
"""

from __future__ import annotations

import numpy as np

from assets.release.protection.complements import Complements
from assets.release.protection.exact import Exact
from assets.release.protection.problem import QUICK, Effort, Pattern, Problem
from assets.release.protection.pruning import exchange, prune, show_what_is_known
from assets.release.protection.reach import Reach
from assets.release.protection.reduction import Part, parts_of


def protect(problem: Problem, effort: Effort = QUICK) -> Pattern:
    """Choose what to hide so that every demand of `problem` is met, as cheaply as can be found.

    Raises UnprotectableError naming a number that nothing protects.
    """
    hidden, price, bound, programs = problem.hidden.copy(), 0.0, 0.0, 0
    for part in parts_of(problem):
        reach, least, spent = protect_part(part, effort)
        chosen = reach.hidden & part.open
        hidden[part.members[chosen]] = True
        price, bound, programs = price + reach.price, bound + least, programs + spent
    return Pattern(hidden, price, min(bound, price), programs)


def protect_part(part: Part, effort: Effort) -> tuple[Reach, float, int]:
    """Return (the pattern of one part, a bound on the price of any, programs)."""
    complements, bound, more = Complements(part), 0.0, 0
    reach = _first(part, complements, effort)
    share = 1000 / (1000 + len(part.price))
    prune(reach, int(effort.pruning * share))
    if reach.price > 0 and part.open.sum() <= effort.exact_cells and len(part.demanding) <= effort.exact_demands:
        exact = Exact(reach, complements, effort)
        exact.relax()
        exact.solve()
        reach, bound, more = exact.best, exact.proven, exact.programs + exact.cuts.programs
    if reach.price > bound and effort.exchanges:
        reach = exchange(reach, complements, int(effort.exchanges * share))
    show_what_is_known(reach)
    return reach, bound, reach.programs + complements.programs + more


def _first(part: Part, complements: Complements, effort: Effort) -> Reach:
    """Return the cheapest of the patterns that meeting the demands in several orders gives."""
    far = part.demanding
    orders = (far, far[::-1], np.sort(far), far[np.argsort(-part.value[far], kind="stable")])
    best: Reach | None = None
    for order in orders[: effort.orders]:
        reach = Reach(part, np.zeros(len(part.price), bool))
        complements.protect(reach, order)
        if best is None or reach.price < best.price:
            best = reach
        if best.price <= 0:
            break
    assert best is not None  # noqa: S101
    return best
