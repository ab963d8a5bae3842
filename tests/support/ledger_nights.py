"""A child-ID ledger fed with clusters written as text: `a1 b1 | c1` makes records a1 and b1 one child.

The first letter of a record is its source, its name its record key. Not for tests of linking: nothing is linked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.keys import KeyRing
from linkage.ledger import Ledger, LedgerChanges, Membership
from linkage.lineage import as_of
from linkage.protected import Protected

NIGHTS = [date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 3), date(2027, 8, 1)]


def key(record: str) -> bytes:
    """The record key of a record."""
    return record.encode().ljust(16)


def matrix(records: Iterable[str]) -> np.ndarray:
    """The record keys of some records, (n, 16)."""
    return np.frombuffer(b"".join(map(key, records)), np.uint8).reshape(-1, 16)


def members(clusters: Mapping[str, int]) -> tuple[Membership, np.ndarray]:
    """What `Ledger.update` is given for records and the numbers of their clusters, records in order of their names."""
    records = sorted(clusters)
    sources = sorted({record[0] for record in records})
    source = np.array([sources.index(record[0]) for record in records], np.int64)
    cluster = np.array([clusters[record] for record in records], np.int64)
    return Membership(tuple(sources), source, matrix(records)), cluster


class Book:
    """A ledger on disk, read anew at every question."""

    def __init__(self, path: Path, ring: KeyRing) -> None:
        self.path, self.ring = path, ring

    @property
    def ledger(self) -> Ledger:
        """The ledger as the file has it."""
        return Ledger(self.path, self.ring)

    def night(self, text: str = "", gone: str = "", on: date = NIGHTS[0]) -> LedgerChanges:
        """Record a night's clusters and the records that are gone."""
        groups = [group.split() for group in text.split("|")]
        return self.update({record: n for n, group in enumerate(groups) for record in group}, gone.split(), on)

    def update(self, clusters: Mapping[str, int], gone: Iterable[str], on: date) -> LedgerChanges:
        """Record a night's clusters by number and the records that are gone."""
        return self.ledger.update(*members(clusters), matrix(gone), on)

    @property
    def now(self) -> dict[str, str]:
        """Child ID of every record."""
        return named(self.ledger.record_child())

    def on(self, day: date) -> dict[str, str]:
        """Child ID of every record at the end of a day."""
        return named(as_of(self.ledger, day, self.protected))

    @property
    def protected(self) -> Protected:
        """Whom a flag protects now."""
        return Protected(self.path.with_name("protected.sealed"), self.ring)

    def protect(self, records: str, present: str = "") -> None:
        """Flag some records, and deliver others without a flag."""
        for source in sorted({record[0] for record in (records + " " + present).split()}):
            flagged, there = ([key(r) for r in text.split() if r[0] == source] for text in (records, present))
            self.protected.update(source, pa.array(flagged, pa.binary(16)), pa.array(there, pa.binary(16)))


def named(table: pa.Table) -> dict[str, str]:
    """Child ID by record, of a table of the ledger."""
    records = [one.decode().strip() for one in table.column("record_key").to_pylist()]
    assert [record[0] for record in records] == table.column("source").to_pylist()
    return dict(zip(records, table.column("child_id").to_pylist(), strict=True))
