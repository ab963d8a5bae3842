"""What the hub still holds of a source: counts, in the stores that a destruction empties.

What belongs here: finding and counting. What does not: removing (`destroy`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import duckdb

from assets.extracts.landing import MARKER, claims
from assets.extracts.seal import SUFFIX
from assets.extracts.store import quoted
from assets.night import StatePaths
from linkage.keys import KeyRing
from linkage.ledger import Ledger
from linkage.protected import Protected
from linkage.vault import Vault
from mou_policies.model import SourcePolicy


@dataclass(frozen=True)
class Held:
    """Counts of what is held of one source: rows of content, records, tokens, marks of protection, files.

    `rows` are of its content tables, `records` those it is known to have, `tokens` records in the vault; `sealed` are
    landing files that were sealed after their night, `waiting` raw ones that nobody loaded, `digests` those by which
    loaded files are recognised.
    """

    rows: int = 0
    records: int = 0
    tokens: int = 0
    protected: int = 0
    sealed: int = 0
    waiting: int = 0
    digests: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))


@dataclass(frozen=True)
class Place:
    """Where a city keeps things: its state, its landing folder and its keys."""

    paths: StatePaths
    landing: Path
    keys: KeyRing


def held_of(place: Place, source: SourcePolicy, others: Iterable[SourcePolicy]) -> Held:
    """Count what is held of `source`; `others` are sources whose files in the landing folder are not to be counted."""
    name, paths = source.source, place.paths
    rows, records = _content(paths.content, name)
    return Held(
        rows=rows,
        records=records,
        tokens=len(Vault(paths.vault, place.keys).keys(name)),
        protected=len(Protected(paths.protected, place.keys).keys(name)),
        sealed=len(list(sealed_files(paths.sealed, source))),
        waiting=len(list(waiting_files(place.landing, source, others))),
        digests=_digests(paths.nights, name),
    )


def sources_held(place: Place) -> set[str]:
    """Return the sources that have content, records or tokens, whoever names them."""
    found = set(Vault(place.paths.vault, place.keys).counts())
    if place.paths.content.exists():
        with duckdb.connect(str(place.paths.content), read_only=True) as con:
            rows = con.execute(
                """
                select source from known_record
                union
                select split_part(table_name, '__', 1) from duckdb_tables() where contains(table_name, '__')
                """
            ).fetchall()
        found |= {name for (name,) in rows}
    return found


def sealed_files(sealed: Path, source: SourcePolicy) -> Iterator[Path]:
    """Yield the sealed landing files that a source claims, whoever else claims them too."""
    for path in sorted((sealed / source.agency).rglob(f"*{SUFFIX}")):
        if claims(source, path.name.removesuffix(SUFFIX)):
            yield path


def waiting_files(landing: Path, source: SourcePolicy, others: Iterable[SourcePolicy]) -> Iterator[Path]:
    """Yield the raw files in the landing folder that a source claims and no other one of its agency."""
    beside = [one for one in others if one.agency == source.agency and one.source != source.source]
    for path in sorted((landing / source.agency).rglob("*")):
        mine = path.is_file() and path.name != MARKER and claims(source, path.name)
        if mine and not any(claims(one, path.name) for one in beside):
            yield path


def digests_of(place: Place) -> dict[str, str]:
    """Return what tells the stores before from after: SHA-256 of each file, and the child-ID ledger's Merkle root."""
    paths = place.paths
    files = {
        "content.duckdb": paths.content,
        "vault/anchors.rows": paths.vault / "anchors.rows",
        "vault/records.rows": paths.vault / "records.rows",
        "evidence.sealed": paths.evidence,
    }
    found = {name: _sha256(path) for name, path in files.items() if path.exists()}
    return found | {"ledger root": Ledger(paths.ledger, place.keys).root().hex()}


def _content(path: Path, source: str) -> tuple[int, int]:
    """Return the rows of content of a source, and its records; both without changing the store."""
    if not path.exists():
        return 0, 0
    with duckdb.connect(str(path), read_only=True) as con:
        named = con.execute(
            "select table_name from duckdb_tables() where starts_with(table_name, ?)", [f"{source}__"]
        ).fetchall()
        rows = sum(con.table(quoted(name)).count("*").fetchall()[0][0] for (name,) in named)
        records = con.execute("select count(*) from known_record where source = ?", [source]).fetchall()[0][0]
    return int(rows), int(records)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digests(book: Path, source: str) -> int:
    if not book.exists():
        return 0
    with duckdb.connect(str(book), read_only=True) as con:
        there = con.execute("select count(*) from duckdb_tables() where table_name = 'deliveries'").fetchall()[0][0]
        if not there:
            return 0
        return int(con.execute("select count(*) from deliveries where source = ?", [source]).fetchall()[0][0])
