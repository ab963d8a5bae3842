"""The small parts of the release room: catalogue, calendar, rounding, annex, policy."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.release_tables import city_catalogue, comments, measure_table

from assets.release.annex import Annex, seal, unseal
from assets.release.calendar import due, period_end, planned
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.rounding import behind, rounded
from assets.release.tables import (
    Additive,
    Borrowed,
    Catalogue,
    CatalogueError,
    CellRef,
    Count,
    Rate,
    Relation,
)


def test_a_catalogue_survives_its_own_json() -> None:
    catalogue = city_catalogue()
    text = json.dumps(catalogue.to_json(), sort_keys=True)
    again = Catalogue.from_json(json.loads(text))
    assert json.dumps(again.to_json(), sort_keys=True) == text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"comments": comments("numerator")}, "has no comment"),
        ({"additive": ("colour",)}, "colour is named as a dimension"),
        ({"additive": (Additive("nothing", kind="within"),)}, "nothing is named as a dimension"),
        ({"counts": (Count("numerator", within="everyone"), Count("denominator"))}, "within everyone"),
        ({"rates": (Rate("rate", "numerator", "everyone"),)}, "divides columns"),
        ({"definition": ("measure",)}, "version version must be one of"),
        ({"rounding": 5, "period": None}, "rounding base 5"),
        ({"rounding": 10}, "so it is not rounded"),
        ({"name": "Measure"}, "not a lower-case name"),
        ({"borrowed": (Borrowed("latest", "measure", "nothing", "true"),)}, "borrows measure.nothing"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(changes: dict[str, object], expected: str) -> None:
    with pytest.raises(CatalogueError, match=expected):
        Catalogue((measure_table(**changes),))


def test_a_relation_names_counts_that_exist() -> None:
    with pytest.raises(CatalogueError, match=r"no count measure\.people"):
        Catalogue(
            (measure_table(),), (Relation("r", CellRef("measure", "people"), CellRef("measure", "numerator"), "true"),)
        )


@pytest.mark.parametrize(
    ("rule", "on", "expected"),
    [
        ("monthly", date(2026, 9, 3), date(2026, 9, 1)),
        ("quarterly", date(2026, 9, 3), date(2026, 7, 1)),
        ("quarterly", date(2026, 1, 1), date(2026, 1, 1)),
        ("yearly", date(2026, 6, 30), date(2025, 7, 1)),
        ("after_period_close", date(2026, 7, 30), date(2025, 7, 31)),
        ("after_period_close", date(2026, 7, 31), date(2026, 7, 31)),
        ((date(2026, 9, 2), date(2026, 12, 1)), date(2026, 9, 1), None),
        ((date(2026, 9, 2), date(2026, 12, 1)), date(2026, 11, 30), date(2026, 9, 2)),
    ],
)
def test_the_latest_planned_day(rule: object, on: date, expected: date | None) -> None:
    assert planned(rule, on) == expected  # type: ignore[arg-type]


def test_a_release_is_due_once_for_each_planned_day() -> None:
    assert due(date(2026, 9, 1), "quarterly", [])
    assert not due(date(2026, 9, 2), "quarterly", [date(2026, 9, 1)])
    assert due(date(2026, 10, 1), "quarterly", [date(2026, 9, 1)])
    assert not due(date(2026, 9, 1), (date(2026, 9, 2),), [])
    with pytest.raises(ReleaseError, match="release calendar is 'weekly'"):
        due(date(2026, 9, 1), "weekly", [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("label", "last"),
    [
        ("2025-26", date(2026, 6, 30)),
        ("1999-00", date(2000, 6, 30)),
        ("2011-12", date(2012, 6, 30)),
        ("2025", date(2025, 12, 31)),
        ("2024-02", date(2024, 2, 29)),
    ],
)
def test_the_last_day_of_a_period(label: str, last: date) -> None:
    assert period_end(label) == last


@pytest.mark.parametrize("label", ["All", "2025-13", "25-26", "", "2025-26 "])
def test_an_unknown_period_is_an_error_that_does_not_quote_it(label: str) -> None:
    with pytest.raises(ReleaseError, match="unknown label"):
        period_end(label)


@given(value=st.integers(0, 5000), base=st.sampled_from([2, 4, 10, 20]))
def test_a_rounded_count_lies_in_the_interval_behind_it(value: int, base: int) -> None:
    if 1 <= value < 10:
        return
    shown = rounded(np.array([float(value)]), base)
    low, high = behind(shown, base, 10)
    assert low[0] <= value <= high[0]
    assert high[0] - low[0] <= base - 1


def test_the_annex_opens_with_its_key_only() -> None:
    annex = Annex(np.array([3, 4]), np.array([5.0, 7.0]), np.array([3]), np.array([2]), np.array([], np.int64))
    key = bytes(32)
    sealed = seal(annex.to_bytes({3: (0.0, 12.0)}), key)
    assert Annex.from_bytes(unseal(sealed, key)).truth.tolist() == [5.0, 7.0]
    assert sealed == seal(annex.to_bytes({3: (0.0, 12.0)}), key), "the same release seals to the same bytes"
    with pytest.raises(ReleaseError, match="does not open"):
        unseal(sealed, bytes(31) + b"1")
    with pytest.raises(ReleaseError, match="does not open"):
        unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), key)
    with pytest.raises(ReleaseError, match="not in its form"):
        Annex.from_bytes(b"[]")


def test_a_policy_refuses_what_it_cannot_mean() -> None:
    assert ReleasePolicy.from_json(ReleasePolicy(11).to_json()) == ReleasePolicy(11)
    for wrong in ({"threshold": 2}, {"zeros": "maybe"}, {"limit": 10}):
        with pytest.raises(ReleaseError):
            ReleasePolicy.from_json(wrong)
