"""Earlier releases are marked when a family takes a child back that they held."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from support.disclosed import row
from support.returning import NIGHT, city, say

from assets.night import Night
from assets.release.marks import mark_releases, marks, shown
from assets.spine.build import build_spine
from assets.spine.gate import taken_on
from consent.child_sets import ChildSets
from consent.disclosures import Act, Disclosures
from consent.registry import open_registry


@pytest.fixture
def night(tmp_path: Path) -> Night:
    made = city(tmp_path)
    _publish(made, "r-1", sorted(set(made.record_child()["child_id"].to_pylist())))
    _publish(made, "r-0", ["c-" + "z" * 26])
    return made


def _publish(night: Night, release: str, children: list[str]) -> None:
    sets = ChildSets(night.keys.derive)
    sealed = sets.seal(pa.array(children, pa.string()))
    rows = [row(source=source, set_id=sealed.set_id) for source in ("school", "health")]
    Disclosures(open_registry(night.paths.registry_url), sets).record(
        Act("release", release, NIGHT), rows, sets=[sealed], actor="night"
    )


def test_a_night_without_new_refusals_marks_nothing(night: Night):
    assert mark_releases(night) == {}
    assert marks(night.paths.nights) == {}


def test_a_refusal_marks_the_releases_that_held_the_child_once_however_often_it_runs(night: Night):
    say(night, "ann.1", "refuse")
    say(night, "cam.1", "refuse")
    later = replace(night, date=date(NIGHT.year, NIGHT.month, NIGHT.day + 1))
    for _ in range(2):
        build_spine(later)
        assert mark_releases(later) == {"r-1": 2}
    assert marks(night.paths.nights) == {"r-1": 2}
    assert taken_on(night.paths.nights, later.date).newly_refused == 2


def test_a_small_number_of_refusals_is_not_shown_and_none_is_not_told_from_one(night: Night):
    nights = night.paths.nights
    assert shown(nights) == {}
    say(night, "ann.1", "refuse")
    later = replace(night, date=date(NIGHT.year, NIGHT.month, NIGHT.day + 1))
    build_spine(later)
    assert mark_releases(later) == {"r-1": 1}
    assert shown(nights) == {}
