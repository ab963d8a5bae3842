# ruff: noqa: S608  (the queries below are fixed; values are always parameters)
"""What a steward sees of a night, read from the book of nights: plain rows for the command line and the pages.

Every function takes the path of `nights.duckdb` and a date, and returns dataclasses in a stable order. Names,
counts, row numbers and reasons only; a value of a record cannot be here, because the book holds none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from assets.extracts.exclusions import VALUE_EXCLUDED
from assets.extracts.nights import open_nights

EXAMPLES = 5
"""How many row numbers are shown of each reason."""


@dataclass(frozen=True)
class FileSum:
    """One table of one file: read = loaded + quarantined + dropped by policy + dropped by consent."""

    source: str
    agency: str
    file: str
    table: str
    read: int
    loaded: int
    new: int
    changed: int
    unchanged: int
    withdrawn: int
    absent: int
    quarantined: int
    dropped_by_policy: int
    dropped_by_consent: int

    @property
    def adds_up(self) -> bool:
        """Whether every row read has one outcome."""
        return self.read == self.loaded + self.quarantined + self.dropped_by_policy + self.dropped_by_consent


@dataclass(frozen=True)
class QuarantineReason:
    """Why rows of one table of one file were not used: how many, and the first few row numbers."""

    source: str
    file: str
    table: str
    column: str | None
    reason: str
    rows: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True)
class PolicyDrop:
    """Rows dropped under a named policy, with the rule it rests on.

    `reason` is `VALUE_EXCLUDED` or `FLAG_NOT_READABLE` of `assets.extracts.exclusions`.
    """

    source: str
    file: str
    table: str
    policy: str
    rows: int
    cite: str
    reason: str = VALUE_EXCLUDED


@dataclass(frozen=True)
class TokenCount:
    """Records of a source that were made into tokens on a night, and those of them that no rule of linking can use."""

    source: str
    records: int
    unlinkable: int


@dataclass(frozen=True)
class RefusedSource:
    """A source that was not loaded, why, and what would mend it."""

    source: str
    agreement: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class ColumnCount:
    """A column: one that no agreement names (`rows` None), or one with values that could not be read."""

    source: str
    file: str
    table: str
    column: str
    rows: int | None = None


@dataclass(frozen=True)
class Freshness:
    """How new a source's newest loaded delivery is."""

    source: str
    newest_delivery: date
    last_loaded: date
    files: int


def file_sums(book: Path, night: date, source: str | None = None) -> list[FileSum]:
    """Return the counts of every file and table, by source, file and table."""
    columns = """source, agency, file, table_name, read, loaded, "new", changed, unchanged, withdrawn, absent,
                 quarantined, dropped_by_policy, dropped_by_consent"""
    query = f"select {columns} from file_counts"
    return [FileSum(*row) for row in _rows(book, query, night, source, order="1, 3, 4")]


def quarantine_reasons(book: Path, night: date, source: str | None = None) -> list[QuarantineReason]:
    """Return the reasons for quarantine with their counts and first row numbers, the most frequent first."""
    query = f"""
        select source, file, table_name, column_name, reason, count(*),
               list("row" order by "row")[1:{EXAMPLES}]
        from quarantine
    """
    rows = _rows(book, query, night, source, order="6 desc, 1, 2, 3, 4, 5", group="1, 2, 3, 4, 5")
    return [
        QuarantineReason(named, file, table, column, reason, count, tuple(first))
        for named, file, table, column, reason, count, first in rows
    ]


def policy_drops(book: Path, night: date, source: str | None = None) -> list[PolicyDrop]:
    """Return the rows dropped by each named policy and for which reason, by file and table."""
    query = f"""
        select source, file, table_name, policy, "rows", cite, coalesce(reason, '{VALUE_EXCLUDED}') from policy_drops
    """
    return [PolicyDrop(*row) for row in _rows(book, query, night, source, order="1, 2, 3, 4, 7 desc")]


def token_counts(book: Path, night: date, source: str | None = None) -> list[TokenCount]:
    """Return how many records of each source were made into tokens, and how many of these are unlinkable."""
    query = "select source, sum(records)::bigint, sum(unlinkable)::bigint from tokens"
    return [TokenCount(*row) for row in _rows(book, query, night, source, order="1", group="1")]


def refusals(book: Path, night: date, source: str | None = None) -> list[RefusedSource]:
    """Return the sources that were refused on that night."""
    query = "select source, agreement, reason, remedy from refusals"
    return [RefusedSource(*row) for row in _rows(book, query, night, source, order="1")]


def unread_columns(book: Path, night: date, source: str | None = None) -> list[ColumnCount]:
    """Return the columns that were delivered but that no agreement in force names."""
    query = "select source, file, table_name, column_name from unread_columns"
    return [ColumnCount(*row) for row in _rows(book, query, night, source, order="1, 2, 3, 4")]


def unparsed_values(book: Path, night: date, source: str | None = None) -> list[ColumnCount]:
    """Return how many values of each column could not be read and became empty."""
    query = 'select source, file, table_name, column_name, "rows" from unparsed'
    return [ColumnCount(*row) for row in _rows(book, query, night, source, order="1, 2, 3, 4")]


def columns_of_late(book: Path, which: Literal["unread_columns", "absent_columns"]) -> list[ColumnCount]:
    """Return the columns that no agreement named, or that were missing, when each table was delivered last."""
    if not book.exists():
        return []
    query = f"""
        with newest as (select source, table_name, max(night) as night from file_counts group by source, table_name)
        select source, file, table_name, column_name
        from {which} join newest using (source, table_name, night)
        order by source, table_name, column_name, file
    """
    with open_nights(book, read_only=True) as nights:
        known = {name for (name,) in nights.rows("select table_name from duckdb_tables()")}
        rows: list[tuple[Any, ...]] = nights.rows(query) if which in known else []
    return [ColumnCount(*row) for row in rows]


def unclaimed_files(book: Path, night: date) -> list[tuple[str, str]]:
    """Return (agency, file) of landing files that no agreement in force claims, as of the night's commit."""
    with open_nights(book, read_only=True) as nights:
        rows = nights.rows("select agency, file from unclaimed_files where night = ? order by 1, 2", [night])
    return [(str(agency), str(file)) for agency, file in rows]


def owners(book: Path) -> dict[str, str]:
    """Return the agency that delivered each source last."""
    if not book.exists():
        return {}
    query = "select source, arg_max(agency, night) from file_counts group by source order by source"
    with open_nights(book, read_only=True) as nights:
        return {str(source): str(agency) for source, agency in nights.rows(query)}


def freshness(book: Path) -> list[Freshness]:
    """Return how new each source's newest loaded delivery is, by source."""
    with open_nights(book, read_only=True) as nights:
        rows: list[tuple[Any, ...]] = nights.rows("select * from freshness order by source")
    return [Freshness(*row) for row in rows]


def committed_nights(book: Path) -> list[date]:
    """Return the nights that committed, oldest first."""
    if not book.exists():
        return []
    with open_nights(book, read_only=True) as nights:
        rows: list[tuple[Any, ...]] = nights.rows("select distinct night from commits order by 1")
    return [night for (night,) in rows]


def _rows(
    book: Path, query: str, night: date, source: str | None, *, order: str, group: str | None = None
) -> list[tuple[Any, ...]]:
    """Run a fixed query for one night, and one source if named."""
    grouped = f" group by {group}" if group else ""
    where = "where night = ? and (? is null or source = ?)"
    with open_nights(book, read_only=True) as nights:
        rows: list[tuple[Any, ...]] = nights.rows(f"{query} {where}{grouped} order by {order}", [night, source, source])
    return rows
