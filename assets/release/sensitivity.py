"""Primary suppression: which numbers may not be known, and how unsure a reader must stay about each.

What belongs here: the rule of `ReleasePolicy` applied to every variable of a `System` whose values are known.
What does not: how that is achieved (`suppress`); the auditor, which applies the rule again in its own words
(`audit`).

Four demands exist. INTERVAL (a count, complement or other nested difference of 1..t-1; a hidden zero; the
numerator or complement behind a rate of exactly 0 or 100 %): a reader's interval must reach from below t to t
or more and be at least t wide. INEXACT (a change between two versions of a closed period, or a late change,
of 1..t-1 children; the numerator of a percentage that is coded, or of a group too small for one): the number
must not be known exactly. TAIL holds in place of these once the tail of a percentage is told (`<5 %`): the
number may then be any that the tail allows (`coding`). AMOUNT is for sums of money or days, whose protection
levels are computed once the counts to hide are known (`amounts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from assets.release.coding import tails
from assets.release.system import Bools, Floats, Kind, Rules, System

Demands = npt.NDArray[np.int8]


class Demand(IntEnum):
    """How unsure a reader must stay about a number."""

    NONE = 0
    INEXACT = 1
    INTERVAL = 2
    TAIL = 3
    AMOUNT = 4


@dataclass(frozen=True)
class Levels:
    """Protection levels, each of shape (n,), in the units of the values; 0 demands nothing.

    How far above the value (`up`), how far below it (`down`), and over how wide an interval in all (`width`) the number
    must remain possible for a reader.
    """

    up: Floats
    down: Floats
    width: Floats


def protection_levels(system: System, rules: Rules, wanted: Demands) -> Levels:
    """Return what `wanted` (n,) comes to: INTERVAL reaches t and is t wide, INEXACT leaves two whole numbers."""
    interval, inexact = wanted == Demand.INTERVAL, wanted == Demand.INEXACT
    threshold = rules.threshold.astype(float)
    return Levels(
        up=np.where(interval, np.maximum(threshold - system.values, 1.0), 0.0),
        down=np.zeros(len(wanted)),
        width=np.where(interval, threshold, np.where(inexact, 1.0, 0.0)),
    )


def demands(system: System, rules: Rules, published: Bools | None = None) -> Demands:
    """Return for each variable, shape (n,), what must hold for it under its rule.

    `published`, shape (n,): counts that an earlier release shows already; nothing can be demanded for those,
    nor for the difference of two of them. Every value of the system must be known. Source: disclosure.md,
    "Method to build", 1 and 2.
    """
    size = np.abs(system.values)
    small = (size >= 1) & (size < rules.threshold) & system.sensitive
    small |= rules.zeros & (size == 0) & (system.kind == Kind.COUNT)
    out: Demands = np.zeros(len(size), np.int8)
    percentages = tails(system, rules)
    out[percentages.numerator[percentages.unshown]] = Demand.INEXACT
    out[small] = Demand.INTERVAL
    out[small & system.signed] = Demand.INEXACT
    out[rules.certain & _certain(system)] = Demand.INTERVAL
    if published is not None:
        out[published] = Demand.NONE
        derived = (system.minuend >= 0) & (system.subtrahend >= 0)
        out[derived & published[system.minuend] & published[system.subtrahend]] = Demand.NONE
    return out


def _certain(system: System) -> Bools:
    """Return the numerators and complements that are 0 in a group of any size that is not empty."""
    out = np.zeros(len(system.values), bool)
    complement = np.flatnonzero((system.kind == Kind.COMPLEMENT) & system.sensitive)
    shown = [
        (block.offset, block.offset + block.rows * len(block.spec.counts))
        for block in system.blocks
        if block.spec.certain_shown
    ]
    group, part = system.minuend[complement], system.subtrahend[complement]
    judged = system.values[group] > 0
    for first, last in shown:
        judged &= ~((group >= first) & (group < last))
    out[part[judged & (system.values[part] == 0)]] = True
    out[complement[judged & (system.values[complement] == 0)]] = True
    return out
