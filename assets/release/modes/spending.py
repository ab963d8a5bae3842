"""What a release under differential privacy draws, what that spends by proof, and the numbers that it shows.

Every count that a release shows first gets integer noise (`noise`), as much as one child can change (`contribution`);
whatever is computed after it is free: clamping, rates, rows of closed periods in later releases. Noise is shared out so
that a table of twice the weight has half of it.

What belongs here: plan, draw and what follows from the draw. What does not: that a draw happens once and is paid for
(`differential`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assets.release.modes.contribution import Contribution, contribution
from assets.release.modes.noise import Spread, noisy, proven, spread
from assets.release.modes.shared import new_counts
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.system import NEWEST, Floats, Ints, System
from assets.release.tables import Count
from consent.privacy import parts_up

SLACK = 1 + 1e-9
"""Scales are this much larger than the share of epsilon asks for, so that rounding never takes the sum above it."""


@dataclass(frozen=True)
class Spending:
    """What one table's draw costs.

    `sensitivity`: in how many drawn counts one child can be (L1); `scale` of the noise; `epsilon` that is proven.
    """

    sensitivity: int
    scale: float
    epsilon: float


@dataclass(frozen=True)
class Plan:
    """What a release would draw, before anything is drawn. It follows from rows and rule alone, never from a count.

    `errors`: by table and count, how far its numbers lie from the truth.
    """

    contribution: Contribution
    tables: Mapping[str, Spending]
    errors: Mapping[str, Mapping[str, Spread]]

    @property
    def parts(self) -> int:
        """What the whole draw spends, in billionths of an epsilon, rounded up."""
        return parts_up(table.epsilon for table in self.tables.values())


def plan(system: System, policy: ReleasePolicy, release: str = NEWEST) -> Plan:
    """Return what the new rows of a system (those that carry `release`) cost: no more than the policy's epsilon."""
    if policy.epsilon is None:
        raise ReleaseError("differential privacy needs an epsilon; name it in the release section of the agreement")
    said = dict(policy.weights)
    weights = {block.spec.name: block.spec.weight * said.get(block.spec.name, 1.0) for block in system.blocks}
    found = contribution(system, weights, release)
    unit = SLACK * sum(weights[name] * most for name, most in found.sensitivity.items()) / policy.epsilon
    scales = {name: unit / weights[name] for name in found.sensitivity}
    tables = {
        name: Spending(most, scales[name], proven(scales[name], most)) for name, most in found.sensitivity.items()
    }
    return Plan(found, tables, _errors(system, found, scales))


def _errors(system: System, found: Contribution, scales: Mapping[str, float]) -> dict[str, dict[str, Spread]]:
    """Return the error of each count of each table, that of its row with the most noise."""
    terms = np.diff(found.recipe.indptr)
    source = np.full(len(terms), -1)
    some = np.flatnonzero(terms)
    source[some] = tables_of(system)[found.recipe.indices[found.recipe.indptr[some]]]
    out: dict[str, dict[str, Spread]] = {}
    for block in system.blocks:
        width = len(block.spec.counts)
        for number, count in enumerate(block.spec.counts):
            mine = block.offset + np.arange(block.rows) * width + number
            mine = mine[terms[mine] > 0]
            # No numerator is shown above its denominator, so it can be off by the noise of both.
            least = 2 if count.within else 1
            kinds = {(int(one), max(least, int(terms[mine][source[mine] == one].max()))) for one in set(source[mine])}
            if kinds:
                spreads = [spread(scales[system.blocks[table].spec.name], many) for table, many in kinds]
                out.setdefault(block.spec.name, {})[count.name] = max(spreads, key=lambda one: one.margin)
    return out


def draw(system: System, planned: Plan) -> Floats:
    """Return noisy counts, shape (n,), fresh at every call: whole numbers, some below zero; NaN for other variables."""
    drawn = np.zeros(len(system.values))
    table = tables_of(system)
    for number, block in enumerate(system.blocks):
        spending = planned.tables.get(block.spec.name)
        if spending is not None:
            mine = np.flatnonzero(planned.contribution.drawn & (table == number))
            drawn[mine] = noisy(system.values[mine].astype(np.int64), spending.scale)
    return np.where(new_counts(system), planned.contribution.recipe @ drawn, np.nan)


def tables_of(system: System) -> Ints:
    """Return for each variable, shape (n,), the number of the table whose count or complement it is; -1 for others."""
    out = np.full(len(system.values), -1)
    for number, block in enumerate(system.blocks):
        out[block.offset : block.offset + block.rows * len(block.spec.counts)] = number
    derived = system.subtrahend >= 0
    out[derived] = out[system.minuend[derived]]
    return out


def clamped(system: System, raw: Floats) -> Floats:
    """Return the numbers shown for noisy counts, shape (n,): none below zero, no numerator above its denominator."""
    out = np.maximum(raw, 0.0)
    for block in system.blocks:
        width = len(block.spec.counts)
        cells = out[block.offset : block.offset + block.rows * width].reshape(block.rows, width)
        for count, within in _outer_first(block.spec.counts):
            cells[:, count] = np.minimum(cells[:, count], cells[:, within])
    return out


def _outer_first(counts: Sequence[Count]) -> list[tuple[int, int]]:
    """Return (count, the one it is within), those that contain others first."""
    place = {count.name: number for number, count in enumerate(counts)}
    depth: dict[str, int] = {}
    for count in counts:
        steps, outer = 0, count.within
        while outer is not None and steps <= len(counts):
            steps, outer = steps + 1, counts[place[outer]].within
        depth[count.name] = steps
    nested = [count for count in counts if count.within is not None]
    return [(place[c.name], place[str(c.within)]) for c in sorted(nested, key=lambda c: depth[c.name])]
