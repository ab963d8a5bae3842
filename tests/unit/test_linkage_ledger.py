"""The ledger: child IDs that survive, and what is remembered of how they changed."""

from datetime import date
from itertools import pairwise

import duckdb
import numpy as np
import pytest
from support.linkage_keys import fixed_ring

from linkage.child_ids import ChildIds
from linkage.errors import LinkageError
from linkage.ledger import Ledger, Membership, support_band
from linkage.ledger_events import period_of

NIGHTS = [date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 3), date(2027, 8, 1)]


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


class City:
    """A ledger fed with clusters written as text: `a1 b1 | c1` puts records a1 and b1 in one child."""

    def __init__(self, path, ring):
        self.ledger, self.ring = Ledger(path), ring

    def night(self, text: str, night: date = NIGHTS[0], weight: float = 12.0):
        groups = [group.split() for group in text.split("|") if group.strip()]
        names = sorted({name for group in groups for name in group})
        sources = sorted({name[0] for name in names})
        of = {name: number for number, group in enumerate(groups) for name in group}
        keys = np.array([list(name.encode().ljust(16)) for name in names], np.uint8).reshape(-1, 16)
        source = np.array([sources.index(name[0]) for name in names], np.int16)
        first = {}
        cluster = np.array([first.setdefault(of[name], len(first)) for name in names], np.int64)
        members = Membership(tuple(sources), source, keys)
        return self.ledger.update(members, cluster, np.full(len(names), weight), night, self.ring)

    @staticmethod
    def named(table) -> dict[str, str]:
        keys = [key.decode().strip() for key in table.column("record_key").to_pylist()]
        return dict(zip(keys, table.column("child_id").to_pylist(), strict=True))

    @property
    def now(self) -> dict[str, str]:
        return self.named(self.ledger.current())

    def kinds(self) -> list[str]:
        return sorted(self.ledger.events().column("kind").to_pylist())


@pytest.fixture
def city(tmp_path, ring):
    return City(tmp_path / "ledger.duckdb", ring)


def test_first_night_gives_every_cluster_an_id(city):
    changes = city.night("a1 b1 | c1")
    assert (changes.new_children, changes.assigned, changes.children) == (2, 3, 2)
    assert city.now["a1"] == city.now["b1"] != city.now["c1"]
    assert all(len(one) == 28 and one.startswith("c-") for one in city.now.values())


def test_the_same_night_again_changes_nothing(city, tmp_path):
    city.night("a1 b1 | c1")
    before = (tmp_path / "ledger.duckdb").read_bytes()
    assert not city.night("a1 b1 | c1")
    assert (tmp_path / "ledger.duckdb").read_bytes() == before


def test_a_new_record_joins_and_ids_stay(city):
    city.night("a1 b1 | c1")
    before = city.now
    changes = city.night("a1 b1 d1 | c1 | d2", NIGHTS[1])
    assert (changes.assigned, changes.new_children, changes.moved) == (2, 1, 0)
    assert before.items() <= city.now.items()
    assert city.now["d1"] == before["a1"]


def test_a_merge_keeps_the_id_of_most_records(city):
    city.night("a1 | b1 c1")
    before = city.now
    changes = city.night("a1 b1 c1", NIGHTS[1])
    assert (changes.merged, changes.moved, changes.retired) == (1, 1, 0)
    assert set(city.now.values()) == {before["b1"]}


def test_a_merge_of_equals_keeps_the_older(city, ring):
    city.night("a1")
    city.night("a1 | b1", NIGHTS[1])
    before = city.now
    city.night("a1 b1", NIGHTS[2])
    assert set(city.now.values()) == {before["a1"]}


def test_a_split_leaves_the_id_with_the_larger_part(city):
    city.night("a1 b1 c1")
    before = city.now
    changes = city.night("a1 | b1 c1", NIGHTS[1])
    assert (changes.split, changes.moved, changes.new_children) == (1, 1, 1)
    assert city.now["b1"] == before["b1"] != city.now["a1"]


def test_a_record_that_changes_child_moves_without_a_merge_or_split(city):
    city.night("a1 b1 x1 | c1 d1")
    before = city.now
    changes = city.night("a1 b1 | c1 d1 x1", NIGHTS[1])
    assert (changes.moved, changes.merged, changes.split) == (1, 0, 0)
    assert city.now["x1"] == before["c1"]


def test_withdrawn_records_retire_their_child_and_come_back_as_it(city):
    city.night("a1 b1 | c1")
    before = city.now
    gone = city.night("c1", NIGHTS[1])
    assert (gone.withdrawn, gone.retired) == (2, 1)
    back = city.night("a1 | c1", NIGHTS[2])
    assert (back.returned, back.revived, back.new_children) == (1, 1, 0)
    assert city.now == {"a1": before["a1"], "c1": before["c1"]}


def test_an_id_is_never_given_twice(city):
    city.night("a1")
    city.night("b1", NIGHTS[1])
    city.night("b1 | c1", NIGHTS[2])
    events = city.ledger.events().to_pylist()
    given = [event["child_id"] for event in events if event["kind"] == "assign"]
    assert len(set(given)) == 3


def test_as_of_any_date(city):
    city.night("a1 b1 | c1")
    first = city.now
    city.night("a1 | b1 | c1", NIGHTS[1])
    second = city.now
    city.night("a1 | c1", NIGHTS[2])
    look = lambda day: city.named(city.ledger.as_of(day))  # noqa: E731
    assert look(NIGHTS[0]) == first
    assert look(NIGHTS[1]) == second
    assert look(NIGHTS[2]) == {name: second[name] for name in ("a1", "c1")}
    assert look(date(2026, 6, 30)) == {}
    assert look(date(2026, 7, 1)) == first


def test_two_changes_of_a_record_in_one_night_end_with_the_last(city):
    city.night("a1 b1 x1 | c1 d1")
    city.night("a1 b1 | c1 d1 x1", NIGHTS[1])
    city.night("a1 b1 x1 | c1 d1", NIGHTS[1])
    assert city.named(city.ledger.as_of(NIGHTS[1])) == city.now


def test_first_assignments_are_dated_by_period_only(city):
    city.night("a1 b1 | c1")
    city.night("a1 b1 | c1 | d1", NIGHTS[3])
    events = [event for event in city.ledger.events().to_pylist() if event["kind"] == "assign"]
    assert {event["night"] for event in events} == {None}
    assert {event["period"] for event in events} == {"2026-27", "2027-28"}


def test_no_table_is_in_order_of_arrival(city, tmp_path):
    for count in (8, 16, 24):
        city.night(" | ".join(f"a{n:02d}" for n in range(count)))
    with duckdb.connect(tmp_path / "ledger.duckdb", read_only=True) as connection:
        for table in ("assignment", "event"):
            rows = connection.table(table).project("child_id").fetchall()
            assert all(one <= other for one, other in pairwise(rows))


def test_support_is_kept_in_bands():
    assert support_band(np.array([0.0, 3.0, 14.9, 99.0])).tolist() == [-1, 0, 10, 40]


def test_views_and_keys(city, tmp_path):
    city.night("a1 b1 | c1")
    with duckdb.connect(tmp_path / "ledger.duckdb", read_only=True) as connection:
        assert len(connection.execute("select source, record_key, child_id from record_child").fetchall()) == 3
        assert sorted(connection.execute("select records, sources from child").fetchall()) == [(1, 1), (2, 2)]


def test_other_keys_are_refused(city, tmp_path):
    city.night("a1")
    city.ring = fixed_ring(tmp_path / "keys", seed=5)
    with pytest.raises(LinkageError, match="restore the key ring"):
        city.night("a1", NIGHTS[1])


def test_an_empty_night_makes_an_empty_ledger(city):
    assert not city.night("")
    assert city.now == {}
    assert city.ledger.as_of(NIGHTS[0]).num_rows == 0


def test_child_ids_go_there_and_back(ring):
    ids = ChildIds(ring)
    counters = np.array([0, 1, 2, 255, 2**40], np.int64)
    text = ids.encode(counters)
    assert ids.decode(text).tolist() == counters.tolist()
    assert len(set(text.tolist())) == len(counters)
    assert ids.decode(np.array([], str)).tolist() == []


@pytest.mark.parametrize(
    ("night", "period"),
    [(date(2026, 6, 30), "2025-26"), (date(2026, 7, 1), "2026-27"), (date(1999, 12, 31), "1999-00")],
)
def test_periods(night, period):
    assert period_of(night) == period
