"""What a reader infers from a number that a mode changed: the least and the greatest count that it may stand for.

What belongs here: the auditor's own statement of what each mode does, from its name in the policy alone, and the
numbers that a mode cannot have shown. What does not: how a mode draws; this module shares no code with `modes`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.system import Bools, Floats, Kind, System, by_rule


@dataclass(frozen=True)
class Form:
    """How a mode shows counts.

    `reach`: a count is at most this far from its shown number. `base`: shown numbers are multiples of it.
    `zero_is_zero`: a shown 0 stands for 0 alone. `small_hidden`: no shown number but 0 may stand for 1..t-1.
    """

    reach: float
    base: int = 1
    zero_is_zero: bool = True
    small_hidden: bool = True

    def box(self, shown: Floats) -> tuple[Floats, Floats]:
        """Return the least and the greatest count behind shown numbers."""
        exact = self.zero_is_zero & (shown == 0)
        low = np.where(exact, 0, np.maximum(shown - self.reach, 0))
        return np.asarray(low, np.float64), np.asarray(np.where(exact, 0, shown + self.reach), np.float64)

    def unfit(self, shown: Floats, threshold: int) -> Bools:
        """Say which shown numbers the mode cannot show: off its base, or such as may stand for a small count."""
        exact = self.zero_is_zero & (shown == 0)
        small = self.small_hidden & ~exact & (shown - self.reach < threshold)
        return np.asarray(small | (np.mod(shown, self.base) != 0), np.bool_)


FORMS: dict[str, Form] = {
    "round-3": Form(reach=2, base=3),
    "round-5": Form(reach=4, base=5),
    "cell-key": Form(reach=5),
    # Noise without a bound: any count may stand behind a number.
    "differential-privacy": Form(reach=math.inf, zero_is_zero=False, small_hidden=False),
}
"""By the name of the mode."""


@dataclass(frozen=True)
class Inferred:
    """Counts shown under one policy: `where` (n,), and for each of them, (k,), the box; `unfit` (n,) among them."""

    where: Bools
    low: Floats
    high: Floats
    unfit: Bools


def inferred(
    system: System, policy: ReleasePolicy, before: Mapping[str, ReleasePolicy], hidden: Bools
) -> Iterator[Inferred]:
    """Yield what a reader infers from the counts that are shown under each changing mode.

    Rows of closed periods are in the form of the release that showed them first (`before`, by release id). Raises
    ReleaseError for a mode that this version does not know.
    """
    mine = (system.kind == Kind.COUNT) & ~hidden
    for block in system.blocks:
        if block.spec.rounding:
            mine[block.offset : block.offset + block.rows * len(block.spec.counts)] = False
    policies, index = by_rule(system, policy, before)
    for number, one in enumerate(policies):
        if one.mode == "suppress":
            continue
        if one.mode not in FORMS:
            raise ReleaseError(f"the audit does not know the mode {one.mode}; verify with the version that made it")
        where, form = mine & (index == number), FORMS[one.mode]
        unfit = np.zeros(len(where), bool)
        unfit[where] = form.unfit(system.values[where], one.threshold)
        yield Inferred(where, *form.box(system.values[where]), unfit)
