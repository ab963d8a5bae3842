"""Asking the ledger's past: one record on a day, everything that happened to an ID, and IDs that are none."""

from datetime import date, timedelta

import numpy as np
import pytest
from support.ledger_nights import NIGHTS, Book, key
from support.linkage_keys import fixed_ring

from linkage.errors import LinkageError
from linkage.ledger import child_number
from linkage.lineage import id_of, ids_ever, last_id_of, lineage


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A year: b1 leaves a1's child for a new one, comes back, c1's child is absorbed, d1 is gone."""
    folder = tmp_path_factory.mktemp("year")
    made = Book(folder / "ledger.sealed", fixed_ring(folder / "keys"))
    made.night("a1 a2 b1 | c1 | d1", on=NIGHTS[0])
    made.night("a1 a2 | b1", on=NIGHTS[1])
    made.night("a1 a2 b1 c1", gone="d1", on=NIGHTS[2])
    made.night("e1", on=NIGHTS[3])
    return made


def ids(book) -> dict[str, str]:
    """Names for the IDs: by the record that first had each."""
    first, second = book.on(NIGHTS[0]), book.on(NIGHTS[1])
    return {"A": first["a1"], "C": first["c1"], "D": first["d1"], "B": second["b1"], "E": book.now["e1"]}


PERIOD, NEXT_PERIOD = date(2026, 7, 1), date(2027, 7, 1)
DAYS = [*NIGHTS, PERIOD, NEXT_PERIOD]
ASKED = [  # record, day, ID at the end of that day
    ("a1", PERIOD - timedelta(1), None),
    ("a1", PERIOD, "A"),  # the ledger keeps the period of a first assignment, not its night
    ("a1", NIGHTS[0], "A"),
    ("b1", NIGHTS[0], "A"),
    ("b1", NIGHTS[1], "B"),
    ("b1", NIGHTS[2], "A"),
    ("b1", NEXT_PERIOD, "A"),
    ("c1", NIGHTS[1], "C"),
    ("c1", NIGHTS[2], "A"),
    ("d1", NIGHTS[1], "D"),
    ("d1", NIGHTS[2], None),
    ("e1", NEXT_PERIOD - timedelta(1), None),
    ("e1", NEXT_PERIOD, "E"),
    ("e1", date.max, "E"),
    ("z9", date.max, None),
]


@pytest.mark.parametrize(("record", "day", "expected"), ASKED)
def test_which_id_a_record_had_on_a_day(book, record, day, expected):
    wanted = None if expected is None else ids(book)[expected]
    assert id_of(book.ledger, record[0], key(record), day, book.protected) == wanted
    assert book.on(day).get(record) == wanted


def test_an_id_is_asked_for_in_its_own_source(book):
    assert id_of(book.ledger, "b", key("a1"), date.max, book.protected) is None


def test_a_record_that_is_sealed_later_has_no_id_on_any_day_until_its_flag_is_taken_back(tmp_path):
    made = Book(tmp_path / "ledger.sealed", fixed_ring(tmp_path / "keys"))
    made.night("a1 b1 | b2", on=NIGHTS[0])
    made.night("a1", gone="b1", on=NIGHTS[1])
    first = made.on(NIGHTS[0])
    asked = lambda record, day: id_of(made.ledger, record[0], key(record), day, made.protected)  # noqa: E731
    assert asked("b1", NIGHTS[0]) == first["b1"]

    made.protect("b1", present="b2")
    assert [asked("b1", day) for day in (*NIGHTS, date.max)] == [None] * 5
    assert [set(made.on(day)) for day in NIGHTS[:2]] == [{"a1", "b2"}, {"a1", "b2"}]
    assert asked("b2", NIGHTS[0]) == first["b2"]

    made.protect("b2")  # b1 is not delivered any more: it stays protected
    assert asked("b1", NIGHTS[0]) is None
    made.protect("b2", present="b1")
    assert asked("b1", NIGHTS[0]) == first["b1"]
    assert asked("b2", NIGHTS[0]) is None


def test_whom_a_flag_protects_cannot_be_read_off_the_disk(tmp_path):
    made = Book(tmp_path / "ledger.sealed", fixed_ring(tmp_path / "keys"))
    made.protect("b1 b2 c1")
    before = (tmp_path / "protected.sealed").read_bytes()
    assert key("b1") not in before
    made.protect("b1 b2 c1", present="b7")
    assert (tmp_path / "protected.sealed").read_bytes() == before


HAPPENED = {  # ID: the one valid now, its records, what happened: night, kind, records by source, other ID
    "A": ("A", {"a": 2, "b": 1, "c": 1}, [
        (4, "assign", {"a": 2, "b": 1}, None),
        (1, "left", {"b": 1}, "B"),
        (1, "split off", {}, "B"),
        (2, "move", {"b": 1}, "B"),
        (2, "move", {"c": 1}, "C"),
        (2, "absorbed", {}, "B"),
        (2, "absorbed", {}, "C"),
    ]),
    "B": ("A", {}, [
        (1, "move", {"b": 1}, "A"),
        (1, "split from", {}, "A"),
        (2, "left", {"b": 1}, "A"),
        (2, "merged into", {}, "A"),
    ]),
    "C": ("A", {}, [(4, "assign", {"c": 1}, None), (2, "left", {"c": 1}, "A"), (2, "merged into", {}, "A")]),
    "D": (None, {}, [(4, "assign", {"d": 1}, None), (2, "withdraw", {"d": 1}, None), (2, "retire", {}, None)]),
    "E": ("E", {"e": 1}, [(5, "assign", {"e": 1}, None)]),
}  # fmt: skip


@pytest.mark.parametrize("which", HAPPENED)
def test_the_lineage_of_an_id(book, which):
    names = {child_id: name for name, child_id in ids(book).items()}
    found = lineage(book.ledger, ids(book)[which])
    told = [(DAYS.index(one.night), one.kind, one.records, names.get(one.other)) for one in found.happenings]
    valid, records, happened = HAPPENED[which]
    assert (names.get(found.valid), found.records) == (valid, records)
    assert sorted(told, key=str) == sorted(happened, key=str)
    assert [one.night for one in found.happenings] == sorted(one.night for one in found.happenings)


@pytest.mark.parametrize(
    ("night", "period"),
    [
        (date(2026, 6, 30), date(2025, 7, 1)),
        (date(2026, 7, 1), date(2026, 7, 1)),
        (date(2027, 1, 31), date(2026, 7, 1)),
    ],
)
def test_a_first_assignment_keeps_its_period_only(tmp_path, night, period):
    book = Book(tmp_path / "ledger.sealed", fixed_ring(tmp_path / "keys"))
    book.night("a1 b1", on=night)
    assert book.ledger.events().column("night").to_pylist() == [period, period]


@pytest.mark.parametrize(
    "slip",
    [
        pytest.param(lambda one: "", id="nothing"),
        pytest.param(lambda one: one[:-1], id="a letter short"),
        pytest.param(lambda one: one + "a", id="a letter too many"),
        pytest.param(lambda one: "x" + one[1:], id="another prefix"),
        pytest.param(lambda one: one.upper(), id="capitals"),
        pytest.param(lambda one: one[:9] + ("a" if one[9] != "a" else "b") + one[10:], id="a wrong letter"),
        pytest.param(lambda one: one[:-1] + chr(ord(one[-1]) + 1), id="a wrong last letter"),
        pytest.param(lambda one: "é" * len(one), id="letters of no ID"),
    ],
)
def test_a_slip_of_the_pen_is_no_id(book, slip):
    with pytest.raises(LinkageError, match="not a child ID of this city") as caught:
        child_number(book.ledger.ids, slip(ids(book)["A"]))
    assert "\n" not in str(caught.value)


def test_an_id_that_was_never_given_has_no_lineage(book):
    [coming] = book.ledger.ids.encode(np.array([99])).tolist()
    with pytest.raises(LinkageError, match="not a child ID of this city"):
        lineage(book.ledger, coming)


EVER = [("A", "ABC"), ("B", "ABC"), ("C", "ABC"), ("D", "D"), ("E", "E")]


@pytest.mark.parametrize(("asked", "expected"), EVER)
def test_every_id_that_the_records_of_a_child_ever_had(book, asked, expected):
    named = ids(book)
    assert ids_ever(book.ledger, named[asked]) == tuple(sorted(named[one] for one in expected))


def test_after_a_split_each_child_has_the_ids_of_its_own_records(tmp_path):
    made = Book(tmp_path / "ledger.sealed", fixed_ring(tmp_path / "keys"))
    made.night("a1 a2 b1 b2 | c1", on=NIGHTS[0])
    first, third = made.now["a1"], made.now["c1"]
    made.night("a1 a2 | b1 b2 c1", on=NIGHTS[1])
    other = made.now["b1"]
    assert ids_ever(made.ledger, first) == (first,)
    assert ids_ever(made.ledger, other) == tuple(sorted({first, other, third}))


def test_the_last_id_of_a_record_is_told_after_it_is_withdrawn(book):
    assert last_id_of(book.ledger, "d", key("d1"), book.protected) == ids(book)["D"]
    assert last_id_of(book.ledger, "b", key("b1"), book.protected) == ids(book)["A"]
    assert last_id_of(book.ledger, "d", key("d9"), book.protected) is None
    assert last_id_of(book.ledger, "nosuch", key("d1"), book.protected) is None


def test_ids_that_are_none_of_this_ledger(book):
    with pytest.raises(LinkageError, match="not a child ID of this city"):
        ids_ever(book.ledger, "c-nonsense")


def test_an_id_that_was_merged_and_stands_for_another_child_again_is_that_child_s(tmp_path):
    made = Book(tmp_path / "ledger.sealed", fixed_ring(tmp_path / "keys"))
    made.night("a1 | d1 d2 | e1", on=NIGHTS[0])
    first, other, third = made.now["a1"], made.now["d2"], made.now["e1"]
    made.night("", gone="d2", on=NIGHTS[1])
    made.night("a1 d1", on=NIGHTS[2])
    made.night("d2", on=NIGHTS[3])
    made.night("d2 e1", on=NIGHTS[3])
    assert made.now["a1"] == made.now["d1"] == first
    assert made.now["d2"] == made.now["e1"] == other
    assert ids_ever(made.ledger, first) == tuple(sorted({first, other}))
    assert ids_ever(made.ledger, third) == tuple(sorted({other, third}))
