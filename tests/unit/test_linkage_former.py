"""What children were before merges and splits: one ledger, four nights. Source f sends consent forms."""

from datetime import timedelta

import pytest
from support.ledger_nights import NIGHTS, Book, key
from support.linkage_keys import fixed_ring

from linkage.former import Former, former_children


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("former")
    made = Book(folder / "ledger.sealed", fixed_ring(folder / "keys"))
    made.night("a1 f1 | c1 f2 | f3", on=NIGHTS[0])
    made.night("a1 f1 c1 f2 | f3", on=NIGHTS[1])
    made.night("a1 f1 c1 f2 f3", on=NIGHTS[2])
    made.night("a1 f1 | c1 f2 f3", on=NIGHTS[3])
    return made


@pytest.fixture(scope="module")
def former(book) -> Former:
    return former_children(book.ledger, ["f"])


def test_every_part_is_told_by_the_records_it_had(book, former):
    now, merged = book.now, book.on(NIGHTS[2])["a1"]
    names = {key(record): record for record in ("a1", "c1", "f1", "f2", "f3")}
    had: dict[str, set[str]] = {}
    for row in former.records.to_pylist():
        if row["record_key"] is not None:
            had.setdefault(row["part"], set()).add(names[row["record_key"]])
    told = sorted((row["before_night"], sorted(had[row["part"]]), row["child_id"]) for row in former.parts.to_pylist())
    merge, split = NIGHTS[1] + timedelta(1), NIGHTS[3] + timedelta(1)
    everybody = ["a1", "c1", "f1", "f2", "f3"]
    assert told == sorted(
        [
            (merge, ["a1", "f1"], merged),
            (merge, ["c1", "f2"], merged),
            (split, everybody, now["a1"]),
            (split, everybody, now["c1"]),
        ]
    )
    assert now["a1"] != now["c1"]


def test_an_id_that_was_absorbed_leads_to_the_one_that_stands_for_it(book, former):
    first, merged = book.on(NIGHTS[0]), book.on(NIGHTS[2])["a1"]
    stands = {row["child_id"]: row["now"] for row in former.now.to_pylist()}
    assert stands == {first[name]: merged for name in ("a1", "c1", "f3") if first[name] != merged}


def test_a_ledger_of_nobody_has_no_past(tmp_path):
    empty = former_children(Book(tmp_path / "ledger.sealed", fixed_ring(tmp_path / "keys")).ledger, ["f"])
    assert (len(empty.now), len(empty.parts), len(empty.records)) == (0, 0, 0)
