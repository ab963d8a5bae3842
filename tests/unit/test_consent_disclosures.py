"""The book of disclosures: sealed sets, acts written once and whole, questions by child, recipient and date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import func, select, text
from support.disclosed import DAY, book_of, derive, record, registry, row

from consent.child_sets import ChildSets, DisclosureError, SealedSet, keep
from consent.disclosure_check import altered
from consent.disclosures import Act, Disclosures
from consent.registry import writing
from consent.tables import audit_event, disclosure, disclosure_set

IDS = ["c-one", "c-two", "c-three"]


@pytest.fixture
def book(tmp_path: Path) -> Disclosures:
    return book_of(registry(tmp_path))


def count(book: Disclosures, table: object) -> int:
    with book.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def acts(found: list[object]) -> list[str]:
    return [entry.act.id for entry in found]  # type: ignore[attr-defined]


# -- sets ----------------------------------------------------------------------------------------------------------


def test_the_same_children_are_the_same_set_and_only_this_key_names_it():
    sets = ChildSets(derive)
    first, again = sets.seal(pa.array(IDS)), sets.seal(pa.chunked_array([IDS[::-1], IDS]))
    assert (first.set_id, first.children) == (again.set_id, again.children) == (first.set_id, 3)
    assert first.sealed != again.sealed
    assert sets.open(first).to_pylist() == sorted(IDS)
    other = ChildSets(lambda use: derive(f"other {use}"))
    assert other.seal(pa.array(IDS)).set_id != first.set_id
    with pytest.raises(DisclosureError, match="does not open with this key ring"):
        other.open(first)


@pytest.mark.parametrize("ids", [[], ["c-one"], [f"c-{n}" for n in range(5_000)]])
def test_a_set_opens_to_what_was_sealed(ids: list[str]):
    sets = ChildSets(derive)
    assert sets.open(sets.seal(pa.array(ids, pa.string()))).to_pylist() == sorted(ids)


def test_a_set_is_bound_to_its_name_and_holds_no_null():
    sets = ChildSets(derive)
    one, two = sets.seal(pa.array(IDS)), sets.seal(pa.array(IDS[:1]))
    with pytest.raises(DisclosureError, match="does not open"):
        sets.open(SealedSet(one.set_id, one.children, two.sealed))
    with pytest.raises(DisclosureError, match="1 records without a child ID"):
        sets.seal(pa.array(["c-one", None]))


def test_ids_are_nowhere_to_be_read_in_the_registry(book: Disclosures, tmp_path: Path):
    record(book, "r-1", {"school": IDS})
    book.engine.dispose()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(name.encode() in held for name in IDS)


def test_a_set_is_kept_once(book: Disclosures):
    record(book, "r-1", {"school": IDS, "birth": IDS})
    record(book, "r-2", {"school": IDS[::-1]})
    assert count(book, disclosure_set) == 1
    sealed = book.sets.seal(pa.array(IDS))
    with writing(book.engine) as connection:
        keep(connection, [sealed, sealed])
        assert book.sets.members(connection, sealed.set_id).to_pylist() == sorted(IDS)
        with pytest.raises(DisclosureError, match="found no set 000000000000"):
            book.sets.members(connection, "0" * 64)


# -- acts ----------------------------------------------------------------------------------------------------------


def test_an_act_is_one_event_and_its_rows_and_the_same_act_again_is_nothing(book: Disclosures):
    assert record(book, "r-1", {"school": IDS, "birth": IDS[:1]})
    assert not record(book, "r-1", {"school": IDS[:2], "birth": IDS[:1]})
    assert (count(book, disclosure), count(book, audit_event), count(book, disclosure_set)) == (2, 1, 2)
    assert record(book, "r-1", {"school": IDS}, kind="query")
    found = book.of_act("release", "r-1")
    assert [(e.row.source, e.children, e.row.contact, e.actor) for e in found] == [
        ("school", 3, "The public@city.example", "night"),
        ("birth", 1, "The public@city.example", "night"),
    ]


def test_an_act_that_cannot_be_written_whole_leaves_nothing(book: Disclosures):
    with pytest.raises(DisclosureError, match="1 sets of children are not kept"):
        book.record(Act("release", "r-1", DAY), [row()], actor="night")
    with pytest.raises(DisclosureError, match="found an act of kind 'gift'"):
        book.record(Act("gift", "r-1", DAY), [], actor="night")
    with pytest.raises(DisclosureError, match="found the form 'whole'"):
        book.record(Act("release", "r-1", DAY), [row(form="whole")], actor="night")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError), writing(book.engine, audit_event, disclosure) as connection:
        sealed = book.sets.seal(pa.array(IDS))
        rows = [row(set_id=sealed.set_id)]
        book.record(Act("release", "r-1", DAY), rows, sets=[sealed], actor="night", connection=connection)
        raise RuntimeError
    assert (count(book, disclosure), count(book, audit_event), count(book, disclosure_set)) == (0, 0, 0)


def test_a_name_longer_than_its_column_ends_in_an_ellipsis(book: Disclosures):
    record(book, "r-1", {"school": IDS}, recipient="R" * 200)
    assert book.recipients() == ["R" * 127 + "…"]
    assert altered(book) == []


def test_rows_are_found_by_child_recipient_and_date(book: Disclosures):
    record(book, "r-1", {"school": IDS[:2]}, on=date(2026, 9, 1))
    record(book, "r-2", {"school": IDS[1:], "birth": IDS[:1]}, on=date(2026, 10, 1), recipient="Analytics")
    assert acts(book.about_child(["c-one"])) == ["r-1", "r-2"]
    assert [e.row.source for e in book.about_child(["c-one"])] == ["school", "birth"]
    assert acts(book.about_child(["c-three"])) == ["r-2"]
    assert book.about_child(["c-nobody"]) == book.about_child([]) == []
    assert acts(book.find(recipient="Analytics")) == ["r-2", "r-2"]
    assert acts(book.between(date(2026, 9, 2))) == ["r-2", "r-2"]
    assert acts(book.between(last=date(2026, 9, 1))) == ["r-1"]
    assert acts(book.find(child_ids=["c-one"], recipient="Analytics", first=date(2026, 10, 1))) == ["r-2"]


# -- tampering -----------------------------------------------------------------------------------------------------

HOSTILE = {
    "a recipient renamed": "update disclosure set recipient = 'Nobody' where act = 'r-1' and source = 'birth'",
    "a row taken out": "delete from disclosure where act = 'r-1' and source = 'birth'",
    "all rows taken out": "delete from disclosure where act = 'r-1'",
    "a set swapped": "update disclosure set set_id = (select max(set_id) from disclosure_set) where act = 'r-1'",
    "a row moved to another act": "update disclosure set act = 'r-9' where act = 'r-1' and source = 'birth'",
    "a row put in": "insert into disclosure select 9, audit_sequence, kind, act, disclosed_on, 'wic', owner, "
    "recipient, purpose, agreement, agreement_digest, exception, cite, classes, form, set_id from disclosure "
    "where sequence = 1",
}


@pytest.mark.parametrize("hand", HOSTILE)
def test_rows_that_are_not_what_the_trail_commits_to_are_found(book: Disclosures, hand: str):
    record(book, "r-1", {"school": IDS[:2], "birth": IDS[:1]})
    record(book, "r-2", {"school": IDS})
    assert altered(book) == []
    with book.engine.begin() as connection:
        for verb in ("update", "delete"):
            connection.execute(text(f"drop trigger disclosure_no_{verb}"))
        connection.execute(text(HOSTILE[hand]))
    assert altered(book) == ["r-1"]


def test_a_row_of_no_event_is_found_and_still_shown(book: Disclosures):
    record(book, "r-1", {"school": IDS})
    values = {**vars(replace(row(), set_id="f" * 64)), "kind": "release", "act": "r-7", "disclosed_on": "2026-09-09"}
    del values["contact"]
    with book.engine.begin() as connection:
        connection.execute(disclosure.insert(), [{**values, "classes": "[]", "audit_sequence": 99}])
    assert altered(book) == ["r-7"]
    assert acts(book.between()) == ["r-1", "r-7"]
