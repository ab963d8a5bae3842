"""Marks on earlier releases: how many children of each a family's decision has taken out of the hub's tables since.

What belongs here: finding the releases that held the children whom tonight's gate newly refused, and keeping the
counts. What does not: who is refused (`assets.spine.revoked`), which children a release held (`consent.disclosures`).
What was published stays published; a mark tells its readers that it should not be used for anything new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.night import Night
from assets.release.held_counts import in_words, note_counts, shown_counts
from assets.spine.revoked import newly_refused
from consent.child_sets import ChildSets
from consent.disclosures import Disclosures
from consent.registry import open_registry

FEW = 10
"""The threshold under which a number of refused children is not told: how many refused is the hub's own."""

REPORT = "refused since"
"""The name under which what is shown of the marks is kept (`held_counts`)."""

_TABLE = "create table if not exists release_marks (night date, release_id varchar, children bigint)"


def mark_releases(night: Night) -> Mapping[str, int]:
    """Write tonight's marks into `nights.duckdb`, replacing those of an earlier run; return children by release."""
    found = _held(night, newly_refused(night.paths.spine))
    with duckdb.connect(str(night.paths.nights)) as connection:
        connection.execute(_TABLE)
        connection.execute("begin")
        connection.execute("delete from release_marks where night = $night", {"night": night.date})
        for release_id, children in found.items():
            connection.execute("insert into release_marks values (?, ?, ?)", [night.date, release_id, children])
        connection.execute("commit")
    note_counts(night.paths.reports, REPORT, marks(night.paths.nights), night.date, FEW)
    return found


def marks(nights: Path) -> dict[str, int]:
    """Return how many children of each marked release were refused since, at most: one may be refused twice."""
    if not nights.is_file():
        return {}
    with duckdb.connect(str(nights), read_only=True) as connection:
        held = connection.execute("select 1 from duckdb_tables() where table_name = 'release_marks'").fetchall()
        query = "select release_id, sum(children)::bigint from release_marks group by 1"
        return dict(connection.execute(query).fetchall()) if held else {}


def shown(nights: Path) -> dict[str, str]:
    """Return how many children of each release were refused since, as readers may see it.

    `nights` is the book beside which `reports.duckdb` lies. A release that is not named has fewer than the rule tells.
    """
    found = shown_counts(nights.with_name("reports.duckdb"), REPORT)
    return {release: in_words(count, FEW) for release, count in found.items()}


def _held(night: Night, refused: list[str]) -> dict[str, int]:
    """Return how many of some children each release held, by any ID that each of them ever had."""
    if not refused:
        return {}
    former = night.former_children().now
    known = set(refused)
    pairs = zip(former.column("child_id").to_pylist(), former.column("now").to_pylist(), strict=True)
    ids = {child: child for child in refused} | {was: now for was, now in pairs if now in known}
    engine = open_registry(night.paths.registry_url)
    try:
        book = Disclosures(engine, ChildSets(night.keys.derive))
        sets: dict[str, set[str]] = {}
        for entry in book.about_child(ids):
            if entry.act.kind == "release":
                sets.setdefault(entry.act.id, set()).add(entry.row.set_id)
        return {release_id: len({ids[one] for one in _members(book, names, ids)}) for release_id, names in sets.items()}
    finally:
        engine.dispose()


def _members(book: Disclosures, set_ids: Iterable[str], wanted: Iterable[str]) -> Iterator[str]:
    """Yield those of some child IDs that are in any of some sets."""
    among = pa.array(sorted(wanted), pa.string())
    with book.engine.connect() as connection:
        for set_id in sorted(set_ids):
            members = book.sets.members(connection, set_id)
            yield from members.filter(pc.is_in(members, value_set=among)).to_pylist()
