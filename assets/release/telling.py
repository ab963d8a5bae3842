"""Telling the bounds of coded percentages: which can be told beside a protecting pattern, and give nothing else away.

What belongs here: a bound as a number shown with room (its tail), the demand that all of that room stays possible, and
the order in which bounds are tried. What does not: what a bound is (`coding`); the search (`protection`).

Bounds that earlier releases told are known already, so more is hidden for them where it must be. A new one is told only
where every demand still has a witness without hiding anything more; the pattern that protects without bounds stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assets.release.coding import Labels, Tails
from assets.release.protection import Problem, protect
from assets.release.protection.problem import EPSILON
from assets.release.protection.reach import Reach
from assets.release.protection.reduction import Part, parts_of
from assets.release.system import Bools, Floats, Ints, Kind, System

CODING_PROGRAMS = 500
"""Linear programs spent on telling bounds in one connected part."""


def tell(
    system: System, problem: Problem, hidden: Bools, codes: Tails, told: Labels, barred: Bools
) -> tuple[Bools, Labels, int]:
    """Return the counts to hide and the bounds to tell, both (n,), and the programs spent.

    `problem`: what was protected without bounds, by hiding `hidden` (n,); `told` (n,): bounds that earlier releases
    tell, else ''; `barred` (n,): numerators whose row stays as it is. Raises UnprotectableError.
    """
    y, n = codes.numerator, codes.denominator
    fall, rise = np.zeros(len(hidden)), np.zeros(len(hidden))
    fall[y], rise[y] = system.values[y] - codes.least, codes.most - system.values[y]
    old = told != ""
    problem, programs = _demanding(system, problem, old, fall, rise), 0
    if old.any():
        pattern = protect(replace(problem, hidden=hidden & ~old, fixed=problem.fixed | old))
        hidden, programs = hidden | (pattern.hidden & (system.kind == Kind.COUNT)) | old, pattern.programs
    candidate = np.zeros(len(hidden), bool)
    candidate[y[codes.coded & hidden[y] & ~hidden[n]]] = True
    candidate &= ~old & ~barred
    out, text = told.copy(), np.full(len(hidden), "", object)
    text[y] = codes.text
    size = np.zeros(len(hidden))
    size[y] = system.values[n]
    shown = replace(problem, hidden=hidden & ~old, fixed=(~hidden | old) & (system.kind == Kind.COUNT))
    for part in parts_of(shown) if candidate.any() else ():
        which = np.flatnonzero(candidate[part.members])
        which = which[np.lexsort((part.members[which], size[part.members[which]]))]
        told_here, spent = _tell_part(system, part, which, fall, rise)
        out[part.members[told_here]] = text[part.members[told_here]]
        programs += spent
    return hidden, out, programs


def _demanding(system: System, problem: Problem, which: Bools, fall: Floats, rise: Floats) -> Problem:
    """Return a problem in which the numerators `which` (n,) are shown with room, all of which must stay possible."""
    up, down, width = problem.up.copy(), problem.down.copy(), problem.width.copy()
    other = np.flatnonzero((system.kind == Kind.COMPLEMENT) & which[system.subtrahend] & _asked(problem))
    part = system.subtrahend[other]
    up[which], down[which], width[which] = rise[which], fall[which], 0.0
    up[other], down[other], width[other] = fall[part], rise[part], 0.0
    room_down = np.where(which, fall, problem.room_down)
    return replace(
        problem, up=up, down=down, width=width, room_down=room_down, room_up=np.where(which, rise, problem.room_up)
    )


def _asked(problem: Problem) -> Bools:
    return (problem.up > 0) | (problem.down > 0) | (problem.width > 0)


def _tell_part(system: System, part: Part, which: Ints, fall: Floats, rise: Floats) -> tuple[Ints, int]:
    """Return the numerators of a part, among `which`, whose bounds can be told, and the programs spent."""
    reach, told = Reach(part, np.zeros(len(part.members), bool)), [np.empty(0, np.int64)]
    batches, programs = ([which] if len(which) else []), 0
    while batches and programs < CODING_PROGRAMS:
        batch = batches.pop(0)
        kept = [array.copy() for array in _bounds(part)]
        trial = reach.copy()
        _show_with_room(system, part, trial, batch, fall, rise)
        fits = all(trial.satisfy(int(i)) for i in trial.unmet())
        programs += trial.programs
        if fits:
            reach = trial
            told.append(batch)
            continue
        for array, before in zip(_bounds(part), kept, strict=True):
            array[:] = before
        batches[:0] = np.array_split(batch, 2) if len(batch) > 1 else []
    return np.concatenate(told), programs


def _bounds(part: Part) -> tuple[Floats | Bools, ...]:
    """Return what telling a bound changes in a part."""
    return part.near_low, part.near_high, part.up, part.down, part.width, part.loose


def _show_with_room(system: System, part: Part, reach: Reach, which: Ints, fall: Floats, rise: Floats) -> None:
    """Show numerators of a part as their tails, and demand all of these; of their complements likewise."""
    down, up = fall[part.members[which]], rise[part.members[which]]
    part.near_low[which], part.near_high[which], part.loose[which] = -down, up, False
    part.up[which], part.down[which], part.width[which] = up, down, 0.0
    asked = np.maximum(np.maximum(part.up, part.down), part.width) > EPSILON
    complement = np.flatnonzero(asked & (system.kind[part.members] == Kind.COMPLEMENT))
    of = system.subtrahend[part.members[complement]]
    mine = complement[np.isin(of, part.members[which])]
    of = system.subtrahend[part.members[mine]]
    part.up[mine], part.down[mine], part.width[mine] = fall[of], rise[of], 0.0
    reach.show(which)
