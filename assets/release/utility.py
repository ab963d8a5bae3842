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

from assets.release.building import build_system
from assets.release.folder import StoredRelease
from assets.release.policy import ReleasePolicy
from assets.release.system import numbered
from assets.release.tables import TOTAL, Catalogue, PublishedTable
from assets.release.trees import directly

WITHIN = ", within a wider value"
"""Said of the parts of a value that itself lies within `All`: schools of a neighbourhood, grades of a band."""


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
            wider = "the wider values alone" if self.breakdown.endswith(WITHIN) else "larger groups, or do without it"
            return f"too fine for this city: {wider}"
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
    """Yield what hiding cost for each count and each breakdown that adds up, from released tables in `schema`.

    A hierarchy has two breakdowns: the parts of `All`, and the parts of the values within it.
    """
    build_system(con, catalogue, schema, drifting=())
    for spec in catalogue.tables:
        for part in spec.partitions:
            for name in spec.count_names if part.kind == "sum" else ():
                if part.counts is None or name in part.counts:
                    sql = _cost_sql(spec, part.dim, name, directly(catalogue.by_name, spec, part))
                    for below, *figures in con.execute(sql, [policy.threshold]).fetchall():
                        breakdown = f"{part.dim}{WITHIN if below else ''}"
                        yield Cost(spec.name, name, breakdown, *map(int, figures))


def _attach(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    con.execute(f"attach '{quoted}' as released (read_only)")


def _cost_sql(spec: PublishedTable, dim: str, count: str, pairs: str) -> str:
    """Return the statement that sums over all lines of one breakdown, apart for those below `All`.

    `pairs` is the SQL of (a, b): row a is the sum of its rows b. Its parameter is the threshold.
    """
    return f"""
        with line as (
            select
                pair.a,
                max(whole."{dim}") <> '{TOTAL}' as below,
                max(whole."{count}") as total,
                count(*) as cells,
                count(*) filter (part."{count}" is null) as hidden,
                coalesce(sum(part."{count}"), 0) as shown
            from ({pairs}) pair
            join {numbered(spec)} whole on whole.rid = pair.a
            join {numbered(spec)} part on part.rid = pair.b
            group by pair.a
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
            below, count(*), sum(cells), sum(hidden), sum(total), sum(behind), count(*) filter (back),
            coalesce(sum(behind) filter (back), 0)
        from judged
        group by below
        order by below
    """
