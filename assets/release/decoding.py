"""Bounds in place of percentages, as a reader takes them: `<5 %` of 60 children is one of 0, 1 or 2.

What belongs here: the numbers that a released bound leaves possible, the rule for percentages again in the auditor's
own words, and what must hold beside it. What does not: which percentages get a bound (`coding`, `suppress`, which share
nothing with this module); the attack itself (`audit`).

What must hold (source: NCES 2011-603 [M], which codes the ends of a scale so that a reader learns the end and no more).
Beside a bound the numerator is hidden and the group is shown; at least two numbers fit the bound, and each from the
least to the greatest that fits it remains possible. And if the bounds were not told, all that is asked of any other
hidden number would hold of this one too: so the bound is all that coding adds.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import duckdb
import numpy as np

from assets.release.published import Knowledge, percent_sql, rows_where
from assets.release.system import Bools, Floats, Ints, Kind, Rules, System, numbered
from assets.release.tables import Catalogue, PublishedTable, Rate, shown_as

PARTS = 1000
"""A percent, in the thousandths that bounds are written in at the finest."""
BOUND, INEXACT = 3, 1
_BOUND = r"^[<>][0-9]+(\.[0-9]{1,3})? %$"


@dataclass(frozen=True)
class Bounds:
    """What released bounds say, all of shape (b,).

    `numerator`: the variable; `least` and `most`: the numbers that fit; `parts`: the bound in thousandths of a percent;
    `below`: whether the percentage lies below it, not above.
    """

    numerator: Ints
    least: Floats
    most: Floats
    parts: Ints
    below: Bools

    def beside(self, system: System) -> tuple[Ints, Floats, Floats]:
        """Return the complements of these numerators in groups that are shown, and what the bounds allow for them."""
        place = np.full(len(system.values), -1, np.int64)
        place[self.numerator] = np.arange(len(self.numerator))
        other = np.flatnonzero((system.kind == Kind.COMPLEMENT) & (place[system.subtrahend] >= 0))
        which, group = place[system.subtrahend[other]], system.values[system.minuend[other]]
        return other, group - self.most[which], group - self.least[which]


def released_bounds(con: duckdb.DuckDBPyConnection, system: System, schema: str) -> Bounds:
    """Read the bounds in the released tables of `schema`, beside shown groups; `bound_findings` finds others."""
    found = [np.empty((0, 5), np.int64)]
    for block in system.blocks:
        names = block.spec.count_names
        for rate in _told(con, block.spec, schema):
            same = " and ".join(f'n."{dim}" = r."{dim}"::varchar' for dim in block.spec.dims)
            group = f'n."{rate.denominator}"::hugeint'
            rows = con.execute(
                f"""
                with bound as (
                    select rid, {group} as group_size, r."{shown_as(rate)}"[1] = '<' as below,
                        (1000 * replace(substr(r."{shown_as(rate)}", 2), ' %', '')::decimal(9, 3))::bigint as parts
                    from {numbered(block.spec)} n join {schema}."{block.spec.name}" r on {same}
                    where n."{rate.numerator}" is null and n."{rate.denominator}" is not null
                        and regexp_matches(r."{shown_as(rate)}", '{_BOUND}')
                )
                select rid,
                    (case when below then 0 else parts * group_size // 100000 + 1 end)::bigint as least,
                    (case when below then (parts * group_size - 1) // 100000 else group_size end)::bigint as most,
                    parts, below::bigint as below
                from bound order by rid
                """
            ).fetchnumpy()
            read = np.column_stack([np.asarray(column, np.int64) for column in rows.values()])
            read[:, 0] = block.offset + names.index(rate.numerator) + read[:, 0] * len(names)
            found.append(read)
    whole = np.concatenate(found)
    return Bounds(whole[:, 0], whole[:, 1].astype(float), whole[:, 2].astype(float), whole[:, 3], whole[:, 4] == 1)


def _told(con: duckdb.DuckDBPyConnection, spec: PublishedTable, schema: str) -> tuple[Rate, ...]:
    """Return the percentages of a table that have a text beside them."""
    found = con.execute(
        "select column_name from duckdb_columns() where database_name || '.' || schema_name = ? and table_name = ?",
        [schema, spec.name],
    ).fetchall()
    present = {name for (name,) in found}
    return tuple(rate for rate in spec.coded_rates if shown_as(rate) in present)


def bound_findings(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, schema: str) -> Iterator[tuple[str, str]]:
    """Yield (what, where) for texts that are neither the percentage of shown counts nor a bound in its place."""
    for spec in catalogue.tables:
        for rate in _told(con, spec, schema):
            text = f'l."{shown_as(rate)}"'
            bound = f"l.\"{rate.denominator}\" is not null and regexp_matches({text}, '{_BOUND}')"
            condition = (
                f'case when l."{rate.numerator}" is null then {text} is not null and not ({bound}) '
                f"else {text} is distinct from {percent_sql(rate, 'l.')} end"
            )
            rows = f'{schema}."{spec.name}" l where {condition}'
            yield from rows_where(
                con, spec, rows, f"{shown_as(rate)} is neither its percentage nor a bound in its place"
            )


def percentages_hidden(system: System, truth: Floats, rules: Rules) -> Bools:
    """State which numerators the rule hides for their percentage, shape (n,); unknown numbers are none of them."""
    out = np.zeros(len(truth), bool)
    numerator, group, low, high = _ends(system, truth, rules)
    share, size = 100 * PARTS * truth[numerator], truth[group]
    unfit = np.isnan(low) | (share < low * size) | (share > high * size)
    out[numerator[unfit & ~np.isnan(share) & (size > 0)]] = True
    return out


def misplaced(system: System, bounds: Bounds, rules: Rules) -> Ints:
    """Return the numerators whose bound is not that of their rule and group, or that leaves one number possible."""
    numerator, _, low, high = _ends(system, system.values, rules)
    expected = np.full((2, len(system.values)), np.nan)
    expected[:, numerator] = low, high
    due = np.where(bounds.below, *expected[:, bounds.numerator])
    wrong = (bounds.parts != due) | (bounds.least >= bounds.most)
    return np.asarray(bounds.numerator[wrong], np.int64)


def _ends(system: System, sizes: Floats, rules: Rules) -> tuple[Ints, Ints, Floats, Floats]:
    """Return, of each percentage under a rule for percentages, numerator, group, and the ends of what it shows.

    The ends are in thousandths of a percent; NaN where the group is too small for any.
    """
    of, within = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for block in system.blocks:
        place = {name: number for number, name in enumerate(block.spec.count_names)}
        for rate in block.spec.coded_rates:
            rows = np.arange(block.offset, block.offset + block.rows * len(place), len(place))
            of.append(rows + place[rate.numerator])
            within.append(rows + place[rate.denominator])
    numerator, group = np.concatenate(of), np.concatenate(within)
    ends = np.full((2, len(numerator)), np.nan)
    judged = np.zeros(len(numerator), bool)
    for number, policy in enumerate(rules.policies):
        mine = rules.policy[numerator] == number
        for band in policy.percentages:
            judged |= mine
            large = mine & (sizes[group] >= band.least)
            ends[:, large] = [[round(PARTS * band.low)], [round(PARTS * band.high)]]
    return numerator[judged], group[judged], ends[0, judged], ends[1, judged]


def heeded(
    system: System, known: Knowledge, demand: Ints, bounds: Bounds, complete: bool
) -> tuple[Knowledge, Ints, tuple[Floats, Floats]]:
    """Return what a reader of the bounds knows, what each variable then demands, and the span of those bounded.

    `complete`: False when the annex is not at hand, so that only exact recovery is looked for.
    """
    low, high, wanted = known.low.copy(), known.high.copy(), demand.copy()
    low[bounds.numerator], high[bounds.numerator] = bounds.least, bounds.most
    span = low.copy(), high.copy()
    other, least, most = bounds.beside(system)
    span[0][other], span[1][other] = least, most
    asked = BOUND if complete else INEXACT
    wanted[bounds.numerator] = asked
    wanted[other] = np.where(wanted[other] > 0, asked, 0)
    return replace(known, low=low, high=high), wanted, span
