"""The trust tables: what each measure means, how well each source links, how fresh each source is.

What belongs here: `measure_definition`, `linkage_quality`, `source_freshness`. What does not: how linkage
quality is estimated (`linkage.quality`), what a night did to a file (`assets.extracts`), the log of releases.
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

import duckdb
import pyarrow as pa

from assets.night import Night
from assets.outcomes.definitions import lineage, linked_tables, measures

QUALITY_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("subgroup", pa.string()),
        ("records", pa.int64()),
        ("linked", pa.int64()),
        ("rate", pa.float64()),
        ("precision_estimate", pa.float64()),
        ("precision_low", pa.float64()),
        ("precision_high", pa.float64()),
        ("recall_estimate", pa.float64()),
        ("recall_low", pa.float64()),
        ("recall_high", pa.float64()),
    ]
)
"""What `linkage.quality` hands over: one row a source and subgroup ('All' for the source)."""

_FRESHNESS = """
    create table out.main.source_freshness as
    with loaded as (
        select source, max(delivered_for) as last_delivery, max(night) as last_night
        from nights.main.deliveries
        where state = 'loaded' and night <= $night and not list_contains($consent, source)
        group by source
    ),
    counted as (
        select
            counts.source,
            any_value(counts.agency) as agency,
            count(distinct counts.file) as files,
            sum(counts.read)::bigint as rows_read,
            sum(counts.quarantined)::bigint as rows_quarantined
        from nights.main.file_counts as counts
        join loaded on loaded.source = counts.source and loaded.last_night = counts.night
        group by counts.source
    )
    select
        loaded.source,
        counted.agency,
        strftime(loaded.last_delivery, '%Y-%m-%d') as last_delivery,
        date_diff('day', loaded.last_delivery, $night) as lag_days,
        counted.files,
        counted.rows_read,
        counted.rows_quarantined
    from loaded
    join counted using (source)
    order by source
"""

_NO_FRESHNESS = """
    create table out.main.source_freshness (
        source varchar, agency varchar, last_delivery varchar, lag_days bigint, files bigint, rows_read
        bigint, rows_quarantined bigint
    )
"""


def add_definitions(connection: duckdb.DuckDBPyConnection) -> None:
    """Create `measure_definition`: the header of every measure and linked table, and the columns it reads."""
    connection.execute(
        "create table out.main.measure_definition (name varchar, version varchar, area varchar, "
        "title varchar, definition varchar, numerator varchar, denominator varchar, unknowns varchar, "
        "periods varchar, direction varchar, source varchar, reads varchar)"
    )
    keys = (
        "area",
        "title",
        "definition",
        "numerator",
        "denominator",
        "unknowns",
        "periods",
        "direction",
        "source",
    )
    connection.executemany(
        f"insert into out.main.measure_definition values ({', '.join('?' * 12)})",
        [
            (d.name, d.version, *(d.text(key) for key in keys), " ".join(map(str, lineage(d.file))))
            for d in (*measures(), *linked_tables())
        ],
    )


def add_quality(connection: duckdb.DuckDBPyConnection, quality: pa.Table | None) -> None:
    """Create `linkage_quality` from what `linkage.quality` estimated (QUALITY_SCHEMA), empty when None."""
    table = QUALITY_SCHEMA.empty_table() if quality is None else quality.select(QUALITY_SCHEMA.names)
    connection.register("quality", table.cast(QUALITY_SCHEMA))
    connection.execute("create table out.main.linkage_quality as select * from quality order by source, subgroup")
    connection.unregister("quality")


def add_freshness(connection: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Create `source_freshness` from the attached book of nights: each source's newest load.

    Consent sources are left out: how many families wrote to the city is the hub's own knowledge.
    """
    attached = connection.execute(
        "select count(*) from duckdb_tables() where database_name = 'nights' "
        "and table_name in ('deliveries', 'file_counts')"
    ).fetchall()[0][0]
    if attached == 2:
        consent = [name for name, source in night.policy.sources.items() if source.kind == "consent"]
        connection.execute(_FRESHNESS, {"night": night.date, "consent": consent})
    else:
        connection.execute(_NO_FRESHNESS)
