"""Reader for FHIR R4 Bulk Data: newline-delimited JSON, a file a resource type, and bundles of deletions.

What a file holds is told by its first resources, by its name only where they cannot be read. Logs and types
that the agreement does not name are left alone. A line that is no JSON (the last one, when the file was
cut) is quarantined and the rest is read. A resource whose subject names no id (a conditional or logical
reference) is quarantined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.delivery import ROW, WITHDRAWN, Delivery, DeliveryError, Limits, Reason, TablePart, Tally
from assets.extracts.readers import cells
from assets.extracts.readers.flatten import LINE, NUMBER, STANDARD, TYPE, Flattener, columns_of
from assets.extracts.readers.generic import encoding_of, mode_of
from assets.extracts.readers.lines import Lines, lines_of
from assets.extracts.readers.members import Member, members_of, seen
from assets.extracts.readers.text import Text, inspect
from assets.extracts.standards import describe
from mou_policies.model import SourcePolicy

_SAMPLE = 1 << 20
_SAMPLED_LINES = 25


@dataclass(frozen=True)
class _Job:
    """One table of one file: which columns to hand on, which of them refers to the patient."""

    text: Text
    table: str
    wanted: tuple[str, ...]
    reference: str | None
    limits: Limits


def open_bulk(source: SourcePolicy, files: Sequence[Path], limits: Limits) -> Delivery:
    """Open the files of a bulk export. Raises DeliveryError when a file is no NDJSON or a type lacks."""
    standard = describe(STANDARD)
    _judge_agreement(source)
    with Flattener() as flattener:
        found = [
            (_kind(flattener, text), text)
            for member in members_of(files, limits)
            if member.size and (text := _text(member, source, limits))
        ]
    mode = mode_of(source, "delta")
    ordered = [name for name in standard.tables if name in source.tables]
    delivered = {kind for kind, _ in found}
    lacking = [t for t in ordered if t not in delivered and not source.tables[t].optional]
    if mode == "full" and lacking:
        what = f"no file of type {', '.join(lacking)}"
        raise DeliveryError(source.agency, what, "deliver the complete export, or mark the type optional")
    parts: list[TablePart] = []
    for name in ordered:
        if mode == "full" and name not in delivered:
            continue
        for kind, text in found:
            job = _Job(text, name, source.tables[name].wanted, _reference(name), limits)
            if kind == name:
                parts.append(TablePart(name, text.name, partial(_resources, job)))
            elif kind == standard.facts["deletions"]:
                parts.append(TablePart(name, text.name, partial(_deletions, job, name == ordered[0])))
    if not parts:
        what = "no file of any type that the agreement names"
        raise DeliveryError(source.agency, what, "deliver the export's NDJSON files")
    return Delivery(seen(files), mode, parts, limits)


def _judge_agreement(source: SourcePolicy) -> None:
    known = describe(STANDARD).tables
    for name, table in source.tables.items():
        if name not in known:
            what = f"{name} is not a resource type this reader knows"
            raise DeliveryError(source.agreement_file, what, f"name one of {', '.join(known)}")
        unknown = sorted(set(table.wanted) - set(columns_of(name)))
        if unknown:
            what = f"{', '.join(unknown)} is not a column of {name}"
            raise DeliveryError(source.agreement_file, what, "name the columns that the standard's description gives")


def _text(member: Member, source: SourcePolicy, limits: Limits) -> Text:
    return inspect(member, limits, encoding_of(source))


def _reference(table: str) -> str | None:
    described = describe(STANDARD).table(table)
    return described.record if described.record not in described.key else None


def _kind(flattener: Flattener, text: Text) -> str | None:
    """Return the resource type of a file, None for JSON lines that are no resources (a log)."""
    lines = [line for line in text.head(_SAMPLE).split("\n") if line.strip()][:_SAMPLED_LINES]
    kinds = flattener.types(pa.array(lines, pa.string())) if lines else [""]
    known = [kind for kind in kinds if kind is not None]
    if known:
        return next((kind for kind in known if kind), None)
    tables = "|".join(describe(STANDARD).tables)
    named = re.search(rf"(?<![A-Za-z])({tables})(?![A-Za-z])", text.name)
    if named is None:
        raise DeliveryError(text.name, "its first lines are no JSON", "deliver one JSON resource a line (NDJSON)")
    return named[1]


def _resources(job: _Job, tally: Tally) -> Iterator[pa.Table]:
    with Flattener() as flattener:
        for lines in lines_of(job.text, job.limits):
            objects = _objects(lines, flattener, job, tally)
            tally.rows_read += objects.num_rows
            rows = flattener.rows(job.table, job.wanted, objects)
            rows = _rejecting(rows, pc.equal(rows[TYPE], job.table), Reason.OTHER_TYPE, None, tally)
            if job.reference in job.wanted:
                known = pc.or_(pc.is_valid(rows[job.reference]), rows[WITHDRAWN])
                rows = _rejecting(rows, known, Reason.NO_REFERENCE, job.reference, tally)
            if rows.num_rows:
                yield from cells.cut(_finished(rows, job.wanted, tally), job.limits.batch_rows)


def _deletions(job: _Job, first: bool, tally: Tally) -> Iterator[pa.Table]:
    """Stream what bundles delete of one type; lines that are no JSON count for the `first` type only."""
    unheard = tally if first else Tally(tally.file, tally.table, job.limits.max_problems)
    with Flattener() as flattener:
        for lines in lines_of(job.text, job.limits):
            gone = flattener.deletions(job.table, _objects(lines, flattener, job, unheard))
            tally.rows_read += gone.num_rows
            if gone.num_rows:
                yield from cells.cut(_finished(gone, job.wanted, tally), job.limits.batch_rows)


def _objects(lines: Lines, flattener: Flattener, job: _Job, tally: Tally) -> pa.Table:
    """Return the lines (row, line) that hold a JSON object; the others are counted and quarantined."""
    text = cells.decoded({LINE: lines.text}, lines.numbers, tally, job.text.flaws, whole_line=True)
    tally.rows_read += len(lines.numbers) - text.num_rows
    text = text.filter(pc.greater(pc.binary_length(pc.utf8_trim_whitespace(text[LINE])), 0))
    table = pa.table({NUMBER: text[ROW], LINE: text[LINE]})
    valid = flattener.valid(table)
    reason = Reason.CUT_SHORT if lines.unfinished else Reason.NOT_JSON
    kept = _rejecting(table, valid, reason, None, tally)
    tally.rows_read += table.num_rows - kept.num_rows
    return kept


def _rejecting(rows: pa.Table, good: pa.ChunkedArray, reason: Reason, column: str | None, tally: Tally) -> pa.Table:
    usable = pc.fill_null(good, False)
    if pc.all(usable).as_py() is not False:
        return rows
    tally.reject(rows.filter(pc.invert(usable))[NUMBER].to_pylist(), reason, column)
    return rows.filter(usable)


def _finished(rows: pa.Table, wanted: Sequence[str], tally: Tally) -> pa.Table:
    columns = {name: rows[name].combine_chunks() for name in wanted if name in rows.column_names}
    numbers = rows[NUMBER].to_numpy()
    table = cells.to_strings(columns, numbers, tally, cells.NUL)
    if table.num_rows < rows.num_rows:
        rows = rows.filter(pc.is_in(rows[NUMBER], value_set=table[ROW].combine_chunks()))
    return cells.in_order(table.append_column(WITHDRAWN, rows[WITHDRAWN]), wanted)
