"""What a reader infers from a number that a mode changed: the least and the greatest count that it may stand for.

What belongs here: the auditor's own statement of what each mode does, from its name in the policy alone. What does
not: how a mode draws; this module shares no code with `modes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.system import Bools, Floats, Kind, System, by_rule

Box = tuple[Floats, Floats]

BOXES: dict[str, Callable[[Floats, ReleasePolicy], Box]] = {}
"""By mode: shown numbers and the policy -> least and greatest count behind each."""


def inferred(
    system: System, policy: ReleasePolicy, before: Mapping[str, ReleasePolicy], hidden: Bools
) -> Iterator[tuple[Bools, Box]]:
    """Yield for each changing mode the counts that are shown under it, (n,), and what may stand behind them.

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
        if one.mode not in BOXES:
            raise ReleaseError(f"the audit does not know the mode {one.mode}; verify with the version that made it")
        where = mine & (index == number)
        low, high = BOXES[one.mode](system.values[where], one)
        yield where, (np.asarray(low, np.float64), np.asarray(high, np.float64))
