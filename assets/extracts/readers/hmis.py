"""Reader for HMIS CSV exports: one zip, or the CSV files side by side, described by their own `Export.csv`.

An export of another fiscal year than the accepted ones, or with hashed identifiers (nothing in it can be
linked), is refused with the remedy. Columns are found by name, since exports of one year already differ in
order and case. A row with a `DateDeleted` is withdrawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.delivery import WITHDRAWN, Delivery, DeliveryError, Limits, TablePart, Tally
from assets.extracts.readers import cells, delimited
from assets.extracts.readers.delimited import Style
from assets.extracts.readers.generic import asked_of, delimited_part, mode_of, style_of
from assets.extracts.readers.header import Asked
from assets.extracts.readers.members import Member, members_of, seen
from assets.extracts.readers.text import inspect
from assets.extracts.standards import Standard, StandardTable, describe
from mou_policies.model import SourcePolicy

_STANDARD = "hmis-csv-2026"
_YEAR = re.compile(r"(?:FY)?(20\d\d)(?:\s*v?[\d.]+)?", re.IGNORECASE)


def open_export(source: SourcePolicy, files: Sequence[Path], limits: Limits) -> Delivery:
    """Open one HMIS export. Raises DeliveryError for a wrong version, hashed names or a missing file."""
    standard = describe(_STANDARD)
    export = _Export(whole(files), by_name(members_of(files, limits)), source, standard, limits)
    _judge_version(export)
    parts = [part for table in tables_in_order(source, standard) if (part := _part(export, table)) is not None]
    if not parts:
        raise DeliveryError(export.name, "no file of any table of the agreement", "deliver the complete export")
    return Delivery(seen(files), mode_of(source, "full"), parts, limits)


@dataclass(frozen=True)
class _Export:
    """One export: its name for people, its files by lower-case name, and how it is to be read."""

    name: str
    members: Mapping[str, Member]
    source: SourcePolicy
    standard: Standard
    limits: Limits


def whole(files: Sequence[Path]) -> str:
    """Return the name under which a delivery as a whole is told of: that of its first file."""
    return files[0].name if files else "delivery"


def by_name(members: Sequence[Member]) -> dict[str, Member]:
    """Return the members by lower-case name. Raises DeliveryError when two exports lie side by side."""
    found: dict[str, Member] = {}
    for member in members:
        if member.name.lower() in found:
            what = f"{member.name} is delivered twice"
            raise DeliveryError(member.shown, what, "put each export in a dated folder of its own")
        found[member.name.lower()] = member
    return found


def tables_in_order(source: SourcePolicy, standard: Standard) -> list[StandardTable]:
    """Return the agreement's tables in the standard's order. Raises DeliveryError for one it lacks."""
    unknown = [name for name in source.tables if name not in standard.tables]
    if unknown:
        what = f"{', '.join(unknown)} is not a table of {standard.title}"
        raise DeliveryError(source.agreement_file, what, "use the standard's own table names")
    return [table for name, table in standard.tables.items() if name in source.tables]


def _judge_version(export: _Export) -> None:
    facts = export.standard.facts
    names = facts["version_table"]
    member = export.members.get(names["file"].lower())
    if member is None:
        what = f"{names['file']} is missing, which says what the export is"
        raise DeliveryError(export.name, what, "deliver the complete export")
    columns = (names["version"], names["hash_status"])
    first = first_row(member, columns, style_of(export.source), export.limits)
    year = _YEAR.fullmatch(first.get(names["version"]) or "")
    accepted = " or ".join(facts["accepted_years"])
    if year is None or year[1] not in facts["accepted_years"]:
        found = f"is of fiscal year {year[1]}" if year else "says no fiscal year that can be read"
        what = f"{names['version']} {found}, expected {accepted}"
        raise DeliveryError(member.shown, what, "export it again in HMIS CSV 2026")
    if first.get(names["hash_status"]) != facts["unhashed"]:
        what = f"{names['hash_status']} is not {facts['unhashed']}: hashed names and SSN cannot be linked"
        raise DeliveryError(member.shown, what, "export it again unhashed, as the agreement provides")


def first_row(member: Member, required: tuple[str, ...], style: Style, limits: Limits) -> dict[str, str | None]:
    """Return the named columns of the first row of a file. Raises DeliveryError when it has no row."""
    text = inspect(member, limits)
    layout = delimited.lay_out(text, Asked(required, required), style, limits)
    tally = Tally(member.shown, member.name, limits.max_problems)
    for table in delimited.read_rows(text, layout, style, tally, limits):
        row: dict[str, str | None] = table.select(list(required)).slice(0, 1).to_pylist()[0]
        return row
    raise DeliveryError(member.shown, "holds no row", "deliver the complete export")


def _part(export: _Export, described: StandardTable) -> TablePart | None:
    table = export.source.tables[described.name]
    member = export.members.get(str(described.file).lower())
    if member is None:
        if table.optional:
            return None
        what = f"{described.file} is missing"
        raise DeliveryError(export.name, what, "deliver the complete export, or mark the table optional")
    deleted = export.standard.facts["withdrawn_column"]
    asked = asked_of(table, described.required)
    inner = replace(asked, also=(deleted,), aliases=described.aliases)
    part = delimited_part(member, table.table, inner, style_of(export.source), export.limits)
    return replace(part, read=lambda tally: _marked(part, tally, table.wanted, deleted))


def _marked(part: TablePart, tally: Tally, wanted: Sequence[str], deleted: str) -> Iterator[pa.Table]:
    for rows in part.read(tally):
        yield cells.in_order(rows.append_column(WITHDRAWN, pc.is_valid(rows[deleted])), wanted)
