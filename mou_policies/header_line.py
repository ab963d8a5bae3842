"""The columns of a delimited file, from its first line alone: not one byte after that line is read.

For drafts, where somebody lists the columns of an export. A first line that is no header may hold a person's record,
so nothing of a line that does not look like one is told.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

MAX_BYTES = 65_536
DELIMITERS = (",", ";", "\t", "|")

_COLUMN = re.compile(r"(?=.*[^\W\d_])[\w .()/#%-]{1,80}")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


class HeaderError(Exception):
    """A first line that cannot be taken for a header: what is wrong and what to do, and never a word of the line."""


def columns_of(file: Path) -> tuple[str, ...]:
    """Return the columns that the first line of a file names. Raises HeaderError where it is no header."""
    cells = [cell.strip() for cell in _cells(_first_line(file), file)]
    for number, cell in enumerate(cells, 1):
        if not _COLUMN.fullmatch(cell) or _DATE.search(cell):
            raise HeaderError(f"{file.name}: cell {number} of the first line is no column name; deliver a header line")
        if cells.index(cell) < number - 1:
            raise HeaderError(f"{file.name}: cells {cells.index(cell) + 1} and {number} of the header are the same")
    return tuple(cells)


def _first_line(file: Path) -> str:
    try:
        with file.open("rb", buffering=0) as stream:
            data = stream.readline(MAX_BYTES)
    except OSError as error:
        raise HeaderError(f"{file.name}: cannot be read ({error.strerror}); check its path and rights") from None
    if len(data) == MAX_BYTES:
        raise HeaderError(f"{file.name}: the first line has more than {MAX_BYTES:,} bytes; name a csv file") from None
    try:
        return data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise HeaderError(f"{file.name}: the first line is not UTF-8; save the header line as UTF-8") from None


def _cells(line: str, file: Path) -> list[str]:
    """Return the cells under the delimiter that gives most of them."""
    try:
        rows = [next(csv.reader([line], delimiter=delimiter, strict=True), []) for delimiter in DELIMITERS]
    except csv.Error:
        raise HeaderError(f"{file.name}: the first line has an open quote; name a csv file with a header") from None
    found = max(rows, key=len)
    if not any(found):
        raise HeaderError(f"{file.name}: the first line is empty; name a csv file with a header line")
    return found
