"""Writing big text files without a loop over rows: columns are joined into lines and written as one buffer.

Belongs here: delimited text, NDJSON, zip members and their byte-for-byte repeatability.
Does not belong here: what the columns hold.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Part: TypeAlias = "str | pa.Array"
Columns: TypeAlias = "Mapping[str, str | pa.Array]"

_CHUNK = 200_000
_ZIP_TIME = (2026, 9, 1, 0, 0, 0)


def glue(*parts: Part) -> pa.Array:
    """Return the parts joined row by row; a null counts as empty text."""
    return pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement="")


def height(columns: Columns) -> int:
    """Return the number of rows of columns of which at least one is an array."""
    return next(len(part) for part in columns.values() if not isinstance(part, str))


def take(columns: Columns, index: pa.Array) -> dict[str, Part]:
    """Return those rows of the columns; constants stay constants."""
    return {name: part if isinstance(part, str) else part.take(index) for name, part in columns.items()}


def write_lines(handle: BinaryIO, parts: Sequence[Part], rows: int, encoding: str = "utf-8") -> None:
    """Write `rows` lines made of the parts (which hold their own line ends), in chunks."""
    for start in range(0, rows, _CHUNK):
        size = min(_CHUNK, rows - start)
        lines = glue(*[part if isinstance(part, str) else part.slice(start, size) for part in parts])
        data = lines.buffers()[2]
        if data is None:
            continue
        handle.write(memoryview(data) if encoding == "utf-8" else str(data.to_pybytes(), "utf-8").encode(encoding))


@dataclass(frozen=True)
class Dialect:
    """How a system writes delimited files; `bom` puts a UTF-8 byte order mark first."""

    delimiter: str = ","
    newline: str = "\n"
    encoding: str = "utf-8"
    bom: bool = False


PLAIN = Dialect()


def write_table(handle: BinaryIO, columns: Columns, *, dialect: Dialect = PLAIN, bad_lines: Sequence[str] = ()) -> None:
    """Write a delimited file: header, the first half of the rows, the bad lines, the other half."""
    delimiter, newline, encoding = dialect.delimiter, dialect.newline, dialect.encoding
    handle.write((b"\xef\xbb\xbf" if dialect.bom else b"") + (delimiter.join(columns) + newline).encode(encoding))
    rows = height(columns)
    parts: list[Part] = []
    for part in columns.values():
        parts += [part if isinstance(part, str) else quoted(part, delimiter), delimiter]
    parts[-1] = newline
    half = rows // 2
    write_lines(handle, _slice(parts, 0, half), half, encoding)
    handle.write("".join(line + newline for line in bad_lines).encode(encoding))
    write_lines(handle, _slice(parts, half, rows - half), rows - half, encoding)


def _slice(parts: Sequence[Part], start: int, size: int) -> list[Part]:
    return [part if isinstance(part, str) else part.slice(start, size) for part in parts]


def quoted(values: pa.Array, delimiter: str) -> pa.Array:
    """Return values with those that hold a delimiter or a quote put in quotes."""
    needs = pc.fill_null(pc.match_substring_regex(values, f'[{delimiter}"\\r\\n]'), False)
    if not pc.any(needs).as_py():
        return values
    return pc.if_else(needs, glue('"', pc.replace_substring(values, '"', '""'), '"'), values)


def table_bytes(columns: Columns, bad_lines: Sequence[str] = ()) -> bytes:
    """Return the bytes `write_table` writes."""
    handle = BytesIO()
    write_table(handle, columns, bad_lines=bad_lines)
    return handle.getvalue()


def save_table(path: Path, columns: Columns, *, dialect: Dialect = PLAIN, bad_lines: Sequence[str] = ()) -> None:
    """Write a delimited file at `path`, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        write_table(handle, columns, dialect=dialect, bad_lines=bad_lines)


def save_zip(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a zip whose bytes depend on the members only (fixed times, sorted names)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            archive.writestr(info, members[name], compresslevel=1)
