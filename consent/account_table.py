"""An account of disclosures as a table: its columns, its cells in plain words, and as CSV.

What belongs here: which column shows what of a line, for one law or for the hub's own list. What does not: which lines
there are (`accounting`), the page (`account_page`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from consent.accounting import Column, Law, Line

NOT_LEGAL_ADVICE = "Not legal advice."

_STATES = {"query": "answered", "return": "handed over"}


def state_of(line: Line) -> str:
    """Return what became of a line's act: one that was recorded and never appeared says so."""
    if not line.published:
        return "recorded, not published"
    return _STATES.get(line.kind, "published")


_CELLS: Mapping[str, Callable[[Line], str]] = {
    "date": lambda line: line.date.isoformat(),
    "party": lambda line: f"{line.party} ({line.contact})" if line.contact else line.party,
    "interest": lambda line: line.interest,
    "records": lambda line: line.records,
    "authority": lambda line: line.authority,
    "required": lambda line: line.because,
    "act": lambda line: f"{line.kind} {line.act}",
    "state": state_of,
}

OWN: Sequence[Column] = (
    Column("act", "Act", ""),
    Column("state", "State", ""),
    Column("required", "Account by law", ""),
)
"""The columns that every account has after those its law asks for."""

LIST: Sequence[Column] = (
    Column("date", "Date", ""),
    Column("party", "Recipient", ""),
    Column("interest", "Purpose", ""),
    Column("records", "Owner, source, field classes (form)", ""),
    Column("authority", "Agreement, exception", ""),
)
"""The columns of the hub's own list, which serves no law in particular."""


def columns(law: Law | None) -> tuple[Column, ...]:
    """Return the columns of an account: the law's own first."""
    return (*(law.columns if law else LIST), *OWN)


def cells(line: Line, law: Law | None) -> list[str]:
    """Return a line's cells in the order of `columns`."""
    return [_CELLS[column.name](line) for column in columns(law)]


def to_csv(lines: Sequence[Line], law: Law | None) -> str:
    """Return an account as CSV (RFC 4180); no cell is taken for a formula by a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([f"{column.heading} ({column.cite})" if column.cite else column.heading for column in columns(law)])
    writer.writerows([_harmless(cell) for cell in cells(line, law)] for line in lines)
    return text.getvalue()


def _harmless(value: str) -> str:
    return f"'{value}" if value[:1] in set("=+-@\t\r") else value
