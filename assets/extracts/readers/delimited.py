"""Delimited text (CSV and its kin), streamed: find the header, then the rows with their numbers.

Rows are parsed by `pyarrow.csv` in one thread and in blocks of `Limits.max_row_bytes`, which is therefore
the longest row. Every cell stays text: `00123`, `NA` and `Null` come out as they are. What is tolerated:
any order and case of columns, banner lines before the header, delimiters at the end of every line, blank
lines, all line ends, line breaks inside quotes. What is quarantined: rows with too few or too many cells,
quotes that close in a later row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from assets.extracts.delivery import DeliveryError, Limits, Reason, Tally
from assets.extracts.readers import cells
from assets.extracts.readers.header import Asked, Header, found_in, is_header, match, missing
from assets.extracts.readers.text import Text, Utf8Stream
from assets.extracts.standards import describe

_END = "\x1aend of the file\x1a"
_HEAD = 1 << 18


@dataclass(frozen=True)
class Style:
    """How an agreement says its files are written; None: found out by the rules of this module."""

    delimiter: str | None = None
    quote: str = '"'
    skip_lines: int = 0
    nulls: tuple[str, ...] = ()
    encoding: str | None = None


@dataclass(frozen=True)
class Layout:
    """A file understood: its delimiter, its header, the header's record number and where the rows start.

    `start` is a position in the text's UTF-8 bytes; `spare` counts cells without name that every row ends
    with.
    """

    delimiter: str
    header: Header
    record: int
    start: int
    spare: int


@dataclass(frozen=True)
class _Head:
    cells: list[str]
    record: int
    end: int


def lay_out(text: Text, asked: Asked, style: Style, limits: Limits) -> Layout:
    """Find delimiter and header. Raises DeliveryError when no row near the top names the required columns."""
    facts = describe("csv").facts
    within = int(facts["header_within_rows"])
    sample = text.head(_HEAD)
    tried = (style.delimiter,) if style.delimiter else _declared(sample) or tuple(facts["delimiters"])
    best: tuple[int, str, list[_Head]] | None = None
    for delimiter in tried:
        rows = _first_rows(sample, delimiter, style, within + 2)
        score = max((found_in(row.cells, asked) for row in rows[:within]), default=0)
        if best is None or score > best[0]:
            best = (score, delimiter, rows)
    assert best is not None  # noqa: S101  (there is always a delimiter to try)
    _, delimiter, rows = best
    for place, row in enumerate(rows[:within]):
        if is_header(row.cells, asked):
            if len(row.cells) > limits.max_columns:
                raise DeliveryError(text.name, f"more than {limits.max_columns} columns", "deliver fewer columns")
            header = match(text.name, row.cells, asked)
            return Layout(delimiter, header, row.record, row.end, _spare(rows[place + 1 :], header.width))
    nearest = max(rows[:within], key=lambda row: found_in(row.cells, asked), default=_Head([], 0, 0))
    raise missing(text.name, len(rows[:within]), asked.required or asked.wanted[:1], nearest.cells, asked)


def _declared(sample: str) -> tuple[str, ...]:
    """Return the delimiter that a spreadsheet declares in a first line `sep=;`, if there is one."""
    first = sample.split("\n", 1)[0].strip()
    return (first[4],) if len(first) == 5 and first.lower().startswith("sep=") else ()


def _first_rows(sample: str, delimiter: str, style: Style, count: int) -> list[_Head]:
    """Return the first rows of the sample (after `skip_lines`), with record number and end in UTF-8 bytes."""
    lines = list(io.StringIO(sample, newline=""))
    skipped = lines[: style.skip_lines]
    position = len("".join(skipped).encode())
    sizes = iter([len(line.encode()) for line in lines[style.skip_lines :]])
    reader = csv.reader(lines[style.skip_lines :], delimiter=delimiter, quotechar=style.quote)
    rows: list[_Head] = []
    used = 0
    try:
        for row in reader:
            position += sum(next(sizes) for _ in range(reader.line_num - used))
            used = reader.line_num
            rows.append(_Head(row, len(skipped) + len(rows) + 1, position))
            if len(rows) == count:
                break
    except csv.Error:  # a cell longer than the parser's limit: no header beyond this point
        pass
    return rows


def _spare(following: list[_Head], width: int) -> int:
    """Return 1 when the rows after the header all end with one empty cell more than the header, else 0."""
    filled = [row.cells for row in following if row.cells]
    return int(bool(filled) and all(len(row) == width + 1 and not row[-1].strip() for row in filled))


def read_rows(text: Text, layout: Layout, style: Style, tally: Tally, limits: Limits) -> Iterator[pa.Table]:
    """Stream the usable rows: every column of the layout's header places as string, and `__row`.

    Raises DeliveryError on a row longer than `Limits.max_row_bytes`, most often a quote that never closes.
    """
    tally.unnamed_columns = list(layout.header.unnamed)
    tally.absent_columns = list(layout.header.absent)
    yield from _Rows(text, layout, style, tally, limits).stream()


class _Rows:
    """One pass over the rows of one file."""

    def __init__(self, text: Text, layout: Layout, style: Style, tally: Tally, limits: Limits) -> None:
        self._text, self._layout, self._style, self._tally, self._limits = text, layout, style, tally, limits
        self._width = layout.header.width + layout.spare
        self._next = layout.record + 1
        self._invalid: list[tuple[int, Reason]] = []
        # A last row that cannot be missed: if it is not met as a row of its own, a quote is still open.
        self._marker = layout.delimiter * self._width + _END
        self._source = Utf8Stream(text, layout.start, self._marker.encode() + b"\n")
        self._end: int | None = None
        self._held: pa.RecordBatch | None = None

    def stream(self) -> Iterator[pa.Table]:
        for batch in self._parsed():
            if self._held is not None:
                yield from self._usable(self._held, last=False)
            self._held = batch
        if self._held is not None:
            yield from self._usable(self._held, last=True)
        self._count_invalid(None)

    def _parsed(self) -> Iterator[pa.RecordBatch]:
        names = [f"c{i}" for i in range(self._width)]
        try:
            yield from arrow_csv.open_csv(
                pa.PythonFile(self._source, mode="r"),
                arrow_csv.ReadOptions(use_threads=False, block_size=self._limits.max_row_bytes, column_names=names),
                arrow_csv.ParseOptions(
                    delimiter=self._layout.delimiter,
                    quote_char=self._style.quote,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=self._on_invalid,
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.binary()), null_values=[], strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            straddling = "straddling" in str(error)
        else:
            return
        if self._held is not None:
            self._numbers(self._held.num_rows)
        self._count_invalid(None)
        if not straddling:
            raise DeliveryError(self._text.name, "not readable as delimited text", "send it again")
        what = f"a row after row {self._next - 1} is longer than {self._limits.max_row_bytes} bytes"
        raise DeliveryError(self._text.name, what, "look there for a quotation mark that never closes")

    def _on_invalid(self, row: arrow_csv.InvalidRow) -> str:
        number = self._layout.record + row.number
        if row.text == self._marker:
            self._end = number
            return "skip"
        if _END in row.text:
            self._end = number + 1
        self._invalid.append((number, _reason(row)))
        return "skip" if len(self._invalid) <= self._limits.max_problems else "error"

    def _usable(self, batch: pa.RecordBatch, last: bool) -> Iterator[pa.Table]:
        rows = self._numbers(batch.num_rows)
        keep = ~self._empty(batch)
        stray = self._swallowing(batch) & keep
        if last and self._end is None and batch.num_rows:
            stray[-1] = keep[-1] = True
        self._tally.rows_read += int(keep.sum())
        self._tally.reject(rows[stray].tolist(), Reason.STRAY_QUOTE)
        keep &= ~stray
        if not keep.all():
            batch, rows = batch.filter(pa.array(keep)), rows[keep]
        if len(rows):
            places = self._layout.header.places
            columns = {name: batch.column(place) for name, place in places.items()}
            table = cells.to_strings(columns, rows, self._tally, self._text.flaws)
            yield from cells.cut(cells.with_nulls(table, self._style.nulls), self._limits.batch_rows)

    def _numbers(self, count: int) -> np.ndarray:
        """Return the record numbers of the next `count` good rows, leaving out the bad ones among them."""
        bad = np.array([number for number, _ in self._invalid], dtype=np.int64)
        candidates = np.arange(self._next, self._next + count + len(bad), dtype=np.int64)
        rows = candidates[~np.isin(candidates, bad)][:count] if len(bad) else candidates
        if count:
            self._next = int(rows[-1]) + 1
            self._count_invalid(self._next)
        return rows

    def _count_invalid(self, before: int | None) -> None:
        """Quarantine the misshapen rows met so far, those numbered below `before` (None: all)."""
        due = [(number, why) for number, why in self._invalid if before is None or number < before]
        self._invalid = self._invalid[len(due) :]
        if before is None and due and self._source.unfinished and due[-1] == (self._last, Reason.TOO_FEW_CELLS):
            due[-1] = (self._last, Reason.CUT_SHORT)
        self._tally.rows_read += len(due)
        for reason in dict.fromkeys(why for _, why in due):
            self._tally.reject([number for number, why in due if why is reason], reason)

    @property
    def _last(self) -> int:
        """Record number of the file's last row, 0 while it is not known."""
        return (self._end or 1) - 1

    def _empty(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return which rows hold nothing in any cell: blank lines and lines of delimiters are no rows."""
        empty = np.ones(batch.num_rows, dtype=bool)
        for column in batch.columns:
            if not empty.any():
                break
            empty &= np.asarray(pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False), dtype=bool)
        return empty

    def _swallowing(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return which rows have a cell that holds whole other rows, because of a stray quotation mark.

        A quote that opens in one row and closes k rows later leaves the number of cells as it should be
        exactly when the cell has k line breaks and k times the delimiters of a row. Rows of one cell cannot
        tell.
        """
        stray = np.zeros(batch.num_rows, dtype=bool)
        if self._width < 2:
            return stray
        for column in batch.columns:
            if not pc.any(pc.match_substring(column, "\n")).as_py():
                continue
            breaks = np.asarray(pc.count_substring(column, "\n"))
            delimiters = np.asarray(pc.count_substring(column, self._layout.delimiter))
            stray |= (breaks > 0) & (delimiters == breaks * (self._width - 1))
        return stray


def _reason(row: arrow_csv.InvalidRow) -> Reason:
    breaks = row.text.count("\n") + row.text.count("\r") - row.text.count("\r\n")
    if _END in row.text and breaks == 1:
        return Reason.CUT_SHORT
    if breaks:
        return Reason.STRAY_QUOTE
    return Reason.TOO_FEW_CELLS if row.actual_columns < row.expected_columns else Reason.TOO_MANY_CELLS
