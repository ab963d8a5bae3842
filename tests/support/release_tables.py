"""Small and large unsuppressed outcome tables for the tests of disclosure control."""

from __future__ import annotations

import duckdb

from assets.release.tables import Catalogue, CellRef, Column, Count, PublishedTable, Rate, Relation

MEASURE_DIMS = (
    "measure",
    "version",
    "period",
    "place",
    "grade_or_age_band",
    "race_ethnicity",
    "sex",
    "economic_status",
    "program",
)


def comments(*names: str) -> dict[str, str]:
    """A comment for each column."""
    return {name: f"the {name.replace('_', ' ')}" for name in names}


def measure_table(**changes: object) -> PublishedTable:
    """The long table of measures, as the outcomes room describes it."""
    values: dict[str, object] = {
        "name": "measure",
        "description": "One row for each measure, period and group of children.",
        "dims": MEASURE_DIMS,
        "counts": (Count("numerator", within="denominator"), Count("denominator")),
        "rates": (Rate("rate", "numerator", "denominator"),),
        "additive": ("place", "grade_or_age_band", "race_ethnicity", "sex", "economic_status"),
        "comments": comments(*MEASURE_DIMS, "numerator", "denominator", "rate"),
        "period": "period",
        "definition": ("measure", "version"),
        "version": "version",
    }
    return PublishedTable(**{**values, **changes})  # type: ignore[arg-type]


def served_table() -> PublishedTable:
    """Children by exact set of programs."""
    return PublishedTable(
        name="distinct_served",
        description="Unduplicated children by the set of programs that served them.",
        dims=("period", "program_set"),
        counts=(Count("children"),),
        additive=("program_set",),
        comments=comments("period", "program_set", "children"),
        period="period",
    )


def overlap_table() -> PublishedTable:
    """Children whom two programs both served."""
    return PublishedTable(
        name="program_overlap",
        description="Children whom both programs served.",
        dims=("period", "program_a", "program_b"),
        counts=(Count("children"),),
        comments=comments("period", "program_a", "program_b", "children"),
        period="period",
    )


def freshness_table() -> PublishedTable:
    """Rows of the last delivery of each source, rounded."""
    return PublishedTable(
        name="source_freshness",
        description="How fresh each source is.",
        dims=("source",),
        counts=(Count("quarantined", within="rows_read"), Count("rows_read")),
        columns=(Column("lag_days"), Column("share_low", digits=2, least=200)),
        comments=comments("source", "quarantined", "rows_read", "lag_days", "share_low"),
        rounding=10,
        certain_shown=True,
    )


OVERLAP = Relation(
    "overlap of two programs",
    CellRef("program_overlap", "children"),
    CellRef("distinct_served", "children"),
    on=(
        "l.period = r.period and r.program_set <> 'All' and contains('+' || r.program_set || '+', '+' ||"
        " l.program_a || '+') and contains('+' || r.program_set || '+', '+' || l.program_b || '+')"
    ),
)


def city_catalogue() -> Catalogue:
    """The catalogue of `fill_city`."""
    return Catalogue((measure_table(), served_table(), overlap_table(), freshness_table()), (OVERLAP,))


def fill_city(
    con: duckdb.DuckDBPyConnection,
    seed: int = 7,
    children: int = 3000,
    measures: int = 3,
    places: int = 8,
    periods: tuple[str, ...] = ("2024-25", "2025-26"),
    version: str = "1",
) -> None:
    """Fill `con` with the tables of `city_catalogue` from invented children, the same for the same seed."""
    named = ", ".join(f"'{period}'" for period in periods)
    con.execute(_children_sql(children, measures, places, named, seed))
    con.execute(
        f"""
        create or replace table measure as
        select
            'measure ' || lpad(m::varchar, 2, '0') as measure, '{version}' as version, period,
            coalesce(place, 'All') as place, coalesce(grade, 'All') as grade_or_age_band,
            coalesce(race, 'All') as race_ethnicity, coalesce(sex, 'All') as sex,
            coalesce(economic, 'All') as economic_status, 'All' as program,
            count(*) filter (hit) as numerator, count(*) as denominator,
            bit_xor(hash(i)) filter (hit) as numerator__key, bit_xor(hash(i)) as denominator__key
        from child
        group by grouping sets (
            (m, period), (m, period, place), (m, period, grade), (m, period, race), (m, period, sex),
            (m, period, economic), (m, period, race, sex)
        )
        """
    )
    con.execute(
        """
        create or replace table distinct_served as
        with served as (
            select i, period, array_to_string(list_sort(list('p' || m)), '+') as program_set
            from child where hit and m < 7 group by i, period
        )
        select period, coalesce(program_set, 'All') as program_set, count(*) as children,
            bit_xor(hash(i)) as children__key
        from served group by grouping sets ((period), (period, program_set))
        """
    )
    con.execute(
        """
        create or replace table program_overlap as
        select a.period, 'p' || a.m as program_a, 'p' || b.m as program_b, count(*) as children,
            bit_xor(hash(a.i)) as children__key
        from child a join child b using (i, period) where a.hit and b.hit and a.m < b.m and b.m < 7 group by
        all
        """
    )
    con.execute(
        """
        create or replace table source_freshness as
        select * from (values
            ('birth', 3, 1204, 1, .1), ('school', 0, 8, 2, .1), ('tanf', 0, 51, 2, .123), ('wic', 240, 2207,
            30, .123)
        ) as t(source, quarantined, rows_read, lag_days, share_low)
        """
    )
    con.execute("drop table child")


def _children_sql(children: int, measures: int, places: int, named: str, seed: int) -> str:
    """Invented children, one row for each child, measure and period; every draw is a hash of the seed."""

    def draw(key: str, number: int) -> str:
        return f"(hash({key} || '/{number}/{seed}') % 1000003) / 1000003.0"

    event = "i || '.' || m || '.' || period"
    return f"""
        create or replace temp table child as
        with drawn as (
            select
                i, m, period,
                {draw("i", 1)} as u1, {draw("i", 2)} as u2, {draw("i", 3)} as u3, {draw("i", 4)} as u4,
                {draw("i", 7)} as u7, {draw(event, 5)} as u5, {draw(event, 6)} as u6
            from range({children}) as c(i), range({measures}) as k(m), unnest([{named}]) as p(period)
        )
        select
            i, m, period,
            'school ' || lpad((floor(power(u1, 1.7) * {places}) + 1)::int::varchar, 2, '0') as place,
            'grade ' || floor(u2 * 6)::int as grade,
            case when u3 < .45 then 'Hispanic' when u3 < .70 then 'White' when u3 < .90 then 'Black'
                when u3 < .95 then 'Asian' when u3 < .97 then 'Two or more' when u3 < .985 then 'AIAN'
                when u3 < .99 then 'NHPI' else 'Unknown' end as race,
            case when u4 < .49 then 'F' when u4 < .995 then 'M' else 'X' end as sex,
            case when u7 < .6 then 'low income' else 'other' end as economic,
            u5 < .03 + .3 * power(m / {measures}, 2) as hit
        from drawn
        where u6 < .9
        """
