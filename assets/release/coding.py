"""Coded percentages: which a group of its size may show as a number, and which as a bound only (`<5 %`).

What belongs here: the coded tails of a policy laid over the percentages of a `System` whose values are known, and the
texts that stand for them. What does not: whether a bound can be told without giving another number away
(`suppress`), how a reader takes it (`decoding`, which shares nothing with this module).

Source: NCES 2011-603 (SLDS Technical Brief 3) [M]: percentages close to 0 or 100 % are reported as a bound, which is
the farther from the end the smaller the group. A reader of `<5 %` may learn that, and nothing more: every number of
children that the bound allows must remain possible. So the numerator is hidden with it (numerator, denominator and
percentage are never shown together), and a group too small for any tail shows no percentage and no numerator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.release.policy import CodedTail
from assets.release.system import Bools, Floats, Ints, Rules, System

PARTS = 1000
"""Bounds are kept to a thousandth of a percent, so that they are compared in whole numbers."""

Labels = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Tails:
    """The percentages of children of a release, all of shape (r,).

    `numerator`, `denominator`: variables. `unshown`: the percentage may not be shown as a number (it lies in a tail,
    or its group is too small). `coded`: it lies in a tail that leaves at least two numbers possible, `least` to `most`;
    `text` says so.
    """

    numerator: Ints
    denominator: Ints
    unshown: Bools
    coded: Bools
    least: Floats
    most: Floats
    text: Labels


def tails(system: System, rules: Rules) -> Tails:
    """Return what the policies of `rules` say of each percentage."""
    y, n = percentages(system)
    size = len(y)
    out = Tails(
        numerator=y,
        denominator=n,
        unshown=np.zeros(size, bool),
        coded=np.zeros(size, bool),
        least=np.zeros(size),
        most=np.zeros(size),
        text=np.full(size, "", object),
    )
    for number, policy in enumerate(rules.policies):
        if policy.percentages:
            _lay(out, np.flatnonzero((rules.policy[y] == number) & (system.values[n] > 0)), policy.percentages, system)
    return out


def percentages(system: System) -> tuple[Ints, Ints]:
    """Return numerator and denominator of every percentage of children, as variables."""
    y, n = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for block in system.blocks:
        names = block.spec.count_names
        first = block.offset + np.arange(block.rows) * len(names)
        for rate in block.spec.coded_rates:
            y.append(first + names.index(rate.numerator))
            n.append(first + names.index(rate.denominator))
    return np.concatenate(y), np.concatenate(n)


def _lay(out: Tails, mine: Ints, bands: tuple[CodedTail, ...], system: System) -> None:
    """Lay one policy's tails over its percentages `mine`; each takes the last tail whose least size it reaches."""
    y = system.values[out.numerator[mine]].astype(np.int64)
    n = system.values[out.denominator[mine]].astype(np.int64)
    which = np.searchsorted([tail.least for tail in bands], n, side="right") - 1
    low = np.array([round(tail.low * PARTS) for tail in bands])[which]
    high = np.array([round(tail.high * PARTS) for tail in bands])[which]
    share, whole = y * 100 * PARTS, 100 * PARTS
    below, above, fits = share < low * n, share > high * n, which >= 0
    out.unshown[mine] = ~fits | below | above
    out.least[mine] = np.where(below, 0, high * n // whole + 1)
    out.most[mine] = np.where(below, -(-low * n // whole) - 1, n)
    out.coded[mine] = fits & (below | above) & (out.most[mine] > out.least[mine])
    texts = np.array([[f"<{tail.low:g} %", f">{tail.high:g} %"] for tail in bands], object)
    out.text[mine] = np.where(out.coded[mine], texts[which, above.astype(int)], "")
