"""Complementary suppression: what else to hide so that no sensitive number can be worked out.

What belongs here: a `System` with known values and the demands of `sensitivity`, put as a problem in numbers alone, and
its answer put back in words of the system; then bounds of percentages (`telling`) and amounts (`amounts`), which begin
where the counts to hide are known. What does not: the search (`protection`), and the judgement whether the
result is safe (`audit`, which never imports this module or that room).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assets.release.amounts import hide_amounts
from assets.release.coding import Labels, tails
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.prices import prices
from assets.release.protection import QUICK, Effort, Problem, UnprotectableError, protect
from assets.release.rounding import behind, rounded
from assets.release.sensitivity import Demand, Demands, Levels, demands, protection_levels
from assets.release.solver import INFINITY, Floats
from assets.release.system import Bools, Kind, Rules, System, rules_of
from assets.release.telling import tell

Room = tuple[Floats, Floats]
"""How far below and above its value each variable, (n,), may lie although something is shown of it."""


@dataclass(frozen=True)
class Suppression:
    """What to hide. `hidden` (n,) is True only for counts and amounts; `demands` (n,) is what was protected.

    `price` is that of the complements; `bound`: no choice costs less (0: nothing is known); `programs`: solver calls.
    `coded` (n,): beside a hidden numerator the bound that is told of its percentage (`<5 %`), else ''; None where no
    rule codes percentages.
    """

    hidden: Bools
    demands: Demands
    programs: int
    price: float = 0.0
    bound: float = 0.0
    coded: Labels | None = None

    @property
    def primary(self) -> int:
        """How many numbers were sensitive by themselves."""
        return int((self.demands > 0).sum())


def suppress(
    system: System,
    policy: ReleasePolicy,
    published: Bools | None = None,
    withheld: Bools | None = None,
    stricter: Mapping[int, int] | None = None,
    before: Mapping[str, ReleasePolicy] | None = None,
    room: Room | None = None,
    effort: Effort = QUICK,
    told: Labels | None = None,
) -> Suppression:
    """Choose the counts of `system` to hide under `policy`.

    `published` and `withheld`, shape (n,): counts that an earlier release shows, or hides, for good.
    `stricter`: variable -> by how much its upper end must exceed what the rule asks (what an audit found too
    narrow); a count that the rule does not hide, and that is known all the same, is shown instead.
    `before`: the rules of earlier releases, by id. `room`: how far each count could lie from its value although it is
    shown, because a mode shows it changed; one of these that is known all the same must become uncertain. `told` (n,):
    bounds of percentages that earlier releases tell, else ''.
    Raises ReleaseError naming a number that cannot be protected any more, because earlier releases give it away.
    """
    nothing = np.zeros(len(system.values), bool)
    published = nothing if published is None else published
    withheld = nothing if withheld is None else withheld
    rules = rules_of(system, policy, before or {})
    wanted = demands(system, rules, published)
    down, up = _rounding_room(system, policy)
    if room is not None:
        down, up = np.maximum(down, room[0]), np.maximum(up, room[1])
    levels, stricter = protection_levels(system, rules, wanted), stricter or {}
    asked, known = _repaired(system, levels, withheld | (down + up > 0), stricter, wanted)
    problem = as_problem(system, policy, asked, published, withheld | (wanted > 0), room=(down, up))
    try:
        found = protect(problem, effort)
        hidden = found.hidden & (system.kind == Kind.COUNT) & ~known
        hidden, coded, more = _told(system, rules, problem, hidden, told, published | withheld | _in(stricter, wanted))
        amounts, level, most = hide_amounts(system, rules, hidden, published, withheld, stricter)
    except UnprotectableError as error:
        raise ReleaseError(
            f"{system.coordinates(error.variable)} cannot be protected: "
            "what is already published gives it away; leave its table or version out of this release"
        ) from None
    wanted[level > 0] = Demand.AMOUNT
    programs = found.programs + more + most
    return Suppression(hidden | amounts, wanted, programs, found.price, found.bound, coded)


def _told(
    system: System, rules: Rules, problem: Problem, hidden: Bools, told: Labels | None, barred: Bools
) -> tuple[Bools, Labels | None, int]:
    """Return the counts to hide, the bounds of percentages to tell (None: no rule codes any), and programs spent."""
    if not any(policy.percentages for policy in rules.policies):
        return hidden, None, 0
    nothing = np.full(len(hidden), "", object)
    return tell(system, problem, hidden, tails(system, rules), nothing if told is None else told, barred)


def _in(stricter: Mapping[int, int], like: Demands) -> Bools:
    """Return which variables an audit found too narrow, (n,)."""
    out = np.zeros(len(like), bool)
    out[list(stricter)] = True
    return out


def _repaired(
    system: System, asked: Levels, kept: Bools, stricter: Mapping[int, int], wanted: Demands
) -> tuple[Levels, Bools]:
    """Return the levels with what an audit found too narrow added, and the counts to show since they are known.

    `kept` (n,): counts that are not shown as they are whatever is known of them.
    """
    known = np.zeros(len(wanted), bool)
    up, width = asked.up.copy(), asked.width.copy()
    for variable, more in stricter.items():
        if wanted[variable] == Demand.INTERVAL:
            up[variable] += more
        elif wanted[variable] == Demand.INEXACT:
            width[variable] = max(width[variable], more)
        elif not system.amount[variable]:
            known[variable] = system.kind[variable] == Kind.COUNT and not kept[variable]
            width[variable] = 0.0 if known[variable] else max(1, more)
    return Levels(up, asked.down, width), known


def as_problem(
    system: System, policy: ReleasePolicy, asked: Levels, shown: Bools, hidden: Bools, *, room: Room
) -> Problem:
    """Put a system as a problem: counts may be hidden at a price, differences move freely with them.

    `asked`: what each variable needs; `shown`, `hidden` (n,): counts that must stay so.
    """
    count = system.kind == Kind.COUNT
    return Problem(
        matrix=system.matrix,
        value=system.values,
        lowest=np.where(system.signed, -INFINITY, 0.0),
        highest=np.full(len(system.values), INFINITY),
        price=np.where(count, np.maximum(prices(system, policy.weights), np.finfo(float).tiny), 0.0),
        hidden=hidden & count,
        fixed=shown & count,
        room_down=room[0],
        room_up=room[1],
        up=asked.up,
        down=asked.down,
        width=asked.width,
        whole=np.ones(len(system.values), bool),
    )


def _rounding_room(system: System, policy: ReleasePolicy) -> Room:
    """Return how far below and above its value each variable may lie although a rounded table shows it."""
    down, up = np.zeros(len(system.values)), np.zeros(len(system.values))
    for block in system.blocks:
        base, width = block.spec.rounding, len(block.spec.counts)
        if base:
            span = slice(block.offset, block.offset + block.rows * width)
            value = system.values[span]
            low, high = behind(rounded(value, base), base, policy.threshold)
            down[span], up[span] = np.maximum(value - low, 0), np.maximum(high - value, 0)
    return down, up
