# ruff: noqa: S608  (names in SQL are quoted or fixed here; values are always parameters)
"""The book of nights (`nights.duckdb`): what was read, loaded, quarantined, dropped and refused, as counts.

It holds names of files, tables, columns and policies, row numbers and reasons; never a value of a record.
What a night did to a source is written in one transaction after the stores have committed, so a load that
died before is simply done again. How it is shown to a steward is `assets.extracts.report`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

SCHEMA = """
create table if not exists file_counts (
    night date, source varchar, agency varchar, file varchar, table_name varchar, read bigint, loaded bigint,
    "new" bigint, changed bigint, unchanged bigint, withdrawn bigint, absent bigint, quarantined bigint,
    dropped_by_policy bigint, dropped_by_consent bigint);
create table if not exists quarantine (
    night date, source varchar, file varchar, table_name varchar, "row" bigint, column_name varchar, reason
    varchar);
create table if not exists policy_drops (
    night date, source varchar, file varchar, table_name varchar, policy varchar, "rows" bigint, cite
    varchar, reason varchar);
alter table policy_drops add column if not exists reason varchar;
create table if not exists unparsed (
    night date, source varchar, file varchar, table_name varchar, column_name varchar, "rows" bigint);
create table if not exists unread_columns (
    night date, source varchar, file varchar, table_name varchar, column_name varchar);
create table if not exists absent_columns (
    night date, source varchar, file varchar, table_name varchar, column_name varchar);
create table if not exists tokens (night date, source varchar, files varchar[], records bigint, unlinkable bigint);
create table if not exists refusals (night date, source varchar, agreement varchar, reason varchar, remedy
varchar); create table if not exists checks (night date, source varchar, check_name varchar, passed boolean,
counts json); create table if not exists deliveries (
    source varchar, file varchar, digest blob, bytes bigint, delivered_for date, night date, mode varchar,
    state varchar);
create table if not exists unclaimed_files (night date, agency varchar, file varchar);
create table if not exists commits (night date, files_disposed bigint, disposal varchar);
create view if not exists freshness as
    select source, max(delivered_for) as newest_delivery, max(night) as last_loaded, count(*) as files
    from deliveries where state = 'loaded' group by source;
"""

QUARANTINE = pa.schema(
    [
        ("file", pa.string()),
        ("table_name", pa.string()),
        ("row", pa.int64()),
        ("column_name", pa.string()),
        ("reason", pa.string()),
    ]
)


@dataclass
class FileCount:
    """Rows of one table in one file: `read` is the sum of `loaded`, `quarantined` and what was dropped.

    `loaded` are the rows that were applied: new, changed, unchanged and withdrawn. `absent` are stored rows
    that a full delivery no longer has; they are rows of no file and not part of the sum.
    """

    file: str
    table: str
    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    absent: int = 0
    quarantined: int = 0
    dropped_by_policy: int = 0
    dropped_by_consent: int = 0

    @property
    def loaded(self) -> int:
        """Rows that were applied."""
        return self.new + self.changed + self.unchanged + self.withdrawn

    @property
    def balanced(self) -> bool:
        """Whether every row read has exactly one outcome."""
        return self.read == self.loaded + self.quarantined + self.dropped_by_policy + self.dropped_by_consent


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check of one source: counts only."""

    name: str
    passed: bool
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Tokens:
    """How many records were made into tokens tonight, and how many of these no rule of linking can use.

    A hub makes tokens of the records that are new or changed; an agency's token file has all records of its delivery,
    and its counts are what the agency stated. So a night without changes has none, whatever the store holds.
    """

    records: int = 0
    unlinkable: int = 0


@dataclass(frozen=True)
class Delivered:
    """A file that was dealt with: its keyed digest and the state it was left in (see `assets.extracts.opening`)."""

    file: str
    digest: bytes
    size: int
    delivered_for: date
    mode: str
    state: str


@dataclass
class Page:
    """What one delivery of one source adds to the book; `files` are those it speaks of, by their name there.

    The page of a refused delivery has no counts, since nothing of it has an outcome; it still says which rows were
    unusable and why.
    """

    files: list[str] = field(default_factory=list)
    counts: list[FileCount] = field(default_factory=list)
    quarantine: list[pa.Table] = field(default_factory=list)
    policy_drops: list[tuple[str, str, str, int, str, str]] = field(default_factory=list)
    unparsed: list[tuple[str, str, str, int]] = field(default_factory=list)
    unread: list[tuple[str, str, str]] = field(default_factory=list)
    absent: list[tuple[str, str, str]] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    tokens: Tokens | None = None


class Nights:
    """The book, open. Made by `open_nights`; every writing method is one transaction."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def states(self, source: str) -> dict[bytes, str]:
        """Return the state of each file of `source` that was dealt with before, by keyed digest."""
        rows = self._con.execute("select digest, state from deliveries where source = ?", [source]).fetchall()
        return dict(rows)

    def newest(self, source: str) -> date | None:
        """Return the date of the newest delivery of `source` that was loaded."""
        [(newest,)] = self._con.execute(
            "select max(delivered_for) from deliveries where source = ? and state = 'loaded'", [source]
        ).fetchall()
        return newest if isinstance(newest, date) else None

    def write(self, night: date, source: str, agency: str, page: Page) -> None:
        """Add what one delivery did, replacing what this night said of the same files before."""
        with self._transaction():
            for table in (
                "file_counts",
                "quarantine",
                "policy_drops",
                "unparsed",
                "unread_columns",
                "absent_columns",
            ):
                self._con.execute(
                    f"delete from {table} where night = ? and source = ? and list_contains(?, file)",
                    [night, source, page.files],
                )
            self._insert("file_counts", [_count_row(night, source, agency, count) for count in page.counts])
            self._insert("policy_drops", [(night, source, *row) for row in page.policy_drops])
            self._insert("unparsed", [(night, source, *row) for row in page.unparsed])
            self._insert("unread_columns", [(night, source, *row) for row in page.unread])
            self._insert("absent_columns", [(night, source, *row) for row in page.absent])
            self._con.execute(
                "delete from tokens where night = ? and source = ? and list_has_any(files, ?)",
                [night, source, page.files],
            )
            if page.tokens is not None:
                self._insert("tokens", [(night, source, page.files, page.tokens.records, page.tokens.unlinkable)])
            self._insert(
                "deliveries",
                [(source, d.file, d.digest, d.size, d.delivered_for, night, d.mode, d.state) for d in page.delivered],
            )
            for rows in page.quarantine:
                self._con.register("arriving", rows.select(QUARANTINE.names))
                self._con.execute("insert into quarantine select ?, ?, * from arriving", [night, source])
                self._con.unregister("arriving")

    def refuse(self, night: date, source: str, refusal: tuple[str, str, str] | None) -> None:
        """Say that `source` is refused tonight: (agreement file, reason, remedy). None takes it back."""
        with self._transaction():
            self._con.execute("delete from refusals where night = ? and source = ?", [night, source])
            if refusal is not None:
                self._insert("refusals", [(night, source, *refusal)])

    def note_checks(self, night: date, source: str, checks: Sequence[CheckResult]) -> None:
        """Write the outcomes of tonight's checks of `source`, replacing earlier ones of the same night."""
        with self._transaction():
            self._con.execute("delete from checks where night = ? and source = ?", [night, source])
            rows = [(night, source, c.name, c.passed, json.dumps(dict(c.counts), sort_keys=True)) for c in checks]
            self._insert("checks", rows)

    def checks(self, night: date, source: str) -> list[CheckResult]:
        """Return the outcomes of the checks of `source` on that night, by name."""
        rows = self._con.execute(
            "select check_name, passed, counts from checks where night = ? and source = ? order by 1",
            [night, source],
        ).fetchall()
        return [CheckResult(name, passed, json.loads(counts)) for name, passed, counts in rows]

    def counts(self, night: date, source: str) -> list[FileCount]:
        """Return what the book says of each file and table of `source` on that night."""
        columns = """file, table_name, read, "new", changed, unchanged, withdrawn, absent, quarantined,
                     dropped_by_policy, dropped_by_consent"""
        query = f"select {columns} from file_counts where night = ? and source = ? order by file, table_name"
        return [FileCount(*row) for row in self._con.execute(query, [night, source]).fetchall()]

    def tokens(self, night: date, source: str) -> Tokens:
        """Return how many records of `source` were made into tokens on that night, over all its deliveries."""
        query = "select sum(records), sum(unlinkable) from tokens where night = ? and source = ?"
        [(records, unlinkable)] = self._con.execute(query, [night, source]).fetchall()
        return Tokens(int(records or 0), int(unlinkable or 0))

    def note_commit(self, night: date, unclaimed: Sequence[tuple[str, str]], disposed: int, disposal: str) -> None:
        """Say that the night committed: files nobody claimed as (agency, name), and what became of the others."""
        with self._transaction():
            self._con.execute("delete from unclaimed_files where night = ?", [night])
            self._insert("unclaimed_files", [(night, *row) for row in unclaimed])
            [(before,)] = self._con.execute(
                "select coalesce(sum(files_disposed), 0) from commits where night = ?", [night]
            ).fetchall()
            self._con.execute("delete from commits where night = ?", [night])
            self._insert("commits", [(night, before + disposed, disposal)])

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Return the rows of a query on the book."""
        return self._con.execute(query, list(parameters)).fetchall()

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._con.executemany(f"insert into {table} values ({marks})", [list(row) for row in rows])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._con.execute("begin transaction")
        try:
            yield
        except BaseException:
            self._con.execute("rollback")
            raise
        self._con.execute("commit")


def _count_row(night: date, source: str, agency: str, c: FileCount) -> tuple[object, ...]:
    where = (night, source, agency, c.file, c.table)
    applied = (c.read, c.loaded, c.new, c.changed, c.unchanged, c.withdrawn, c.absent)
    return (*where, *applied, c.quarantined, c.dropped_by_policy, c.dropped_by_consent)


@contextmanager
def open_nights(path: Path, *, read_only: bool = False) -> Iterator[Nights]:
    """Open the book of nights, made if it is not there (`read_only` expects it)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(str(path), read_only=read_only)
    try:
        if not read_only:
            con.execute(SCHEMA)
        yield Nights(con)
    finally:
        con.close()
