"""Columns of bytes to columns of strings: text checks, trimming, empty cells. Set-based; no loop over rows.

What belongs here: what every reader does to every cell. What does not: what a column means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.delivery import ROW, WITHDRAWN, Reason, Tally

NO_FLAWS: Mapping[str, Reason] = {}
NUL: Mapping[str, Reason] = {"\0": Reason.NUL_BYTE}


def to_strings(
    columns: Mapping[str, pa.Array], rows: np.ndarray, tally: Tally, flaws: Mapping[str, Reason] = NO_FLAWS
) -> pa.Table:
    """Return the usable rows of `columns` (binary or string, one length) as trimmed strings with `__row`.

    `rows` are their numbers. Rows with bytes that are no UTF-8, or with a character of `flaws`, are
    quarantined.
    """
    table = decoded(columns, rows, tally, flaws)
    texts = {name: trimmed(table[name]) for name in columns}
    return pa.table({**texts, ROW: table[ROW]})


def decoded(
    columns: Mapping[str, pa.Array],
    rows: np.ndarray,
    tally: Tally,
    flaws: Mapping[str, Reason] = NO_FLAWS,
    *,
    whole_line: bool = False,
) -> pa.Table:
    """Return the rows whose cells are text, as they are, with `__row`; the others are quarantined.

    With `whole_line` the one column is the whole row, and problems name no column.
    """
    bad = np.zeros(len(rows), dtype=bool)
    strings: dict[str, pa.Array] = {}
    for name, column in columns.items():
        text, damaged = _decode(column)
        found = [
            (damaged, Reason.NOT_TEXT),
            *((_holding(text, flaw), reason) for flaw, reason in flaws.items()),
        ]
        for at, reason in found:
            if at is not None:
                tally.reject(rows[at & ~bad].tolist(), reason, None if whole_line else name)
                bad |= at
        strings[name] = text
    table = pa.table({**strings, ROW: pa.array(rows, pa.int64())})
    return table.filter(pa.array(~bad)) if bad.any() else table


def trimmed(text: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return strings without surrounding blanks, and null where nothing is left."""
    short = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(pc.binary_length(short), 0), pa.scalar(None, pa.string()), short)


def _decode(column: pa.Array) -> tuple[pa.Array, np.ndarray | None]:
    """Return the column as string (damaged cells null) and which cells are damaged, or None if none is."""
    if pa.types.is_string(column.type):
        return column, None
    try:
        return column.cast(pa.string()), None
    except pa.ArrowInvalid:
        damaged = np.zeros(len(column), dtype=bool)
        _find_damaged(column, 0, damaged)
        kept = pc.if_else(pa.array(damaged), pa.scalar(None, column.type), column)
        return kept.cast(pa.string()), damaged


def _find_damaged(column: pa.Array, start: int, damaged: np.ndarray) -> None:
    """Mark the cells that are no UTF-8 by halving: k damaged cells of n cost about k log n casts."""
    try:
        column.cast(pa.string())
    except pa.ArrowInvalid:
        if len(column) == 1:
            damaged[start] = True
            return
        half = len(column) // 2
        _find_damaged(column[:half], start, damaged)
        _find_damaged(column[half:], start + half, damaged)


def _holding(text: pa.Array, flaw: str) -> np.ndarray | None:
    at = pc.match_substring(text, flaw).fill_null(False)
    return mask(at) if pc.any(at).as_py() else None


def mask(flags: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return a boolean Arrow column as a writable numpy mask, nulls as False."""
    return np.array(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), dtype=bool)


def with_nulls(table: pa.Table, markers: Sequence[str]) -> pa.Table:
    """Return the table with cells that equal one of the agreement's `nulls` emptied."""
    if not markers:
        return table
    values = pa.array(list(markers), pa.string())
    for place, name in enumerate(table.column_names):
        if pa.types.is_string(table.schema.field(name).type):
            column = table[name]
            emptied = pc.if_else(pc.is_in(column, value_set=values), pa.scalar(None, pa.string()), column)
            table = table.set_column(place, name, emptied)
    return table


def in_order(table: pa.Table, wanted: Sequence[str]) -> pa.Table:
    """Return the wanted columns in order (null where absent), then `__row`, and `__withdrawn` if any."""
    empty = pa.nulls(table.num_rows, pa.string())
    columns = {name: table[name] if name in table.column_names else empty for name in wanted}
    extra = {name: table[name] for name in (ROW, WITHDRAWN) if name in table.column_names}
    return pa.table({**columns, **extra})


def cut(table: pa.Table, size: int) -> Iterator[pa.Table]:
    """Yield the table in slices of at most `size` rows; nothing for an empty table."""
    for start in range(0, table.num_rows, size):
        yield table.slice(start, size)
