"""The ledger: child IDs that survive, checked by hand and against a ledger of plain dictionaries."""

import signal
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.ledger_nights import NIGHTS, Book
from support.linkage_keys import fixed_ring

from linkage.errors import SealError
from linkage.keys import KeyRing
from linkage.ledger import period_of
from linkage.lineage import lineage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


@pytest.fixture
def book(tmp_path, ring):
    return Book(tmp_path / "ledger.sealed", ring)


def counted(changes) -> dict[str, int]:
    return {name: value for name, value in vars(changes).items() if value}


# name: nights before, tonight, records gone, what changed, records that share an ID tonight with one of before
NIGHTLY = {
    "the first night": ([], "a1 b1 | c1", "", {"children": 2, "new_children": 2, "assigned": 3}, {}),
    "a new record joins": (["a1 b1"], "a1 b1 c1", "", {"children": 1, "assigned": 1}, {"c1": "a1"}),
    "who is not named stays": (["a1 b1 | c1"], "d1", "", {"children": 3, "new_children": 1, "assigned": 1}, {}),
    "a merge keeps the older ID": (
        ["a1", "b1 c1 d1"], "a1 b1 c1 d1", "", {"children": 1, "moved": 3, "merged": 1}, {"b1": "a1"},
    ),
    "a split leaves the ID with the larger part": (
        ["a1 b1 c1"], "a1 | b1 c1", "",
        {"children": 2, "new_children": 1, "moved": 1, "split": 1}, {"b1": "a1", "c1": "a1"},
    ),
    "a record that changes child is no merge or split": (
        ["a1 b1 x1 | c1 d1"], "a1 b1 | c1 d1 x1", "", {"children": 2, "moved": 1}, {"x1": "c1"},
    ),
    "a child without records is retired": (
        ["a1 b1 | c1"], "", "a1 b1", {"children": 1, "withdrawn": 2, "retired": 1}, {},
    ),
    "a child with one record left is not": (["a1 b1"], "", "a1", {"children": 1, "withdrawn": 1}, {"b1": "b1"}),
    "an unknown record that is gone is nothing": (["a1"], "", "z9", {"children": 1}, {}),
    "no record at all": ([], "", "", {}, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", NIGHTLY)
def test_a_night(book, case):
    before, tonight, gone, expected, same = NIGHTLY[case]
    for text in before:
        book.night(text)
    ids = book.now
    assert counted(book.night(tonight, gone, NIGHTS[1])) == expected
    assert {record: book.now[record] for record in same} == {record: ids[other] for record, other in same.items()}
    named = {record: n for n, group in enumerate(tonight.split("|")) for record in group.split()}
    assert {(book.now[a] == book.now[b], a, b) for a in named for b in named} == {
        (named[a] == named[b], a, b) for a in named for b in named
    }


def test_a_withdrawn_record_comes_back_as_the_same_child(book):
    book.night("a1 b1 | c1")
    before = book.now
    book.night(gone="a1 b1", on=NIGHTS[1])
    assert counted(book.night("a1", on=NIGHTS[2])) == {"children": 2, "returned": 1, "revived": 1}
    assert book.now == {"a1": before["a1"], "c1": before["c1"]}


def test_a_record_that_comes_back_as_somebody_else_does_not_join_its_old_child(book):
    book.night("a1 b1")
    book.night(gone="b1", on=NIGHTS[1])
    assert counted(book.night("b1", on=NIGHTS[2])) == {"children": 2, "new_children": 1, "returned": 1}
    assert book.now["a1"] != book.now["b1"]


def test_the_same_night_again_writes_nothing(book):
    book.night("a1 b1 | c1")
    book.night("a1 | b1", gone="c1", on=NIGHTS[1])
    before = book.path.stat().st_mtime_ns, book.path.read_bytes()
    assert not book.night("a1 | b1", gone="c1", on=NIGHTS[1])
    assert (book.path.stat().st_mtime_ns, book.path.read_bytes()) == before


def test_nothing_to_record_makes_no_file(book):
    assert not book.night()
    assert not book.path.exists()


def test_ids_are_repeatable_from_the_keys(tmp_path, ring):
    books = [Book(tmp_path / str(n), ring) for n in range(2)]
    for one in books:
        one.night("a1 b1 | c1")
        one.night("a1 | b1 c1", on=NIGHTS[1])
    assert books[0].now == books[1].now


def test_another_ring_is_refused_and_changes_nothing(book, tmp_path):
    book.night("a1")
    before = book.path.read_bytes()
    other = Book(book.path, KeyRing.create(tmp_path / "other"))
    with pytest.raises(SealError, match="does not open with this key ring") as caught:
        other.night("a1 b1")
    assert "\n" not in str(caught.value)
    assert book.path.read_bytes() == before


DIES = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from linkage.keys import KeyRing
from support.ledger_nights import NIGHTS, Book
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
Book(Path({path!r}), KeyRing.load(Path({keys!r}))).night("a1 | b1", on=NIGHTS[1])
"""


def test_a_process_killed_while_writing_leaves_the_ledger_of_before(tmp_path):
    book = Book(tmp_path / "ledger.sealed", KeyRing.create(tmp_path / "keys"))
    book.night("a1 b1")
    before = book.now
    code = DIES.format(
        root=str(ROOT), tests=str(ROOT / "tests"), path=str(book.path), keys=str(tmp_path / "keys")
    )  # fmt: skip
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert book.now == before
    assert counted(book.night("a1 | b1", on=NIGHTS[1]))["split"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys", "ledger.sealed"]


RECORDS = [f"{source}{number}" for source in "abc" for number in range(3)]


class Naive:
    """The ledger as two dictionaries, by the rules of `linkage.assign`, one record at a time."""

    def __init__(self):
        self.has, self.had, self.given = {}, {}, 0

    def night(self, clusters, gone):
        outside = {child for record, child in self.has.items() if record not in clusters and record not in gone}
        expected = {
            "assigned": sum(r not in self.has and r not in self.had for r in clusters),
            "returned": sum(r not in self.has and r in self.had for r in clusters),
            "withdrawn": sum(r in self.has for r in gone),
        }
        number = {cluster: n for n, cluster in enumerate(dict.fromkeys(clusters[r] for r in sorted(clusters)))}
        before = {r: self.has.get(r, self.had.get(r)) for r in clusters}
        votes = Counter((child, number[clusters[r]]) for r, child in before.items() if child is not None)
        wanted = {}
        for child in {child for child, _ in votes} - outside:
            votes_of = {n: count for (one, n), count in votes.items() if one == child}
            wanted.setdefault(max(votes_of, key=lambda n: (votes_of[n], -n)), []).append(child)
        new = [n for n in number.values() if n not in wanted]
        ids = {n: min(found) for n, found in wanted.items()} | {n: self.given + at for at, n in enumerate(new)}
        self.given += len(new)
        expected |= {
            "new_children": len(new),
            "moved": sum(r in self.has and self.has[r] != ids[number[clusters[r]]] for r in clusters),
        }
        self.had |= {r: self.has.pop(r) for r in gone if r in self.has}
        for record, cluster in clusters.items():
            self.has[record] = ids[number[cluster]]
            self.had.pop(record, None)
        return expected | {"children": len(set(self.has.values()))}


class Nights(RuleBasedStateMachine):
    """Random nights: any records in any clusters, any records gone."""

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.naive, self.day, self.then, self.last = Naive(), NIGHTS[0], {}, None
        self.known: dict[date, set[str]] = {}
        self.first: dict[str, date] = {}

    @initialize()
    def open(self):
        root = Path(self.folder.name)
        self.book = Book(root / "ledger.sealed", fixed_ring(root / "keys"))
        self.root = self.book.ledger.root()

    @rule(
        cut=st.lists(st.integers(0, 2), min_size=9, max_size=9).map(lambda n: dict(zip(RECORDS, n, strict=True))),
        named=st.sets(st.sampled_from(RECORDS)),
        gone=st.sets(st.sampled_from(RECORDS), max_size=3),
        later=st.integers(0, 2),
    )
    def night(self, cut, named, gone, later):
        self.day += timedelta(later)
        clusters, gone = {record: cut[record] for record in named - gone}, sorted(gone)
        expected = self.naive.night(clusters, gone)
        changes = self.book.update(clusters, gone, self.day)
        assert {name: getattr(changes, name) for name in expected} == expected
        root = self.book.ledger.root()
        assert (root != self.root) == bool(changes)
        self.root = root
        self.then[self.day] = self.book.now
        self.known[self.day] = {*self.naive.has, *self.naive.had}
        self.first |= {record: self.day for record in self.known[self.day] if record not in self.first}
        self.last = clusters, gone

    @precondition(lambda self: self.last)
    @rule()
    def again(self):
        content = self.book.path.read_bytes() if self.book.path.exists() else b""
        assert not self.book.update(*self.last, self.day)
        assert content == (self.book.path.read_bytes() if self.book.path.exists() else b"")

    @invariant()
    def holds_what_the_dictionaries_hold(self):
        ids, now = self.book.ledger.ids, self.book.now
        children = dict(zip(now, ids.decode(np.array(list(now.values()), str)).tolist(), strict=True))
        assert children == self.naive.has

    @invariant()
    def remembers_every_day(self):
        for day, ids in self.then.items():
            told = self.book.on(day)
            assert {record: child for record, child in told.items() if record in self.known[day]} == ids
            first = {record for record in told if record not in self.known[day]}
            assert all(period_of(day) == period_of(self.first[record]) for record in first)
        assert self.book.on(period_of(NIGHTS[0]) - timedelta(1)) == {}

    @invariant()
    def knows_what_became_of_every_id(self):
        ledger, live = self.book.ledger, Counter(self.book.now.values())
        for child_id in ledger.ids.encode(np.arange(self.naive.given)).tolist():
            found = lineage(ledger, child_id)
            assert sum(found.records.values()) == live[child_id]
            assert found.valid == child_id if live[child_id] else found.valid in {None, *live}
            assert found.happenings[0].kind in {"assign", "return", "move", "split from", "absorbed"}

    def teardown(self):
        self.folder.cleanup()


TestNights = Nights.TestCase
TestNights.settings = settings(max_examples=40, stateful_step_count=8, deadline=None)


def test_dates_far_apart_are_kept_as_dates(book):
    book.night("a1", on=date(1999, 12, 31))
    book.night("b1", on=date(2044, 1, 1))
    assert set(book.on(date(2020, 1, 1))) == {"a1"}
