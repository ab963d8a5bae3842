"""The sections of a token file: what an agency's cutting of a delivery is written as, and read back from.

Keyed record keys, treated columns, row numbers, reasons and counts; tokens are `linkage.token_file`'s own. Whatever is
read back is checked against what this hub's agreement would have made: no other column, type or reason comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.columns import KEY, RECORD_KEY, ROW_KEY, SEQUENCE, combined
from assets.extracts.cut import Begins, Cutting, Ends, Piece, Place
from assets.extracts.delivery import Mode, Reason
from assets.extracts.outcome import FINDINGS, QUARANTINED, UNREAD, Split
from assets.extracts.treat import NO_BIRTH, NO_NAMESPACE, NO_PERSON
from linkage.token_file import Section, damaged

REASONS = frozenset({*map(str, Reason), NO_PERSON, NO_BIRTH, NO_NAMESPACE})
"""Every reason for which a row can be quarantined before it is staged."""

_PROBLEMS = pa.schema([("file", pa.string()), ("table_name", pa.string()), *FINDINGS])
_EXCLUDED = pa.schema([(RECORD_KEY, KEY), ("policy", pa.int16())])
_REMOVED = pa.schema([(ROW_KEY, KEY)])
_REPEATED = pa.schema([(SEQUENCE, pa.int64())])


@dataclass(frozen=True)
class Extract:
    """One raw file that a token file was made from: its name, size in bytes, and SHA-256 in hex."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Opening:
    """What stands first: how the delivery is meant, its tables in order, its files, who is excluded by which policy."""

    mode: Mode
    tables: tuple[str, ...]
    files: tuple[Extract, ...]
    excluded: pa.Table

    @classmethod
    def before(cls, cutting: Cutting, files: tuple[Extract, ...]) -> Opening:
        """Return the opening of a cutting whose first event was taken: from then on it knows who is excluded."""
        found = cutting.excluded
        columns = [combined(found.records).cast(KEY), pa.array(found.record_policies, pa.int16())]
        return cls(cutting.mode, cutting.tables, files, pa.table(columns, schema=_EXCLUDED))

    def section(self) -> Section:
        """Return this as a section."""
        facts = {"mode": self.mode, "tables": list(self.tables), "files": [asdict(f) for f in self.files]}
        return Section("opens", facts, {"excluded": self.excluded})

    @classmethod
    def of(cls, path: Path, section: Section, granted: Sequence[str], policies: int) -> Opening:
        """Undo `section`; raises TokenFileError for tables and policies that the agreement does not have."""
        facts = section.facts
        tables = tuple(facts["tables"])
        if section.kind != "opens" or facts["mode"] not in {"full", "delta"} or not set(tables) <= set(granted):
            raise damaged(path)
        files = tuple(Extract(str(f["name"]), int(f["bytes"]), str(f["sha256"])) for f in facts["files"])
        if not all(len(bytes.fromhex(f.sha256)) == 32 for f in files):
            raise damaged(path)
        excluded = _checked(path, section, "excluded", _EXCLUDED)
        if not set(pc.unique(excluded["policy"]).to_pylist()) <= set(range(policies)):
            raise damaged(path)
        return cls(facts["mode"], tables, files, excluded)


@dataclass(frozen=True)
class Closing:
    """What stands last: rows met, columns nobody named or missing, unusable rows, whether tokens were made.

    A file written before missing columns were told has none of them.
    """

    rows_read: Mapping[Place, int]
    unnamed: Mapping[Place, Sequence[str]]
    absent: Mapping[Place, Sequence[str]]
    problems: pa.Table
    linked: bool

    @classmethod
    def after(cls, cutting: Cutting, *, linked: bool) -> Closing:
        """Return the closing of a cutting whose events are over."""
        read = cutting.rows_read()
        parts = [(place, cutting.problems(place)) for place in read]
        told = [
            pa.table([*(pa.repeat(pa.scalar(name), rows.num_rows) for name in place), *rows.columns], schema=_PROBLEMS)
            for place, rows in parts
        ]
        problems = pa.concat_tables([_PROBLEMS.empty_table(), *told])
        return cls(read, cutting.unnamed_columns(), cutting.absent_columns(), problems, linked)

    def section(self) -> Section:
        """Return this as a section."""
        facts = {
            "read": [[*place, rows] for place, rows in self.rows_read.items()],
            "unnamed": [[*place, list(columns)] for place, columns in self.unnamed.items()],
            "absent": [[*place, list(columns)] for place, columns in self.absent.items()],
            "linked": self.linked,
        }
        return Section("closes", facts, {"problems": self.problems})

    @classmethod
    def of(cls, path: Path, section: Section, tables: Sequence[str]) -> Closing:
        """Undo `section`; raises TokenFileError for other tables or reasons."""
        read = {(str(file), str(table)): int(rows) for file, table, rows in section.facts["read"]}
        unnamed, absent = _names(section.facts["unnamed"]), _names(section.facts.get("absent", ()))
        problems = _checked(path, section, "problems", _PROBLEMS)
        _check_reasons(path, problems)
        if not {table for _, table in (*read, *unnamed, *absent)} <= set(tables):
            raise damaged(path)
        return cls(read, unnamed, absent, problems, bool(section.facts["linked"]))


def _names(facts: Iterable[Sequence[Any]]) -> dict[Place, list[str]]:
    return {(str(file), str(table)): list(map(str, names)) for file, table, names in facts}


def section_of(event: Begins | Piece | Ends, columns: pa.Schema) -> Iterator[Section]:
    """Yield an event as a section, without raw identifiers; `columns` are those of the table's staged rows."""
    match event:
        case Piece(table, file, rows, split):
            policies = [[index, count] for index, count in split.by_policy.items()]
            tables = {
                "staged": split.staged.cast(columns),
                "quarantined": split.quarantined,
                "removed": pa.table([split.removed], schema=_REMOVED),
                "unread": split.unread,
            }
            yield Section("piece", {"table": table, "file": file, "rows": rows, "by_policy": policies}, tables)
        case Ends(table, repeated):
            yield Section("ends", {"table": table}, {"repeated": pa.table([repeated], schema=_REPEATED)})


def piece_of(path: Path, section: Section, columns: pa.Schema, policies: int) -> Piece:
    """Return the piece that a section holds, of a table with these staged columns and an agreement's policies."""
    facts = section.facts
    by_policy = {int(index): int(count) for index, count in facts["by_policy"]}
    quarantined = _checked(path, section, "quarantined", QUARANTINED)
    _check_reasons(path, quarantined)
    if not set(by_policy) <= set(range(policies)):
        raise damaged(path)
    split = Split(
        staged=_checked(path, section, "staged", columns),
        identifiers=None,
        removed=combined(_checked(path, section, "removed", _REMOVED)[ROW_KEY]),
        quarantined=quarantined,
        unread=_checked(path, section, "unread", UNREAD),
        by_policy=by_policy,
    )
    return Piece(str(facts["table"]), str(facts["file"]), int(facts["rows"]), split)


def ends_of(path: Path, section: Section) -> Ends:
    """Return the end of a table that a section holds."""
    repeated = _checked(path, section, "repeated", _REPEATED)
    return Ends(str(section.facts["table"]), combined(repeated[SEQUENCE]))


def _checked(path: Path, section: Section, name: str, schema: pa.Schema) -> pa.Table:
    table = section.tables.get(name)
    if table is None or not table.schema.equals(schema):
        raise damaged(path)
    return table


def _check_reasons(path: Path, rows: pa.Table) -> None:
    if not set(pc.unique(rows["reason"]).to_pylist()) <= REASONS:
        raise damaged(path)
