"""The definitions as a whole: complete, over all five areas, in the catalogue, and documented as they are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assets.outcomes.catalogue import catalogue
from assets.outcomes.definitions import AREAS, lineage, linked_tables, measures
from assets.outcomes.docs import render
from assets.outcomes.success import load_targets
from assets.spine.periods import closed_periods, first_year, label

ROOT = Path(__file__).resolve().parents[2]


def test_the_measures_cover_all_five_areas():
    assert {item.text("area") for item in measures()} == set(AREAS)
    assert len({item.name for item in measures()}) >= 14


def test_the_page_of_measures_is_current():
    current = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    assert current == render(), "run: python -m assets.outcomes.docs > docs/measures.md"


def test_every_linked_table_is_in_the_catalogue():
    assert {item.name for item in linked_tables()} <= set(catalogue().by_name)


def test_lineage_goes_through_the_models():
    absence = next(item for item in measures() if item.key == "chronic_absence 1")
    read = {str(column) for column in lineage(absence.file)}
    assert {"attendance.events.absent", "attendance.calendar.day", "school.enrollments.begin"} <= read


def test_every_target_is_of_a_measure_that_exists():
    assert {target.measure for target in load_targets()} <= {item.name for item in measures()}


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        (date(2026, 9, 1), ("2024-25", "2025-26")),
        (date(2026, 7, 1), ("2024-25", "2025-26")),
        (date(2026, 6, 30), ("2023-24", "2024-25")),
        (date(2000, 7, 1), ("1998-99", "1999-00")),
    ],
)
def test_closed_periods(night: date, expected: tuple[str, ...]):
    assert closed_periods(night) == expected
    assert [label(first_year(period)) for period in expected] == list(expected)


@pytest.mark.parametrize("text", ["2025", "2025-27", "2025-2026", "", "25-26"])
def test_a_period_is_two_following_years(text: str):
    with pytest.raises(ValueError, match="2025-26"):
        first_year(text)
