"""Reader for IJE natality: fixed-width birth records, one a line, by the positions of the published layout.

Positions count characters; a record written in a multi-byte encoding whose *bytes* fill the layout is
recognised too. Dates that the layout keeps in three parts are handed on as one column (`IDOB`,
`YYYY-MM-DD`, null when any part is unknown), and the certificate as `CERT` (birth year, state, file
number). A voided record is withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.delivery import ROW, WITHDRAWN, Delivery, DeliveryError, Limits, Reason, TablePart, Tally
from assets.extracts.readers import cells
from assets.extracts.readers.generic import encoding_of, mode_of
from assets.extracts.readers.lines import lines_of
from assets.extracts.readers.members import members_of, seen
from assets.extracts.readers.text import Text, inspect
from assets.extracts.standards import Span, Standard, describe
from mou_policies.model import SourcePolicy

_STANDARD = "ije-natality"
_SAMPLE = 1 << 16
_LINE = "line"


def open_natality(source: SourcePolicy, files: Sequence[Path], limits: Limits) -> Delivery:
    """Open natality files. Raises DeliveryError for fields that IJE does not have and for other files."""
    standard = describe(_STANDARD)
    table = _only_table(source, standard)
    parts = []
    for member in members_of(files, limits):
        text = inspect(member, limits, encoding_of(source))
        _recognise(text, standard)
        read = partial(_rows, text, source.tables[table].wanted, standard, limits)
        parts.append(TablePart(table, member.shown, read))
    return Delivery(seen(files), mode_of(source, "delta"), parts, limits)


def _only_table(source: SourcePolicy, standard: Standard) -> str:
    name = next(iter(source.tables))
    if len(source.tables) > 1:
        raise DeliveryError(source.agreement_file, "natality has one table", "name only births")
    facts = standard.facts
    known = {*standard.layout, *facts["composite_dates"], *facts["composite_ids"]}
    unknown = [field for field in source.tables[name].wanted if field not in known]
    if unknown:
        what = f"{', '.join(unknown)} is not a field of the natality layout"
        raise DeliveryError(source.agreement_file, what, "use the names of the IJE layout")
    return name


def _recognise(text: Text, standard: Standard) -> None:
    """Refuse a file whose first line is no natality record: another layout, or text with a header."""
    first = text.head(_SAMPLE).split("\n", 1)[0].rstrip("\r\n")
    year = standard.layout["IDOB_YR"]
    found = first[year.start - 1 : year.end]
    shortest, longest = int(standard.facts["shortest_record"]), int(standard.facts["record_length"])
    fits = len(first) <= longest or len(first.encode()) == longest
    if not (shortest <= len(first) and fits and found.isdigit()):
        what = f"the first line is no natality record ({len(first)} characters, expected {longest})"
        raise DeliveryError(text.name, what, "deliver the IJE natality file as the state's system exports it")


def _rows(text: Text, wanted: tuple[str, ...], standard: Standard, limits: Limits, tally: Tally) -> Iterator[pa.Table]:
    always_full = False
    for lines in lines_of(text, limits):
        table = cells.decoded({_LINE: lines.text}, lines.numbers, tally, text.flaws, whole_line=True)
        tally.rows_read += len(lines.numbers) - table.num_rows  # those that were no text
        records = _stripped(table)
        tally.rows_read += records.num_rows
        usable, shorter = _fitting(records, standard)
        if lines.unfinished and always_full:
            usable &= ~shorter
        numbers = records[ROW].to_numpy()
        reason = Reason.CUT_SHORT if lines.unfinished and shorter.any() else Reason.WRONG_LENGTH
        tally.reject(numbers[~usable].tolist(), reason)
        always_full = not shorter.any()
        good = records.filter(pa.array(usable))
        if good.num_rows:
            yield _fields(good[_LINE].combine_chunks(), numbers[usable], wanted, standard, tally)


def _stripped(table: pa.Table) -> pa.Table:
    """Return the lines that hold anything, without their line ends."""
    lines = pc.utf8_rtrim(table[_LINE], "\r\n\x1a")
    return pa.table({_LINE: lines, ROW: table[ROW]}).filter(pc.greater(pc.binary_length(lines), 0))


def _fitting(records: pa.Table, standard: Standard) -> tuple[np.ndarray, np.ndarray]:
    """Return which records have a length that the layout allows, and which are shorter than the layout."""
    shortest, full = int(standard.facts["shortest_record"]), int(standard.facts["record_length"])
    characters = _numbers(pc.utf8_length(records[_LINE]))
    in_bytes = _numbers(pc.binary_length(records[_LINE])) == full
    return ((characters >= shortest) & (characters <= full)) | in_bytes, (characters < full) & ~in_bytes


def _numbers(values: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(values.to_numpy(), dtype=np.int64)


def _fields(
    records: pa.Array, numbers: np.ndarray, wanted: Sequence[str], standard: Standard, tally: Tally
) -> pa.Table:
    """Cut records into the wanted fields, composites included, and mark the voided ones."""
    facts = standard.facts
    full = int(facts["record_length"])
    dates, ids, void = facts["composite_dates"], facts["composite_ids"], facts["withdrawn"]
    parts = [f for name in wanted for f in (*dates.get(name, {}).values(), *ids.get(name, {}).get("parts", []))]
    plain = [name for name in (*wanted, *parts, void["field"]) if name in standard.layout]
    cutter = _Cutter(records, full)
    raw = {name: cutter.cut(standard.layout[name]) for name in dict.fromkeys(plain)}
    table = cells.to_strings(raw, numbers, tally)
    columns = {name: table[name] for name in wanted if name in standard.layout}
    columns |= {name: _date(table, dates[name], facts["unknown_parts"]) for name in wanted if name in dates}
    columns |= {name: _identifier(table, ids[name]) for name in wanted if name in ids}
    voided = pc.fill_null(pc.equal(table[void["field"]], void["equals"]), False)
    return cells.in_order(pa.table({**columns, ROW: table[ROW], WITHDRAWN: voided}), wanted)


class _Cutter:
    """Cuts fields out of records, by bytes where bytes and characters agree or fill the layout."""

    def __init__(self, records: pa.Array, full: int) -> None:
        self._text, self._raw = records, records.cast(pa.binary())
        sizes = pc.binary_length(records)
        self._by_bytes = pc.or_(pc.equal(sizes, pc.utf8_length(records)), pc.equal(sizes, full))
        self._all = bool(pc.all(self._by_bytes).as_py())

    def cut(self, span: Span) -> pa.Array:
        """Return one field of every record, as binary."""
        bytewise = pc.binary_slice(self._raw, span.start - 1, span.end)
        if self._all:
            return bytewise
        by_character = pc.utf8_slice_codeunits(self._text, span.start - 1, span.end).cast(pa.binary())
        return pc.if_else(self._by_bytes, bytewise, by_character)


def _date(table: pa.Table, parts: Mapping[str, str], unknown: Sequence[str]) -> pa.ChunkedArray:
    """Return `YYYY-MM-DD` from three parts, null where a part is missing or a code for unknown."""
    known = []
    for part in ("year", "month", "day"):
        column = table[parts[part]]
        is_code = pc.is_in(column, value_set=pa.array(list(unknown), pa.string()))
        known.append(pc.if_else(is_code, pa.scalar(None, pa.string()), column))
    return pc.binary_join_element_wise(*known, "-")


def _identifier(table: pa.Table, composite: Mapping[str, Any]) -> pa.ChunkedArray:
    """Return the parts joined, null where any is missing."""
    return pc.binary_join_element_wise(*(table[part] for part in composite["parts"]), composite["separator"])
