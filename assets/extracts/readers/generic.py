"""Readers for `csv` and `parquet`: tables, file names and columns are whatever the agreement says.

A file belongs to the table whose `files` patterns match its name; of a source with one table and no
patterns of its own, every file does. Zip archives of delimited files are read as if their members lay in
the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import pyarrow as pa

from assets.extracts.delivery import Delivery, DeliveryError, Limits, Mode, TablePart, Tally
from assets.extracts.readers import cells, columnar, delimited
from assets.extracts.readers.delimited import Layout, Style
from assets.extracts.readers.header import Asked
from assets.extracts.readers.members import Member, members_of, seen
from assets.extracts.readers.text import Text, inspect
from mou_policies.model import SourcePolicy, TablePolicy


def open_csv(source: SourcePolicy, files: Sequence[Path], limits: Limits) -> Delivery:
    """Open delimited files. Raises DeliveryError when one is no text or lacks a column it must have."""
    style = style_of(source)
    parts = [
        delimited_part(member, table.table, asked_of(table), style, limits)
        for member, table in _assigned(source, members_of(files, limits))
    ]
    return Delivery(seen(files), mode_of(source, "delta"), parts, limits)


def open_parquet(source: SourcePolicy, files: Sequence[Path], limits: Limits) -> Delivery:
    """Open Parquet files. Raises DeliveryError when one is damaged or lacks a column it cannot do without."""
    parts = []
    for member, table in _assigned(source, members_of(files, limits)):
        if member.inside is not None:
            raise DeliveryError(member.shown, "a Parquet file inside an archive", "deliver it unpacked")
        asked = asked_of(table)
        columnar.check(member, asked, limits)
        parts.append(TablePart(table.table, member.shown, partial(_parquet_rows, member, asked, source, limits)))
    return Delivery(seen(files), mode_of(source, "delta"), parts, limits)


def _parquet_rows(
    member: Member, asked: Asked, source: SourcePolicy, limits: Limits, tally: Tally
) -> Iterator[pa.Table]:
    style = style_of(source)
    for rows in columnar.read_rows(member, asked, tally, limits):
        yield cells.in_order(cells.with_nulls(rows, style.nulls), asked.wanted)


def delimited_part(member: Member, table: str, asked: Asked, style: Style, limits: Limits) -> TablePart:
    """Return the part of a delivery that a delimited file is, its text and header checked."""
    text = inspect(member, limits, style.encoding)
    layout = delimited.lay_out(text, asked, style, limits)
    return TablePart(table, member.shown, partial(_rows, _File(text, layout, asked, style, limits)))


@dataclass(frozen=True)
class _File:
    """A delimited file that is understood, ready to be read."""

    text: Text
    layout: Layout
    asked: Asked
    style: Style
    limits: Limits


def _rows(file: _File, tally: Tally) -> Iterator[pa.Table]:
    for rows in delimited.read_rows(file.text, file.layout, file.style, tally, file.limits):
        yield cells.in_order(rows, file.asked.columns)


def asked_of(table: TablePolicy, required: Sequence[str] = ()) -> Asked:
    """Return what an agreement asks of a table's header.

    The file must have the key, the record column, every column by which rows are excluded (or nothing could
    be excluded), the fields marked required, and what the standard requires.
    """
    own = (*table.key, *([table.record] if table.record else []), *(e.field for e in table.excludes))
    marked = (f.field for f in table.fields if f.required and f.use != "none")
    denied = tuple(f.field for f in table.fields if f.use == "none")
    return Asked(table.wanted, tuple(dict.fromkeys((*own, *marked, *required))), denied=denied)


def style_of(source: SourcePolicy) -> Style:
    """Return how the agreement says the source's files are written."""
    options = source.options
    delimiter, quote, nulls = options.get("delimiter"), options.get("quote"), options.get("nulls")
    skipped = options.get("skip_lines")
    return Style(
        delimiter=delimiter if isinstance(delimiter, str) else None,
        quote=quote if isinstance(quote, str) else '"',
        skip_lines=skipped if isinstance(skipped, int) else 0,
        nulls=tuple(nulls) if isinstance(nulls, tuple | list) else (),
        encoding=encoding_of(source),
    )


def encoding_of(source: SourcePolicy) -> str | None:
    """Return the encoding that the agreement states, if it states one."""
    declared = source.options.get("encoding")
    return declared if isinstance(declared, str) else None


def mode_of(source: SourcePolicy, otherwise: Mode) -> Mode:
    """Return whether the agreement calls a delivery full or delta, `otherwise` when the standard decides."""
    if source.delivery == "full":
        return "full"
    return "delta" if source.delivery == "delta" else otherwise


def _assigned(source: SourcePolicy, members: Sequence[Member]) -> list[tuple[Member, TablePolicy]]:
    """Return each file with its table, tables in the agreement's order, those with link fields first."""
    found: list[tuple[Member, TablePolicy]] = []
    for member in members:
        tables = [t for t in source.tables.values() if _claims(t, member, alone=len(source.tables) == 1)]
        if len(tables) > 1:
            names = " and ".join(t.table for t in tables)
            raise DeliveryError(member.shown, f"matches the files of {names}", "make their patterns tell apart")
        found += [(member, table) for table in tables]
    order = {name: (not table.link_fields, place) for place, (name, table) in enumerate(source.tables.items())}
    found.sort(key=lambda pair: order[pair[1].table])
    _require_tables(source, {table.table for _, table in found})
    return found


def _claims(table: TablePolicy, member: Member, *, alone: bool) -> bool:
    if not table.files:
        return alone
    return any(fnmatchcase(member.name, pattern) for pattern in table.files) or (
        member.inside is not None and any(fnmatchcase(member.path.name, pattern) for pattern in table.files)
    )


def _require_tables(source: SourcePolicy, delivered: set[str]) -> None:
    """Refuse a full delivery that lacks a table which is not optional, and any delivery without a table."""
    lacking = [t.table for t in source.tables.values() if t.table not in delivered and not t.optional]
    if not delivered or (lacking and source.delivery == "full"):
        what = f"no file for table {', '.join(lacking or source.tables)}"
        raise DeliveryError(source.agency, what, "deliver every file of the agreement, or mark the table optional")
