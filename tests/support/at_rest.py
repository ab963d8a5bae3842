"""Everything a run left on disk, as text: databases dumped, other files as their readable runs.

Used by the tests that look for raw values at rest. It reads files as a thief would, not through the product.
"""

from __future__ import annotations

import re
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
NUMBERISH = re.compile(r"[0-9][0-9/.\-]{5,}[0-9]")
TOKENISH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{5,}")
READABLE = re.compile(rb"[\x20-\x7e\xc2-\xf4\x80-\xbf]{4,}")
NEAR = 3


@dataclass(frozen=True)
class Wanted:
    """What must not be found: (given, surname) pairs in lower case, dates and numbers as text, record ids as text."""

    name_pairs: frozenset[tuple[str, str]]
    dates: frozenset[str]
    numbers: frozenset[str]
    record_ids: frozenset[str]


@dataclass(frozen=True)
class Finding:
    """A raw value found at rest: which kind, and in which file. The value itself stays out of test output."""

    kind: str
    file: str
    count: int


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, text) for every file under `root`, with databases dumped and archives opened."""
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        where = str(path.relative_to(root))
        head = path.read_bytes()[:16]
        if head.startswith(b"SQLite format 3"):
            yield where, _dump_sqlite(path)
        elif head[8:12] == b"DUCK":
            yield where, _dump_duckdb(path)
        elif head.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{where}!{name}", archive.read(name).decode("utf-8", "replace")
        yield f"{where} (bytes)", _readable(path.read_bytes())


def _dump_sqlite(path: Path) -> str:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        lines = []
        for table in tables:
            for row in connection.execute(f'select * from "{table}"'):
                lines.append(" | ".join(_text(value) for value in row))
    return "\n".join(lines)


def _dump_duckdb(path: Path) -> str:
    connection = duckdb.connect(str(path), read_only=True)
    try:
        names = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        lines = []
        for schema, table in names:
            for row in connection.execute(f'select * from "{schema}"."{table}"').fetchall():
                lines.append(" | ".join(_text(value) for value in row))
    finally:
        connection.close()
    return "\n".join(lines)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return _readable(value)
    return str(value)


def _readable(raw: bytes) -> str:
    return "\n".join(run.decode("utf-8", "replace") for run in READABLE.findall(raw))


def search(root: Path, wanted: Wanted) -> list[Finding]:
    """Return what of `wanted` lies anywhere under `root`."""
    findings: list[Finding] = []
    givens = {given for given, _ in wanted.name_pairs}
    for where, text in texts(root):
        numberish = set(NUMBERISH.findall(text))
        hits = {
            "date of birth": len(numberish & wanted.dates),
            "number": len(numberish & wanted.numbers),
            "record id": len(set(TOKENISH.findall(text)) & wanted.record_ids),
            "name": _name_pairs(text, givens, wanted.name_pairs),
        }
        findings += [Finding(kind, where, count) for kind, count in hits.items() if count]
    return findings


def _name_pairs(text: str, givens: set[str], pairs: frozenset[tuple[str, str]]) -> int:
    """Count given names with a surname of theirs within a few words, line by line, in either order."""
    found = 0
    for line in text.splitlines():
        words = [word.lower() for word in WORD.findall(line)]
        for at, word in enumerate(words):
            if word in givens:
                near = words[max(0, at - NEAR) : at] + words[at + 1 : at + 1 + NEAR]
                found += any((word, other) in pairs for other in near)
    return found
