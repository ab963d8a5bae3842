"""The matrix as a sheet: one line a field, plain words in every cell, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io

from mou_policies.matrix.rows import USES, Matrix, Row

COLUMNS = (
    "source", "table", "field", "class", "means", "safe_harbor", "ferpa", "ceds",
    *(f"{use}{part}" for use in USES for part in ("", "_how_or_why", "_clauses")),
    "note",
)  # fmt: skip


def sheet(found: Matrix) -> str:
    """Return the matrix as CSV (RFC 4180) with the columns COLUMNS."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_line(row) for section in found.sections for row in section.rows)
    return text.getvalue()


def _line(row: Row) -> list[str]:
    line = [*row.ref, row.cls, row.means, row.safe_harbor, row.ferpa, row.ceds]
    for use in USES:
        cell = row.cells.get(use)
        line += [cell.answer, "; ".join(cell.lines), "; ".join(cell.clauses)] if cell else ["", "", ""]
    return [_harmless(value) for value in (*line, row.note)]


def _harmless(value: str) -> str:
    """Return a text that no spreadsheet takes for a formula: what opens like one gets an apostrophe before it."""
    return f"'{value}" if value[:1] in set("=+-@\t\r") else value
