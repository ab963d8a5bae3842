"""Counts outside releases: what may leave, and what of the whole city is shown month by month."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.extracts.nights import FileCount
from assets.extracts.report import FileSum
from assets.release.held_counts import BASE, in_words, note_counts, shown_counts
from assets.release.reporting import WITHHELD, leaving, told_of, without_counts
from pipelines.checks import Checked, Warned
from pipelines.summary import SourceLine

FATES = {"read": 10, "loaded": 6, "quarantined": 2, "dropped_by_policy": 1, "dropped_by_consent": 1}


def test_rows_read_are_accepted_quarantined_or_dropped_and_no_other_number_leaves() -> None:
    [told] = leaving([{"source": "wic", **FATES, "new": 5, "adds_up": True, "something_new": 3, "share": 0.5}])
    assert told == {
        "source": "wic",
        "read": 10,
        "accepted": 7,
        "quarantined": 2,
        "dropped_by_policy": 1,
        "adds_up": True,
    }


@given(st.integers(0, 7))
def test_how_many_of_the_accepted_were_withheld_changes_nothing(withheld: int) -> None:
    apart = {"loaded": 7 - withheld, "dropped_by_consent": withheld}
    assert leaving([FATES | apart]) == leaving([FATES | {"loaded": 7, "dropped_by_consent": 0}])


@pytest.mark.parametrize("agency_tokenised", [True, False])
def test_tokens_are_told_where_the_agency_made_them(agency_tokenised: bool) -> None:
    [told] = leaving([{"tokenised": 9, "unlinkable": 1}], agency_tokenised=agency_tokenised)
    assert told == ({"tokenised": 9, "unlinkable": 1} if agency_tokenised else {})


@pytest.mark.parametrize("kind", [FileSum, FileCount, SourceLine])
def test_no_count_of_a_night_leaves_by_chance(kind: type) -> None:
    """A count that is added to these rows is left out until somebody lists it, with what it depends on."""
    numbers = {name: 1 for name, field in kind.__dataclass_fields__.items() if field.type in {"int", int}}
    [told] = leaving([numbers])
    assert set(told) <= {"files", "read", "accepted", "quarantined", "dropped_by_policy"}


def test_what_a_check_of_all_records_found_stays_and_what_an_agreement_lacks_is_told() -> None:
    said = Checked(
        (Warned("model_drift", "child_ids", "0.31"), Warned("no_measure_withheld", "outcomes", "x")),
        "7 %",
        "exposure_gate",
    )
    assert [one.said for one in said.leaving().warnings] == [WITHHELD, "x"]
    assert said.leaving().release_refused == WITHHELD
    assert told_of("licence_and_claims", "no licence in force") == "no licence in force"
    assert Checked().leaving() == Checked()


NIGHTS = [date(2026, month, day) for month in (9, 10, 11) for day in (1, 15)]


def month_by_month(tmp_path, counts: list[int]) -> list[int | None]:
    path = tmp_path / "reports.duckdb"
    path.unlink(missing_ok=True)
    seen = []
    for night, count in zip(NIGHTS, counts, strict=False):
        note_counts(path, "night", {"children": count}, night, 10)
        seen.append(shown_counts(path, "night", night).get("children"))
    return seen


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([103, 190, 122, 122, 123, 123], [100, 100, 100, 100, 120, 120]),  # measured from 103, not from month to month
        ([103, 103, 84, 84, 83, 83], [100, 100, 100, 100, 80, 80]),
        ([3, 300, 19, 19, 20, 20], [None, None, None, None, 20, 20]),
        ([0, 0, 0, 0, 0, 0], [None] * 6),
    ],
)
def test_the_first_night_of_a_month_fixes_a_count_that_moves_by_a_step_or_not_at_all(tmp_path, counts, expected):
    assert month_by_month(tmp_path, counts) == expected


def test_what_was_shown_is_kept_and_a_night_again_adds_nothing(tmp_path):
    path = tmp_path / "reports.duckdb"
    for count in (100, 200):
        note_counts(path, "night", {"children": count}, NIGHTS[0], 10)
    with duckdb.connect(str(path)) as con:
        assert con.execute("select month, behind from shown_count").fetchall() == [("2026-09", 100)]
    assert shown_counts(path, "night") == {"children": 100}
    assert shown_counts(path, "another") == {}


@given(st.lists(st.integers(0, 200), min_size=3, max_size=3))
@settings(max_examples=5, deadline=None)
def test_two_numbers_shown_are_the_same_or_a_step_apart(tmp_path_factory, counts):
    seen = [one or 0 for one in month_by_month(tmp_path_factory.mktemp("m"), [c for c in counts for _ in "12"])]
    assert all(one == other or abs(one - other) >= BASE for one, other in pairwise(seen))


@pytest.mark.parametrize(
    ("count", "threshold", "said"), [(None, 10, "fewer than 20"), (0, 30, "fewer than 40"), (1240, 10, "about 1,240")]
)
def test_few_and_none_are_told_alike(count, threshold, said):
    assert in_words(count, threshold) == said


def test_of_a_row_without_counts_the_words_stay() -> None:
    told = without_counts({"source": "consents", "read": 4, "adds_up": True, "status": "loaded"})
    assert told == {"source": "consents", "read": "–", "adds_up": True, "status": "loaded"}
