"""A held table through a series of releases, and what a reader of the series can infer from it, by brute force."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
from support.release_tables import comments

from assets.release.holding import hold, step
from assets.release.rounding import rounded
from assets.release.tables import Catalogue, Column, Count, PublishedTable, Rate

BASE, T = 20, 10
Form = tuple[bool, int | None]
"""Whether a row is shown anew, and its count as it is shown (None: hidden)."""


def quality_table(base: int = BASE) -> PublishedTable:
    """Records and linked records of each source, with an estimate made from records."""
    return PublishedTable(
        name="linkage_quality",
        description="How well each source links.",
        dims=("source", "subgroup"),
        counts=(Count("linked", within="records"), Count("records")),
        rates=(Rate("rate", "linked", "records"),),
        columns=(Column("precision", hidden_with_counts=True, digits=3, held=True), Column("newest")),
        comments=comments("source", "subgroup", "linked", "records", "rate", "precision", "newest"),
        rounding=base,
        held=True,
        certain_shown=True,
    )


def catalogue(base: int = BASE) -> Catalogue:
    return Catalogue((quality_table(base),))


def fill(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str, int, int, float, str]]) -> None:
    """Fill `linkage_quality`: source, subgroup, linked, records, precision, newest."""
    con.execute(
        "create or replace table linkage_quality (source varchar, subgroup varchar, linked bigint, records bigint, "
        "precision double, newest varchar)"
    )
    if rows:
        con.executemany("insert into linkage_quality values (?, ?, ?, ?, ?, ?)", [list(row) for row in rows])


def form(count: int, base: int = BASE, threshold: int = T) -> int | None:
    """Return a count as a release shows it."""
    return None if 0 < count < threshold else int(rounded(np.array([float(count)]), base)[0])


def shown(counts: Sequence[int], base: int = BASE, threshold: int = T) -> list[Form]:
    """Return what a series of releases shows of one count, each night's by `hold` itself; its first row is new."""
    spec = PublishedTable(
        name="rolling",
        description="One count.",
        dims=("source",),
        counts=(Count("records"),),
        comments=comments("source", "records"),
        rounding=base,
        held=True,
    )
    found: list[Form] = []
    with duckdb.connect() as con:
        for night, count in enumerate(counts):
            con.execute(
                "create or replace table work as select 'a' as source, $count as records, "
                "null::varchar as release_id, null::bigint as records__shown, null::ubigint as records__key",
                {"count": count},
            )
            if night:
                hold(con, spec, "work", "before", threshold)
            [(value, release)] = con.execute("select records, release_id from work").fetchall()
            con.execute(f"create or replace table before as select * replace ('{night}' as release_id) from work")
            found.append((release is None, form(value, base, threshold)))
    return found


def possible_changes(
    seen: Sequence[Form], first: int, last: int, most: int, base: int = BASE, threshold: int = T
) -> set[int]:
    """Return every change of the count between two nights that fits all that was shown, for counts of 0..most.

    The reader knows the rule. Of each night they keep which triples are possible: the count on night `first`, that on
    night `last`, and the one behind the form that was shown last; before a night is reached its count is 0.
    """
    numbers, least = np.arange(most + 1), step(base, threshold)
    far = np.abs(numbers[:, None] - numbers[None, :]) >= least  # of what was shown last from tonight's count
    forms = [form(int(number), base, threshold) for number in numbers]
    possible = np.zeros((most + 1,) * 3, bool)
    possible[0, 0, [one == seen[0][1] for one in forms]] = True
    for night, (anew, as_shown) in enumerate(seen):
        if night:
            fits = np.array([one == as_shown for one in forms])
            tonight = far & fits[None, :] if anew else ~far  # [shown last, count tonight]
        else:
            tonight = np.eye(most + 1, dtype=bool)
        if night in (first, last):
            # [on first, on last, shown last, tonight]
            wide = possible[0, :, :, None] if night == first else possible[:, 0, :, None]
            wide = wide & tonight[None, :, :]
            moved = (
                np.einsum("xuv->xvu", wide) if not anew else wide.any(axis=1)[:, :, None] & np.eye(most + 1, dtype=bool)
            )
            possible = np.zeros_like(possible)
            if night == first:
                possible[:, 0, :] = moved.any(axis=0)
            else:
                possible = moved
        elif anew and night:
            possible = (possible.astype(np.float32) @ tonight.astype(np.float32)) > 0
    before, after = np.nonzero(possible.any(axis=2))
    return {int(change) for change in after - before}
