"""Tables that change with every release: what moves between two releases, and a planted move that stops the second."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from support.release_keys import FixedKeys
from support.release_rolling import catalogue, fill

from assets.release import auditing, working
from assets.release import folder as places
from assets.release.manifest import AUDITOR_KEY
from assets.release.order import AuditFailedError, Order
from assets.release.policy import ReleasePolicy
from assets.release.publish import publish
from assets.release.verify import verify

KEYS = FixedKeys()
FIRST, SECOND, THIRD = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)
BEFORE = [
    ("school", "All", 903, 1202, 0.9871, "2026-08-31"),
    ("wic", "All", 60, 96, 0.951, "2026-08-20"),
    ("clinic", "All", 5, 41, 0.95, "2026-08-20"),
]
SHOWN = 'select source, linked, records, rate, "precision", newest, release_id from linkage_quality order by source'


def release(root, rows, night, t=10):
    """Publish a release of some rows and return what it shows."""
    (root / "outcomes.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(root / "outcomes.duckdb")) as con:
        fill(con, rows)
    made = publish(
        Order(root / "releases", root / "outcomes.duckdb", night, catalogue(), ReleasePolicy(threshold=t)), KEYS
    )
    with duckdb.connect(str(made.database), read_only=True) as con:
        return made.id, con.execute(SHOWN).fetchall()


def verified(root):
    return verify(root / "releases", KEYS.signing_key.public_key(), auditor_key=KEYS.derive(AUDITOR_KEY)).passed


@pytest.fixture
def first(tmp_path):
    return release(tmp_path, BEFORE, FIRST)


@pytest.mark.parametrize(
    ("what", "probe"),
    [
        ("one record more", (904, 1203, 0.9869)),
        ("one linked", (904, 1202, 0.9872)),
        ("nineteen more, none linked", (903, 1221, 0.9)),
        ("nineteen fewer", (884, 1183, 0.99)),
    ],
)
def test_a_row_that_moved_by_less_than_a_step_is_as_it_was_to_the_last_number(tmp_path, first, what, probe):
    _, before = first
    _, after = release(tmp_path, [("school", "All", *probe, "2026-09-30"), *BEFORE[1:]], SECOND)
    assert [row[:5] + row[6:] for row in after] == [row[:5] + row[6:] for row in before]
    assert [row[5] for row in after] == ["2026-08-20", "2026-09-30", "2026-08-20"]  # a date is no count
    assert verified(tmp_path)


def test_a_row_that_moved_by_a_step_is_shown_anew_and_no_other(tmp_path, first):
    id_1, before = first
    id_2, after = release(tmp_path, [("school", "All", 905, 1223, 0.9, "2026-09-30"), *BEFORE[1:]], SECOND)
    assert {row[0]: row[6] for row in after} == {"clinic": id_1, "school": id_2, "wic": id_1}
    assert after[1][1:5] == (900, 1220, 73.8, 0.9)
    assert before[1][1:3] == (900, 1200)
    assert verified(tmp_path)


def test_what_is_held_is_measured_from_when_it_was_shown_and_not_from_last_time(tmp_path, first):
    """Ten more every month: held for one month, shown with the second."""
    rows = [("school", "All", 903, 1212, 0.9, "x"), *BEFORE[1:]]
    assert release(tmp_path, rows, SECOND)[1][1][2] == 1200
    rows = [("school", "All", 903, 1222, 0.9, "x"), *BEFORE[1:]]
    assert release(tmp_path, rows, THIRD)[1][1][2] == 1220
    assert verified(tmp_path)


def test_a_row_neither_comes_with_the_first_record_nor_goes_with_the_last(tmp_path, first):
    few = ("clinic", "born: 2019-20", 2, 3, 0.9, "x")
    rows = release(tmp_path, [*BEFORE[:2], few], SECOND)[1]
    assert [row[0] for row in rows] == ["school", "wic"]  # 41 records left the clinic: a move by two steps
    rows = release(tmp_path, [BEFORE[0], few], THIRD)[1]
    assert [row[0] for row in rows] == ["school"]
    assert verified(tmp_path)


def test_a_row_of_few_records_stays_when_they_are_gone(tmp_path):
    few = ("clinic", "born: 2019-20", 2, 15, 0.9, "x")
    _, before = release(tmp_path, [*BEFORE, few], FIRST)
    _, after = release(tmp_path, BEFORE, SECOND)
    assert after == before
    assert verified(tmp_path)


def test_a_stricter_rule_leaves_what_was_shown_under_the_earlier_one(tmp_path):
    rows = [("school", "All", 11, 200, 0.9, "x"), *BEFORE[1:]]
    _, before = release(tmp_path, rows, FIRST)
    _, after = release(tmp_path, rows, SECOND, t=12)
    assert after == before
    assert verified(tmp_path)


GROUP = ("clinic", "born: 2019-20", 0, 19, 0.9, "x")


@pytest.mark.parametrize(
    ("shown", "rows", "said", "where"),
    [
        (BEFORE, [("school", "All", 904, 1203, 0.98, "x"), *BEFORE[1:]], "shown anew", "source=school"),
        # a step of the rounding: shown 1,220 for 1,210, and it was 1,200 for 1,202
        (BEFORE, [("school", "All", 911, 1210, 0.98, "x"), *BEFORE[1:]], "shown anew", "source=school"),
        (BEFORE, [*BEFORE, GROUP], "appears", "subgroup=born: 2019-20"),
        ([*BEFORE, GROUP], BEFORE, "is gone", "subgroup=born: 2019-20"),
    ],
)
def test_a_release_that_does_not_hold_is_stopped_with_table_and_row(tmp_path, monkeypatch, shown, rows, said, where):
    release(tmp_path, shown, FIRST)
    monkeypatch.setattr(working, "hold", lambda *_: None)
    with pytest.raises(AuditFailedError) as stopped:
        release(tmp_path, rows, SECOND)
    assert any(f.startswith("linkage_quality (") and where in f and said in f for f in stopped.value.findings)
    assert not [number for number in ("904", "1203", "1210") if any(number in f for f in stopped.value.findings)]
    assert len(places.releases(tmp_path / "releases")) == 1


def test_without_the_annexes_the_files_are_compared_as_far_as_rounding_tells(tmp_path, monkeypatch):
    release(tmp_path, BEFORE, FIRST)
    monkeypatch.setattr(working, "hold", lambda *_: None)
    monkeypatch.setattr(auditing, "_last", lambda *_: None)
    with pytest.raises(AuditFailedError, match=r"linkage_quality \(source=school, subgroup=All\): it is shown anew"):
        release(tmp_path, [("school", "All", 904, 1203, 0.98, "x"), *BEFORE[1:]], SECOND)
