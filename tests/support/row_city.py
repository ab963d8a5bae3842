"""An invented city of children with histories, its table of measures, and releases of both tables and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from support.release_keys import FixedKeys

from assets.outcomes.catalogue import MEASURE, TABLES
from assets.outcomes.definitions import Definition, measures
from assets.release.order import Order
from assets.release.rows.classes import Rule
from assets.release.rows.form import Outcome, column_of
from assets.release.rows.hierarchies import quasi_identifiers
from assets.release.rows.opening import trees
from assets.release.rows.releasing import RowOrder
from assets.release.rows.request import RowRequest
from assets.release.rows.source import Rows, hmac_parameters, hmac_sql
from assets.release.tables import Catalogue

NIGHT = date(2026, 9, 1)
PERIODS = ("2023-24", "2024-25", "2025-26")
TREES = trees(MEASURE)
"""Dimensions of the table of measures whose values lie within wider ones, and the table that says which."""
CATALOGUE = Catalogue(tuple(table for table in TABLES if table.name in {"measure", *TREES.values()}))
NEIGHBOURHOOD = "case when place in ('School 1', 'School 3') then 'North' end"
QUASI = ("race_ethnicity", "sex", "grade", "place")
ABSENCE = next(item for item in measures() if item.key == "chronic_absence 1")
MOBILITY = next(item for item in measures() if item.name == "mobility")


@dataclass(frozen=True)
class RowCity:
    """A city in the folder `root`: `children`, each with up to three years; every draw is a hash of the seed."""

    root: Path
    children: int = 2000
    seed: int = 1
    periods: tuple[str, ...] = PERIODS
    rare: int = 40
    """one child in so many has a rare race"""

    def rows(self, request: RowRequest, periods: Sequence[str]) -> Rows:
        """Return the rows that a release asks for, as `source.load_rows` does from a spine."""
        with duckdb.connect() as con:
            con.execute(f"create table c as {self._sql()}")
            quasi = "".join(f', "{one.name}"' for one in request.quasi)
            outcomes = {outcome_of(item): item for item in request.outcomes}
            told = "".join(f', "{one.column}"' for one in outcomes)
            table = con.sql(
                f"select {hmac_sql('$label || i')} as child, period{quasi}{told} from c "
                "where list_contains($periods, period) order by child, period",
                params={
                    "periods": list(periods),
                    "label": "|".join(periods),
                    **hmac_parameters(FixedKeys().derive(f"release.rows.{request.licence}")),
                },
            ).to_arrow_table()
        return Rows(table, outcomes)

    def order(self, request: RowRequest | None, night: date = NIGHT) -> Order:
        """Write tonight's outcomes and return the order of a release."""
        path = self.root / "outcomes.duckdb"
        path.unlink(missing_ok=True)
        self.root.mkdir(exist_ok=True)
        with duckdb.connect(str(path)) as con:
            con.execute(f"create temp table c as {self._sql()}")
            con.execute(f"create table measure as {_measure_sql((ABSENCE, MOBILITY))}")
            for dim, tree in TREES.items():
                con.execute(f"create table {tree} as {_tree_sql(dim, (ABSENCE, MOBILITY))}")
        rows = None if request is None else RowOrder((request,), self.rows)
        return Order(self.root / "releases", path, night, CATALOGUE, rows=rows)

    def _sql(self) -> str:
        def draw(key: str, number: int) -> str:
            return f"(hash({key} || '/{number}/{self.seed}') % 1000003) / 1000003.0"

        named = ", ".join(f"'{period}'" for period in self.periods)
        return f"""
            with drawn as (
                select
                    i, p.period, {draw("i", 1)} as race, {draw("i", 2)} as sex, {draw("i", 3)} as born,
                    {draw("i", 4)} as home, {draw("i || p.period", 5)} as moved, {draw("i || p.period", 6)} as there,
                    {draw("i || p.period", 7)} as absent, {draw("i || p.period", 8)} as mobile, p.number
                from range({self.children}) as c(i),
                    (select unnest([{named}]) as period, unnest(range({len(self.periods)})) as number) as p
            )
            select
                i::varchar as i, period,
                case when race < 1.0 / {self.rare} then 'AIAN' when race < .3 then 'Black'
                    when race < .6 then 'Hispanic' else 'White' end as race_ethnicity,
                case when sex < .5 then 'Female' else 'Male' end as sex,
                lpad((1 + floor(born * 6)::int + number)::varchar, 2, '0') as grade,
                'School ' || (case when moved < .05 then 3 else 1 + floor(home * 2)::int end) as place,
                case when absent < .25 then 'Yes' else 'No' end as chronic_absence_1,
                case when mobile < .1 then 'Yes' when mobile < .95 then 'No' else 'Unknown' end as mobility_1
            from drawn where there < .9
        """


def outcome_of(item: Definition) -> Outcome:
    """Name the outcome of a measure as `source` does."""
    return Outcome(column_of(item.name, item.version), item.name, item.version)


def request(**changes: object) -> RowRequest:
    """What a licence asks for: four quasi-identifiers, two outcomes, k = 10."""
    asked = RowRequest(
        licence="rows-2026",
        clause="rows-2026.yaml:1 rows-2026 release.records",
        rule=Rule(k=10, suppress=0.05),
        quasi=tuple(quasi_identifiers()[name] for name in QUASI),
        outcomes=(ABSENCE, MOBILITY),
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


def _measure_sql(definitions: Sequence[Definition]) -> str:
    """Count the children into the table of measures, as `assets.outcomes.cells` does."""
    place = "coalesce(neighbourhood, place, 'All')" if TREES else "coalesce(place, 'All')"
    return " union all ".join(
        f"""
        select
            '{item.name}' as measure, '{item.version}' as version, period,
            {place} as place, coalesce(grade, 'All') as grade_or_age_band,
            coalesce(race_ethnicity, 'All') as race_ethnicity, coalesce(sex, 'All') as sex,
            'All' as economic_status, 'All' as program,
            count_if("{outcome_of(item).column}" = 'Yes') as numerator, count(*) as denominator
        from (select *, {NEIGHBOURHOOD} as neighbourhood from c) where "{outcome_of(item).column}" <> 'Unknown'
        group by grouping sets (
            (period), (period, place), (period, grade), (period, race_ethnicity), (period, sex),
            (period, race_ethnicity, sex) {", (period, neighbourhood)" if TREES else ""}
        )
        {"having grouping(neighbourhood) = 1 or neighbourhood is not null" if TREES else ""}
        """
        for item in definitions
    )


def _tree_sql(dim: str, definitions: Sequence[Definition]) -> str:
    """Say which place lies within which neighbourhood; nothing of other dimensions."""
    return " union all ".join(
        f"select distinct '{item.name}' as measure, '{item.version}' as version, period, place as part, "
        f"{NEIGHBOURHOOD} as whole from c where {NEIGHBOURHOOD} is not null and {dim == 'place'} "
        f"and \"{outcome_of(item).column}\" <> 'Unknown'"
        for item in definitions
    )


def rows_in(path: Path, table: str = "rows_rows_2026") -> pa.Table:
    """Return the rows of a file."""
    with duckdb.connect(str(path), read_only=True) as con:
        return con.sql(f'select * from "{table}"').to_arrow_table()
