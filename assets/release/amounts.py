"""Sums of money or days: when one is sensitive, how unsure a reader must stay about it, and what is hidden beside it.

What belongs here: the rules for magnitudes over the amounts of a `System` whose values are known, with the
contributions that decide; the pattern itself is the search's (`protection`), as for counts. What does not: counts,
which are hidden first; the auditor's own statement of these rules (`magnitudes`, which shares nothing with this one).

A sum is sensitive when the count of its contributors is hidden (they could be told from it, and it from them), when
its largest contributors dominate it, or when the second largest could estimate the largest too closely (p % rule). A
reader must then reckon with values at least as far above the sum, and as far below, as the protection level says.
Source of the rules and their levels: Hundepool et al., Statistical Disclosure Control (2012), chapter 4 [M]; the level
beside a hidden count, the largest single contribution, is our own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from assets.release.policy import AmountRule, ReleaseError, ReleasePolicy
from assets.release.prices import amount_prices
from assets.release.protection import Problem, UnprotectableError, protect
from assets.release.solver import INFINITY
from assets.release.system import Bools, Floats, Ints, Rules, System
from assets.release.tables import Catalogue, contributions

SCALE = 1e6
"""The search sees the largest amount as this number, so that its tolerances suit cents and millions alike."""


def require_rule(catalogue: Catalogue, policy: ReleasePolicy) -> None:
    """Raise ReleaseError where a catalogue holds amounts that the policy has no way of protecting."""
    named = [spec.name for spec in catalogue.tables if spec.amounts]
    if named and policy.mode != "suppress":
        raise ReleaseError(
            f"table {named[0]} holds amounts, which no mode but 'suppress' protects, and the mode is {policy.mode}; "
            "leave the table out, or hide instead"
        )


def contributions_of(system: System) -> npt.NDArray[np.float64]:
    """Return largest, second and top contributions of each amount, (3, a), in its unit; NaN where not given."""
    found = [np.empty((3, 0))]
    for block in system.amounts:
        given = system.described(block)
        out = np.full((3, block.rows, len(block.names)), np.nan)
        for number, amount in enumerate(block.spec.amounts):
            for kind, name in enumerate(contributions(amount)):
                if name in given:
                    out[kind, :, number] = given[name] * 10.0**amount.digits
        found.append(out.reshape(3, -1))
    return np.concatenate(found, axis=1)


def contributors(system: System) -> Ints:
    """Return the variable of the count of contributors of each amount, (a,)."""
    found = [np.empty(0, np.int64)]
    counts = {block.spec.name: block for block in system.blocks}
    for block in system.amounts:
        of = counts[block.spec.name]
        place = np.array([of.names.index(amount.of) for amount in block.spec.amounts])
        found.append((of.offset + np.arange(block.rows)[:, None] * len(of.names) + place).ravel())
    return np.concatenate(found)


def protection_levels(system: System, rules: Rules, hidden: Bools) -> Floats:
    """Return how far a reader must be unsure of each variable, shape (n,), 0 where it is no sensitive amount.

    `hidden` (n,): the counts that are not shown. Raises ReleaseError where no rule covers a table's amounts, or a
    contribution that the rule asks for is missing.
    """
    out = np.zeros(len(system.values))
    amount = np.flatnonzero(system.amount)
    if not len(amount):
        return out
    value, (largest, second, top) = system.values[amount], contributions_of(system)
    level = np.where(hidden[contributors(system)], np.maximum(_need(largest, "__largest"), 1.0), 0.0)
    for number, policy in enumerate(rules.policies):
        mine = rules.policy[amount] == number
        if mine.any():
            level[mine] = np.maximum(level[mine], _level(policy.amounts, value, largest, second, top)[mine])
    out[amount] = np.where(level > 1e-9 * value, level, 0.0)
    return out


def _level(rule: AmountRule | None, value: Floats, largest: Floats, second: Floats, top: Floats) -> Floats:
    """Return the protection level that a rule gives each amount, (a,); not above 0 where it is not sensitive by it."""
    if rule is None or (rule.prior is None and rule.share is None):
        raise ReleaseError(
            "a table holds amounts, and no rule says when one is sensitive; "
            "give `amounts` in the release section, or leave the table out"
        )
    out = np.zeros(len(value))
    if rule.prior is not None:
        others = value - largest - _need(second, "__second")
        out = np.maximum(out, rule.prior / 100 * largest - others)
    if rule.share is not None:
        together = largest if rule.dominant == 1 else _need(top, "__top")
        out = np.maximum(out, 100 / rule.share * together - value)
    return out


def _need(values: Floats, what: str) -> Floats:
    if np.isnan(values).any():
        raise ReleaseError(
            f"a table of amounts has no column ending in {what}, or an empty one, which the rule for amounts needs; "
            "add it to the table's SQL (it never leaves)"
        )
    return values


def hide_amounts(
    system: System,
    rules: Rules,
    hidden: Bools,
    published: Bools,
    withheld: Bools,
    stricter: Mapping[int, int],
) -> tuple[Bools, Floats, int]:
    """Return the amounts to hide, (n,), the protection levels, (n,), and the programs spent.

    `hidden`: the counts that are hidden; `published`, `withheld`: what earlier releases show and hide; `stricter`:
    variable -> by how many units more it must be protected. Raises UnprotectableError.
    """
    level = protection_levels(system, rules, hidden)
    level[published] = 0.0
    nothing = np.zeros(len(level), bool)
    if not (level > 0).any():
        return nothing | (withheld & system.amount), level, 0
    rows = np.flatnonzero(abs(system.matrix) @ system.amount.astype(float) > 0)
    touched = np.asarray(abs(system.matrix[rows]).sum(axis=0)).ravel() > 0
    members = np.flatnonzero(touched | system.amount)
    more = np.zeros(len(level))
    more[list(stricter)] = list(stricter.values())
    asked = np.where(level > 0, level + more, 0.0)[members]
    amount, value = system.amount[members], system.values[members]
    unit = max(1.0, float(value.max()) / SCALE)
    problem = Problem(
        matrix=system.matrix[rows][:, members].tocsr(),
        value=value / unit,
        lowest=np.where(amount, 0.0, -INFINITY),
        highest=np.full(len(members), INFINITY),
        price=amount_prices(system, rules.policies[0].weights)[members],
        hidden=(amount & withheld[members]) | (asked > 0),
        fixed=amount & published[members],
        room_down=np.minimum(asked, value) / unit,
        room_up=np.zeros(len(members)),
        up=asked / unit,
        down=np.minimum(asked, value) / unit,
        width=np.zeros(len(members)),
        whole=np.zeros(len(members), bool),
    )
    try:
        pattern = protect(problem)
    except UnprotectableError as error:
        raise UnprotectableError(int(members[error.variable])) from None
    out = nothing.copy()
    out[members[pattern.hidden & amount]] = True
    return out, level, pattern.programs
