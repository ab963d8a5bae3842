"""A delivery: the files of one source in one landing folder, opened for reading table by table.

This is the seam between the readers (`assets.extracts.readers`, one for each standard) and the load step.
Here are the shapes only: no format is known here, and no object of this module but `Batch` holds a value.

Who checks what:

- **Readers** judge files and the shape of rows: archive and text safety, versions, headers (missing or
  repeated columns that the agreement names), encodings, rows with too few or too many cells, damaged quotes,
  lines that are no JSON, the standard's own rules of transport (OneRoster bulk and delta), what is withdrawn.
- **The load step** judges what rows say together or mean: missing keys, repeated keys, orphans, dates,
  exclusions.

A file that cannot be trusted as a whole raises `DeliveryError`: tonight's load of that source stops, the
files stay. A row that cannot be used becomes a `Problem` and the rest is read. Neither ever holds a value: a
column's *name* is told only if the agreement or the standard names it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal

import pyarrow as pa

from mou_policies.model import SourcePolicy

ROW = "__row"
"""Name of the batch column with the row's number (int64), as `Batch` defines it."""

WITHDRAWN = "__withdrawn"
"""Name of the optional batch column (bool): the agency says that the row no longer holds."""

Mode = Literal["full", "delta"]


class Reason(StrEnum):
    """Why a row was not used. A closed list: a reason never quotes what the row holds."""

    # found by readers
    TOO_FEW_CELLS = "fewer cells than the header"
    TOO_MANY_CELLS = "more cells than the header"
    STRAY_QUOTE = "a quotation mark opens a cell and closes in a later row"
    CUT_SHORT = "the file ends inside this row"
    NOT_TEXT = "bytes that are not text in the file's encoding"
    NUL_BYTE = "a NUL byte"
    WRONG_LENGTH = "not the record length of the layout"
    NOT_JSON = "not a JSON object"
    OTHER_TYPE = "a resource of another type than its file"
    NO_REFERENCE = "no reference to a person's record that can be resolved"
    STATUS_IN_BULK = "a status that only a delta file can have, in a bulk file"
    NO_STATUS_IN_DELTA = "status or dateLastModified missing in a delta file"
    # found by the load step
    MISSING_KEY = "missing key"
    DUPLICATE_KEY = "duplicate key"
    ORPHAN = "refers to a row that is not there"
    MISSING_VALUE = "missing a required value"
    BAD_DATE = "not a date in the agreed form"


@dataclass(frozen=True)
class Problem:
    """One row that was not used: where and why, never what it holds. `row` is numbered as in `Batch`."""

    file: str
    table: str
    row: int | None
    column: str | None
    reason: str


class DeliveryError(Exception):
    """A delivery that cannot be used at all. Its text is one line: file, what was found, what to do."""

    def __init__(self, file: str, what: str, remedy: str) -> None:
        super().__init__(f"{file}: {what}; {remedy}")
        self.file = file
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True)
class Limits:
    """What a reader accepts before it refuses a delivery. Sizes in bytes.

    `max_ratio` (uncompressed to compressed) is judged only for archive members above `ratio_from`, since
    small files of repeated codes compress very well. A text row may be as long as `max_row_bytes`. More than
    `max_problems` unusable rows in a table mean that the file is not what the agreement describes.
    """

    max_file_bytes: int = 64 << 30
    max_archive_members: int = 1_000
    max_uncompressed_bytes: int = 64 << 30
    max_ratio: int = 250
    ratio_from: int = 64 << 20
    max_row_bytes: int = 1 << 20
    max_columns: int = 4_000
    max_row_group_bytes: int = 512 << 20
    max_problems: int = 100_000
    batch_rows: int = 65_536


@dataclass(frozen=True)
class FileSeen:
    """A file of the delivery: its name, its size in bytes, and (worked out when asked for) its SHA-256."""

    name: str
    bytes: int
    path: Path = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hex, read in pieces."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class Batch:
    """At most `Limits.batch_rows` usable rows of one table from one file.

    `rows` has every wanted column of the table as string (trimmed; empty or absent -> null), `__row` (int64),
    and where the standard can say so `__withdrawn` (bool, no nulls). A withdrawn row may hold its key alone.
    `__row` counts records from 1, the header included, so that it is the row a spreadsheet shows: a record
    whose quoted cells hold line breaks counts once, and so does every line before the header and every blank
    line. In files without a header (NDJSON, fixed width) it is the line, in Parquet the row from 1.
    """

    table: str
    file: str
    rows: pa.Table


class Tally:
    """What reading one table of one file has found so far; readers write it, `Delivery` shows it."""

    def __init__(self, file: str, table: str, max_problems: int) -> None:
        self.file = file
        self.table = table
        self.rows_read = 0
        self.problems: list[Problem] = []
        self.unnamed_columns: list[str] = []
        self.absent_columns: list[str] = []
        self._max_problems = max_problems

    def reject(self, rows: Sequence[int], reason: Reason, column: str | None = None) -> None:
        """Quarantine the rows with these numbers. Raises DeliveryError when they have become too many."""
        if len(self.problems) + len(rows) > self._max_problems:
            raise DeliveryError(
                self.file,
                f"more than {self._max_problems} rows of {self.table} cannot be used, the last: {reason}",
                "compare the file with its agreement (delimiter, encoding, layout) and deliver it again",
            )
        self.problems += [Problem(self.file, self.table, row, column, reason) for row in rows]


@dataclass(frozen=True)
class TablePart:
    """The rows of one table in one file; `read` streams the usable ones and fills the tally."""

    table: str
    file: str
    read: Callable[[Tally], Iterator[pa.Table]]


class Delivery:
    """One source's files of one landing folder, opened. Holds no open file between calls.

    `files` are the files as they landed; `mode` says whether the delivery is the whole of the source (`full`:
    what is not there is gone) or what changed (`delta`); `tables` are the tables that were *delivered*, those
    with persons first (a table that was not delivered is absent here, which is not the same as empty).
    """

    def __init__(
        self, files: Sequence[FileSeen], mode: Mode, parts: Sequence[TablePart], limits: Limits | None = None
    ) -> None:
        self.files = list(files)
        self.mode: Mode = mode
        self._parts = list(parts)
        self._limits = limits or Limits()
        self._tallies: dict[tuple[str, str], Tally] = {}
        self.tables: tuple[str, ...] = tuple(dict.fromkeys(part.table for part in parts))

    def batches(self, table: str) -> Iterator[Batch]:
        """Stream the usable rows of `table`, file by file. Reading again starts its counts again.

        Raises DeliveryError when a file turns out to be unusable part-way; what was read before is then void.
        """
        for part in self._parts:
            if part.table != table:
                continue
            tally = Tally(part.file, table, self._limits.max_problems)
            self._tallies[part.file, table] = tally
            for rows in part.read(tally):
                yield Batch(table, part.file, rows)

    @property
    def problems(self) -> list[Problem]:
        """Rows quarantined so far, in the order they were met."""
        return [problem for tally in self._tallies.values() for problem in tally.problems]

    @property
    def rows_read(self) -> dict[tuple[str, str], int]:
        """Rows met so far, usable or not, by (file, table)."""
        return {place: tally.rows_read for place, tally in self._tallies.items()}

    @property
    def unnamed_columns(self) -> Mapping[tuple[str, str], list[str]]:
        """Columns that nobody asked for, by (file, table); told only of files whose header was recognised."""
        return {place: tally.unnamed_columns for place, tally in self._tallies.items() if tally.unnamed_columns}

    @property
    def absent_columns(self) -> Mapping[tuple[str, str], list[str]]:
        """Columns that the agreement names and the file lacks, by (file, table); they are read as empty."""
        found = self._tallies.items()
        return {place: tally.absent_columns for place, tally in found if tally.absent_columns}


def open_delivery(source: SourcePolicy, files: Sequence[Path], limits: Limits | None = None) -> Delivery:
    """Open the `files` of one landing folder with the reader of the source's standard.

    Everything that can be judged before the first row is judged here: archives, versions, headers, encodings.
    Raises DeliveryError when the delivery cannot be used.
    """
    from assets.extracts.readers import reader_of  # noqa: PLC0415  (readers are built on this module)

    return reader_of(source.standard)(source, files, limits or Limits())
