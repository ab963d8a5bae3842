"""The book of disclosures and the ledger together, against a naive model: random nights, merges, splits and acts."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.disclosed import book_of, record, registry
from support.ledger_nights import Book
from support.linkage_keys import fixed_ring

from linkage.keys import KeyRing
from linkage.ledger import Ledger
from linkage.lineage import ids_ever, lineage

RECORDS = ("a1", "a2", "b1", "b2", "c1")
SOURCES = ("school", "birth")

clusters = st.fixed_dictionaries({name: st.integers(0, 2) for name in RECORDS})
disclosed = st.dictionaries(st.sampled_from(SOURCES), st.frozensets(st.sampled_from(RECORDS)), max_size=2)
nights = st.lists(st.tuples(clusters, st.frozensets(st.sampled_from(RECORDS), max_size=2), disclosed), max_size=4)

Told = tuple[dict[str, int], frozenset[str], dict[str, frozenset[str]]]
"""A night: the cluster of each record, the records that are gone, and the records disclosed by source."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    registry(folder).dispose()
    return folder / "registry.sqlite"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


@settings(max_examples=40, deadline=None)
@given(story=nights)
def test_about_a_child_is_every_act_that_held_a_record_of_its_under_any_id(
    empty: Path, ring: KeyRing, story: list[Told]
):
    told: list[tuple[str, str, set[str]]] = []
    had: dict[str, list[str]] = {name: [] for name in RECORDS}
    with TemporaryDirectory() as folder:
        shutil.copy(empty, folder)
        book = book_of(registry(Path(folder)))
        nightly = Book(Path(folder) / "ledger.sealed", ring)
        for number, (groups, gone, sets) in enumerate(story):
            kept = {name: group for name, group in groups.items() if name not in gone}
            nightly.update(kept, gone, date(2026, 9, 1) + timedelta(number))
            now = nightly.now
            for name, child in now.items():
                had[name].append(child)
            about = {source: {now[r] for r in some if r in now} for source, some in sets.items()}
            record(book, f"act-{number}", {source: sorted(ids) for source, ids in about.items()})
            told += [(f"act-{number}", source, ids) for source, ids in about.items()]
        ledger = nightly.ledger
        for child in {ids[-1] for ids in had.values() if ids}:
            ever = _ever(child, ledger, had)
            asked = ids_ever(ledger, child)
            assert set(asked) == ever
            found = [(entry.act.id, entry.row.source) for entry in book.about_child(asked)]
            assert found == [(act, source) for act, source, ids in told if ids & ever]
        book.engine.dispose()


def _ever(child: str, ledger: Ledger, had: dict[str, list[str]]) -> set[str]:
    """Every ID that the records had whose last ID stands for this child now, record by record."""
    valid = {ids[-1]: lineage(ledger, ids[-1]).valid or ids[-1] for ids in had.values() if ids}
    mine = [ids for ids in had.values() if ids and valid[ids[-1]] == valid[child]]
    return {one for ids in mine for one in ids}
