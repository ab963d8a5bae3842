"""Held tables: a row that has hardly moved since it was shown last keeps the form in which it was shown.

What belongs here: choosing, for a table that changes with every release, between tonight's row and the row of the
release before. What does not: rounding (`rounding`), hiding (`suppress`), the auditor's check of this rule (`rolling`,
which states it again).

Rounding alone is a staircase: whoever adds records one by one sees where it moves. Here the counts behind two forms of
a row that were shown one after the other are the same, or one of them differs by a whole step, which is at least the
threshold. Between two shows nothing moves, whatever is delivered, linked or refused. An absent row counts zero, so the
first record of a group does not bring its row, nor the last one take it away.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

import duckdb

from assets.release.policy import ReleaseError
from assets.release.tables import PublishedTable


def step(base: int, threshold: int) -> int:
    """Return by how much a count must move before its row is shown anew: whole rounding steps, t or more."""
    return -(-threshold // base) * base


def coarse_enough(base: int, threshold: int) -> bool:
    """Say whether rounding to `base` leaves a change of fewer than `threshold` open between any two forms of a row.

    A row that came anew from 0 holds a step or more, so of the numbers behind its form the upper half is left; the form
    next to it then lies up to one and a half bases away.
    """
    return 3 * base // 2 - 1 >= threshold


def hold(con: duckdb.DuckDBPyConnection, spec: PublishedTable, work: str, before: str, threshold: int) -> None:
    """Replace in table `work` the rows that have not moved by a step since they were shown, by the shown ones.

    `before` has one row for each shown one: dimensions, counts as they were, columns, `release_id`, and for each count
    the number shown (`<count>__shown`) and a `<count>__key`. Rows that were not shown and hold no step in any count are
    left out. Columns that were not computed from counts or records (the date of a delivery) stay tonight's.
    """
    if spec.rounding and not coarse_enough(spec.rounding, threshold):
        raise ReleaseError(
            f"table {spec.name} is rounded to {spec.rounding}, which is too fine beside a threshold of {threshold}: "
            "two releases could tell a change of fewer records; give it a larger rounding in the catalogue"
        )
    least = step(spec.rounding or 1, threshold)
    same = " and ".join(f'w."{dim}" = b."{dim}"' for dim in spec.dims) or "true"
    moved = " or ".join(
        f'abs(coalesce(w."{name}", 0) - coalesce(b."{name}", 0)) >= {least}' for name in spec.count_names
    )
    fresh = f"b.release_id is null or ({moved})"

    def either(name: str) -> str:
        return f'case when {fresh} then w."{name}" else b."{name}" end as "{name}"'

    columns = [f'coalesce(w."{dim}", b."{dim}") as "{dim}"' for dim in spec.dims]
    columns += [either(name) for name in spec.count_names]
    columns += [
        either(one.name) if one.held else f'coalesce(w."{one.name}", b."{one.name}") as "{one.name}"'
        for one in spec.plain_columns
    ]
    beside = [f"{name}__{what}" for name in spec.count_names for what in ("shown", "key")]
    columns += [either(name) for name in ("release_id", *beside)]
    there = f'case when {moved} then w."{spec.dims[0]}" is not null else b.release_id is not null end'
    con.execute(
        f"create or replace table {work} as select {', '.join(columns)} "
        f"from {work} w full join {before} b on {same} where {there}"
    )
