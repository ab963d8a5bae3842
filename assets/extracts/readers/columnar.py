"""Parquet files, streamed: the wanted columns by name, every value as the text a delimited file would hold.

Numbers lose a decimal part of nothing (`123.0` is `123`, as identifiers come out of data frames), dates and
times at midnight become `YYYY-MM-DD`, booleans `true` and `false`. Nested columns are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from assets.extracts.delivery import DeliveryError, Limits, Tally
from assets.extracts.readers import cells
from assets.extracts.readers.header import Asked, Header, is_header, match, missing
from assets.extracts.readers.members import Member

_DAMAGED = (pa.ArrowException, OSError, EOFError)


def check(member: Member, asked: Asked, limits: Limits) -> Header:
    """Judge a Parquet file by its footer. Raises DeliveryError when it cannot be read or lacks a column."""
    try:
        file = parquet.ParquetFile(member.path, memory_map=False, pre_buffer=False)
    except _DAMAGED:
        raise DeliveryError(
            member.shown, "not a complete Parquet file (cut short, damaged or encrypted)", "send it again"
        ) from None
    with file:
        names = file.schema_arrow.names
        if not is_header(names, asked):
            raise missing(member.shown, 1, asked.required or asked.wanted[:1], names, asked)
        header = match(member.shown, names, asked)
        for column, place in header.places.items():
            if pa.types.is_nested(file.schema_arrow.field(place).type):
                raise DeliveryError(member.shown, f"column {column} is nested", "deliver plain columns")
        for group in range(file.metadata.num_row_groups):
            if file.metadata.row_group(group).total_byte_size > limits.max_row_group_bytes:
                what = f"row group {group + 1} is larger than {limits.max_row_group_bytes} bytes"
                raise DeliveryError(member.shown, what, "write it with smaller row groups")
        return header


def read_rows(member: Member, asked: Asked, tally: Tally, limits: Limits) -> Iterator[pa.Table]:
    """Stream the rows as strings with `__row` (from 1). Raises DeliveryError when a page is damaged."""
    header = check(member, asked, limits)
    tally.unnamed_columns, tally.absent_columns = list(header.unnamed), list(header.absent)
    with parquet.ParquetFile(member.path, memory_map=False, pre_buffer=False) as file:
        names = file.schema_arrow.names
        columns = {column: names[place] for column, place in header.places.items()}
        try:
            for batch in file.iter_batches(limits.batch_rows, columns=list(columns.values()), use_threads=False):
                numbers = np.arange(tally.rows_read + 1, tally.rows_read + 1 + batch.num_rows, dtype=np.int64)
                tally.rows_read += batch.num_rows
                texts = {column: as_text(batch.column(name)) for column, name in columns.items()}
                yield cells.to_strings(texts, numbers, tally, cells.NUL)
        except _DAMAGED:
            raise DeliveryError(member.shown, "damaged inside", "ask the agency to send it again") from None


def as_text(column: pa.Array) -> pa.Array:
    """Return a column of any plain type as text (string, or binary for text that is still to be checked)."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())
    convert = next((to_text for is_kind, to_text in _CONVERSIONS if is_kind(kind)), None)
    return column.cast(pa.string()) if convert is None else convert(column)


def _timestamps(column: pa.Array) -> pa.Array:
    """ISO 8601, the date alone at midnight. Times with a zone are told in that zone."""
    local = pc.local_timestamp(column) if column.type.tz else column
    local = local.cast(pa.timestamp("s"), safe=False)
    midnight = pc.equal(local, pc.floor_temporal(local, unit="day"))
    return pc.if_else(
        midnight,
        local.cast(pa.date32(), safe=False).cast(pa.string()),
        pc.strftime(local, "%Y-%m-%dT%H:%M:%S"),
    )


def _floats(column: pa.Array) -> pa.Array:
    known = pc.and_(pc.is_finite(column), pc.less(pc.abs(column), pa.scalar(2.0**53)))
    whole = pc.and_(known, pc.equal(column, pc.trunc(column)))
    safe = pc.if_else(pc.fill_null(whole, False), column, pa.scalar(0.0))
    text = pc.if_else(whole, safe.cast(pa.int64()).cast(pa.string()), column.cast(pa.string()))
    return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.string()), text)


def _decimals(column: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(column.cast(pa.string()), r"\.0+$", "")


def _binary(column: pa.Array) -> pa.Array:
    return column.cast(pa.binary())


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (pa.types.is_timestamp, _timestamps),
    (pa.types.is_floating, lambda column: _floats(column.cast(pa.float64()))),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_binary, _binary),
    (pa.types.is_large_binary, _binary),
    (pa.types.is_fixed_size_binary, _binary),
)
