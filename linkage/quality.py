"""Linkage quality without any truth: who is linked, and how sure the links are, by source and subgroup.

The estimate rests on the match weight that carries each record's links, kept in the ledger as a band of five
bits: a link of w bits is right with probability 1 / (1 + 2^-w). It is as good as the model is calibrated,
so the interval takes the low end of every band with the low end of a 95 % Wilson interval, and both high
ends. Published figures must go through disclosure control like any other table.
"""

from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from linkage.intervals import wilson
from linkage.ledger import SUPPORT_STEP, Ledger

ALL: Final = "All"
_SCHEMA: Final = pa.schema(
    [
        ("source", pa.string()),
        ("subgroup", pa.string()),
        ("records", pa.int64()),
        ("linked", pa.int64()),
        ("rate", pa.float64()),
        ("precision_estimate", pa.float64()),
        ("precision_low", pa.float64()),
        ("precision_high", pa.float64()),
    ]
)
_QUERY: Final = """
    with child as (
        select child_id, count(distinct source) > 1 as across from ledger group by child_id
    ),
    labelled as (
        select source, record_key, $everyone as subgroup from ledger
        union all
        select ledger.source, ledger.record_key, subgroups.subgroup
        from ledger join subgroups using (record_key) where subgroups.subgroup is not null
    )
    select labelled.source, labelled.subgroup, support, across, count(*) as records
    from labelled join ledger using (source, record_key) join child using (child_id)
    group by all order by all
"""
_NO_SUBGROUPS: Final = pa.table({"record_key": pa.array([], pa.binary()), "subgroup": pa.array([], pa.string())})


def linkage_quality(ledger: Path | Ledger, subgroups: pa.Table | None = None) -> pa.Table:
    """Return one row a source and subgroup, and one a source with subgroup ``All``.

    `subgroups` has record_key (16 bytes) and subgroup (text), as many rows a record as it has labels.
    Columns of the result: records; linked, those whose child has records of another source too; rate =
    linked / records; and the estimated precision of the links with its interval, null where nothing is
    linked.
    """
    current = (ledger if isinstance(ledger, Ledger) else Ledger(ledger)).current()
    labels = _NO_SUBGROUPS if subgroups is None else subgroups.select(["record_key", "subgroup"])
    keys = labels.column("record_key").cast(pa.binary())
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        connection.register("ledger", current)
        connection.register("subgroups", pa.table({"record_key": keys, "subgroup": labels.column("subgroup")}))
        counts = connection.sql(_QUERY, params={"everyone": ALL}).to_arrow_table()
    return _summarise(counts)


def _summarise(counts: pa.Table) -> pa.Table:
    groups: dict[tuple[str, str], list[tuple[int, bool, int]]] = {}
    for source, subgroup, support, across, records in zip(*counts.to_pydict().values(), strict=True):
        groups.setdefault((source, subgroup), []).append((support, across, records))
    rows = [(*name, *_figures(bands)) for name, bands in groups.items()]
    return pa.table([pa.array(column) for column in zip(*rows, strict=True)], schema=_SCHEMA) if rows else _EMPTY


def _figures(
    bands: list[tuple[int, bool, int]],
) -> tuple[int, int, float, float | None, float | None, float | None]:
    records = sum(count for _, _, count in bands)
    linked = [(support, count) for support, across, count in bands if across and support >= 0]
    total = sum(count for _, count in linked)
    if not total:
        return records, 0, 0.0, None, None, None
    low, middle, high = (_expected(linked, part * SUPPORT_STEP) for part in (0.0, 0.5, 1.0))
    rate = total / records
    return records, total, rate, middle / total, wilson(low, total)[0], wilson(high, total)[1]


def _expected(bands: list[tuple[int, int]], above: float) -> float:
    """Return how many of the links are right, taking every weight `above` bits over the foot of its band."""
    weights = np.array([support for support, _ in bands]) + above
    return float((np.array([count for _, count in bands]) / (1 + 2.0**-weights)).sum())


_EMPTY: Final = _SCHEMA.empty_table()
