"""What released files say: the numbers a reader sees, how exactly, and whether the files keep their word.

What belongs here: reading shown, hidden and rounded counts and rates from released tables (`knowledge`), and the
check that a number computed from hidden counts is hidden too (`form_findings`). What does not: what else the file
holds (`declared`), what earlier files say (`history`), what can be inferred (`attacker`), and which numbers are
sensitive (`audit`).
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from scipy import sparse

from assets.release.inferred import inferred
from assets.release.magnitudes import amounts_behind
from assets.release.policy import ReleasePolicy
from assets.release.rounding import behind
from assets.release.system import Bools, Floats, Ints, Kind, System, numbered
from assets.release.tables import Catalogue, Column, PublishedTable, Rate

ROOM = 10.0
"""A reader is taken to know that no count is above this many times the largest one shown."""


@dataclass(frozen=True)
class Knowledge:
    """What a reader knows of each variable; all of shape (n,) but the rates' rows.

    `hidden`: counts and amounts that are not shown. `rounded`: counts shown rounded, or changed by a mode, and amounts;
    of these `changed`: what this release first shows, but a 0 that stands for 0; `unfit`: numbers that their mode
    cannot show. `unknown`: these and all that depends on them. `low`, `high`: the box of an unknown. `earlier`: counts
    that an earlier release showed first. `rate_matrix` (r, n) with `rate_low <= rate_matrix x <= rate_high`: rates
    shown although a count of theirs is not.
    """

    hidden: Bools
    rounded: Bools
    changed: Bools
    unfit: Bools
    unknown: Bools
    low: Floats
    high: Floats
    earlier: Bools
    rate_matrix: sparse.csr_matrix
    rate_low: Floats
    rate_high: Floats


def knowledge(
    con: duckdb.DuckDBPyConnection,
    system: System,
    policy: ReleasePolicy,
    release_id: str,
    schema: str,
    before: Mapping[str, ReleasePolicy] | None = None,
    threshold: Ints | None = None,
) -> Knowledge:
    """Read what the released tables in `schema`, numbered as `system`, tell about every variable.

    `threshold`, shape (n,): the rule's t for each, where rows that an earlier release showed keep its own.
    """
    n = len(system.values)
    count = system.kind == Kind.COUNT
    hidden = (count | system.amount) & np.isnan(system.values)
    rounded, earlier = np.zeros(n, bool), np.zeros(n, bool)
    shown = system.values[count & ~hidden]
    most = ROOM * (policy.threshold + shown.max(initial=0.0))
    low, high = np.where(system.signed, -most, 0.0), np.full(n, most)
    for block in system.blocks:
        width = len(block.spec.counts)
        span = slice(block.offset, block.offset + block.rows * width)
        earlier[span] = np.repeat(block.release != release_id, width) & ~hidden[span]
        if block.spec.rounding:
            rounded[span] = ~hidden[span]
            box = behind(
                np.nan_to_num(system.values[span]),
                block.spec.rounding,
                policy.threshold if threshold is None else threshold[span],
            )
            low[span] = np.where(rounded[span], box[0], low[span])
            high[span] = np.where(rounded[span], box[1], high[span])
    moved, unfit = np.zeros(n, bool), np.zeros(n, bool)
    for one in inferred(system, policy, before or {}, hidden):
        rounded |= one.where
        low[one.where], high[one.where] = one.low, np.minimum(one.high, most)
        moved |= one.where & (high > low)
        unfit |= one.unfit
    if system.amounts:
        box = amounts_behind(system.values[system.amount])
        rounded |= system.amount & ~hidden
        for block in system.amounts:
            earlier[block.span] = np.repeat(block.release != release_id, len(block.names)) & ~hidden[block.span]
        low[system.amount], high[system.amount] = box
        late = (system.kind == Kind.DRIFT) & system.amount[system.minuend]
        low[late], high[late] = -np.inf, np.inf
    unknown = hidden | rounded | (system.kind == Kind.DRIFT)
    derived = ~count & (system.subtrahend >= 0)
    unknown |= derived & (unknown[system.minuend] | unknown[system.subtrahend])
    return Knowledge(
        hidden, rounded, moved & ~earlier, unfit, unknown, low, high, earlier, *_rates(con, system, schema)
    )


def _rates(con: duckdb.DuckDBPyConnection, system: System, schema: str) -> tuple[sparse.csr_matrix, Floats, Floats]:
    """Return two rows for each rate that is shown although one of its counts is not."""
    rows: list[sparse.csr_matrix] = []
    for block in system.blocks:
        for rate in block.spec.rates:
            found = con.execute(
                f'select rid, r."{rate.name}"::double as rate from {numbered(block.spec)} n '
                f'join {schema}."{block.spec.name}" r on {same_key(block.spec, "n", "r")} '
                f'where r."{rate.name}" is not null and (n."{rate.numerator}" is null '
                f'or n."{rate.denominator}" is null) order by rid'
            ).fetchnumpy()
            rows.append(_rate_rows(system, block.offset, block.spec, rate, found))
    matrix = sparse.vstack(rows, format="csr") if rows else sparse.csr_matrix((0, len(system.values)))
    endless = np.full(matrix.shape[0], np.inf)
    return matrix, np.zeros(matrix.shape[0]), endless


def _rate_rows(
    system: System, offset: int, spec: PublishedTable, rate: Rate, found: Mapping[str, Any]
) -> sparse.csr_matrix:
    """Return per y - (r - h) n >= 0 and (r + h) n - per y >= 0 for each shown rate r, half a unit h wide."""
    number, width = np.arange(len(found["rid"])), len(spec.counts)
    base = offset + np.asarray(found["rid"], np.int64) * width
    y, n = base + spec.count_names.index(rate.numerator), base + spec.count_names.index(rate.denominator)
    value, half = np.asarray(found["rate"], float), 0.5 * 10.0**-rate.digits + 1e-9
    per = np.full(len(number), float(rate.per))
    lower = sparse.csr_matrix(
        (np.concatenate([per, half - value]), (np.tile(number, 2), np.concatenate([y, n]))),
        shape=(len(number), len(system.values)),
    )
    upper = sparse.csr_matrix(
        (np.concatenate([-per, value + half]), (np.tile(number, 2), np.concatenate([y, n]))),
        shape=(len(number), len(system.values)),
    )
    return sparse.vstack([lower, upper], format="csr")


def same_key(spec: PublishedTable, left: str, right: str) -> str:
    """Return the SQL condition that two rows have the same key."""
    return " and ".join(f'{left}."{dim}" = {right}."{dim}"::varchar' for dim in spec.dims) or "true"


def rate_sql(rate: Rate, of: str = "") -> str:
    """Return the SQL that computes a rate from shown counts: null when one is hidden or the group is empty.

    Rounded half up in whole numbers, so that it is the same on every machine; `of` prefixes the columns. A numerator
    that is shown above its denominator, as changed numbers may be, counts as equal to it.
    """
    y, n, unit = f'{of}"{rate.numerator}"::hugeint', f'{of}"{rate.denominator}"::hugeint', 10**rate.digits
    y = f"(case when {y} > {n} then {n} else {y} end)"
    return f"case when {n} > 0 then (({y} * {2 * rate.per * unit} + {n}) // (2 * {n}))::double / {unit} end"


def percent_sql(rate: Rate, of: str = "") -> str:
    """Return the SQL of a percentage as text, with its decimals: null when a count of it is hidden."""
    return f"printf('%.{rate.digits}f %%', {rate_sql(rate, of)})"


def guard_sql(column: Column, counts: Sequence[str], of: str = "") -> str:
    """Return the SQL condition on shown counts under which a column may be shown; empty when always."""
    conditions = [f'{of}"{name}" is not null' for name in counts if column.hidden_with_counts or column.least]
    conditions += [f'{of}"{name}" >= {column.least}' for name in counts if column.least]
    return " and ".join(conditions)


def form_findings(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, schema: str) -> Iterator[tuple[str, str]]:
    """Yield (what, where) for numbers in a release that do not follow from the counts it shows."""
    for spec in catalogue.tables:
        if not spec.counts:
            continue
        hidden = " or ".join(
            (
                *(f'l."{name}" is null' for name in (*spec.count_names, *spec.amount_names)),
                *_borrowed_hidden(spec, schema),
            )
        )
        checks = [
            (
                f'l."{rate.name}" is distinct from {rate_sql(rate, "l.")}',
                f"{rate.name} is not that of its counts",
            )
            for rate in spec.rates
        ]
        checks += [
            (
                f'not ({guard}) and l."{column.name}" is not null',
                f"{column.name} is shown beside a hidden or small count",
            )
            for column in spec.plain_columns
            if (guard := guard_sql(column, spec.count_names, "l."))
        ]
        checks += [
            (f'l."{a.of}" is null and l."{a.name}" is not null', f"{a.name} is shown beside the hidden count {a.of}")
            for a in spec.amounts
        ]
        checks.append((f"l.suppressed <> ({hidden})", "the flag `suppressed` is wrong"))
        for condition, what in checks:
            yield from rows_where(con, spec, f'{schema}."{spec.name}" l where {condition}', what)
    for spec in catalogue.tables:
        for borrowed in spec.borrowed:
            source = f'(select r."{borrowed.column}" from {schema}."{borrowed.table}" r where {borrowed.on})'
            conditions = [f'l."{borrowed.name}" is distinct from {source}']
            conditions += [f'{source} is null and l."{name}" is not null' for name in borrowed.hides]
            rows = f'{schema}."{spec.name}" l where {" or ".join(conditions)}'
            yield from rows_where(con, spec, rows, f"{borrowed.name} is not what {borrowed.table} shows")


def _borrowed_hidden(spec: PublishedTable, schema: str) -> Iterator[str]:
    """Yield the SQL conditions under which a row's borrowed columns are hidden in the table they come from."""
    for borrowed in spec.borrowed:
        source = f'from {schema}."{borrowed.table}" r where {borrowed.on}'
        yield f'coalesce((select r."{borrowed.column}" is null {source}), false)'


def rows_where(con: duckdb.DuckDBPyConnection, spec: PublishedTable, rows: str, what: str) -> Iterator[tuple[str, str]]:
    """Yield (what, table and key) for rows `l` of an SQL expression, at most twenty."""
    dims = ", ".join(f'l."{dim}"' for dim in spec.dims) or "1"
    for found in con.execute(f"select {dims} from {rows} order by all limit 20").fetchall():
        named = ", ".join(f"{dim}={value}" for dim, value in zip(spec.dims, found, strict=False))
        yield what, f"{spec.name} ({named})"
