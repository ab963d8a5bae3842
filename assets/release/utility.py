"""What hiding cost a reader: by table, count and breakdown, the cells not shown and how many children are behind them.

What belongs here: figures that anybody who holds the release can work out, taken from its file alone, so that a report
about what is hidden tells nothing that the release does not; and from them what a coarser breakdown would bring back.
What does not: the hidden numbers, and any trial of another hiding, whose result would itself count what is hidden.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assets.release.folder import StoredRelease
from assets.release.policy import ReleasePolicy
from assets.release.tables import TOTAL, Catalogue, PublishedTable


@dataclass(frozen=True)
class Cost:
    """What hiding cost in one breakdown of one count of one table.

    A line is a set of rows that differ in this breakdown only and whose total is shown. `cells` are the parts of all
    lines, `hidden` those not shown; `children` the sum of the totals, `behind` how many of them no part shows: a total
    less the parts shown, which every reader can work out. `together` is how many of `behind` would be shown if the
    hidden parts of a line were one group beside those shown, `lines_back` in how many lines.
    """

    table: str
    count: str
    breakdown: str
    lines: int
    cells: int
    hidden: int
    children: int
    behind: int
    lines_back: int
    together: int

    @property
    def share_hidden(self) -> float:
        """Share of the cells that are hidden, 0..1."""
        return self.hidden / self.cells if self.cells else 0.0

    @property
    def advice(self) -> str:
        """What to do about it, in words; empty where nothing is hidden."""
        if not self.hidden:
            return ""
        if self.behind and self.together >= self.behind / 4:
            lines = "1 line" if self.lines_back == 1 else f"{self.lines_back:,} lines"
            return f"merge the rarest values: {self.together:,} children come back, in {lines}"
        if self.share_hidden > 0.5:
            return "too fine for this city: larger groups, or do without it"
        return "keep it: few children stand behind what is hidden"


def utility_of(release: StoredRelease) -> list[Cost]:
    """Return what hiding cost in a stored release, table by table in the order of its catalogue."""
    with duckdb.connect(":memory:", config={"temp_directory": ""}) as con:
        _attach(con, release.database)
        policy = ReleasePolicy.from_json(release.manifest["policy"])
        return list(utility(con, Catalogue.from_json(release.manifest["catalogue"]), policy, "released.main"))


def utility(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue, policy: ReleasePolicy, schema: str = "main"
) -> Iterator[Cost]:
    """Yield what hiding cost for each count and each breakdown that adds up, from released tables in `schema`."""
    for spec in catalogue.tables:
        for part in spec.partitions:
            if part.kind != "sum":
                continue
            for name in spec.count_names:
                if part.counts is None or name in part.counts:
                    found = con.execute(_cost_sql(spec, part.dim, name, schema), [policy.threshold]).fetchall()[0]
                    if found[0]:
                        yield Cost(spec.name, name, part.dim, *map(int, found))


def _attach(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    con.execute(f"attach '{quoted}' as released (read_only)")


def _cost_sql(spec: PublishedTable, dim: str, count: str, schema: str) -> str:
    """Return the statement that sums over all lines of one breakdown; its parameter is the threshold."""
    others = ", ".join(f'"{name}"' for name in spec.dims if name != dim) or "1"
    part = f"\"{dim}\" <> '{TOTAL}'"
    return f"""
        with line as (
            select
                max("{count}") filter (not ({part})) as total,
                count(*) filter ({part}) as cells,
                count(*) filter ({part} and "{count}" is null) as hidden,
                coalesce(sum("{count}") filter ({part}), 0) as shown
            from {schema}."{spec.name}"
            group by {others}
            having cells > 1 and total is not null
        ),
        judged as (
            select
                *,
                greatest(total - shown, 0) as behind,
                hidden > 1 and hidden < cells and total - shown >= $1 as back
            from line
        )
        select
            count(*), coalesce(sum(cells), 0), coalesce(sum(hidden), 0), coalesce(sum(total), 0),
            coalesce(sum(behind), 0), count(*) filter (back), coalesce(sum(behind) filter (back), 0)
        from judged
    """
