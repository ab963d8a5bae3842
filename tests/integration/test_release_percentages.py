"""Coded percentages over a series of releases: what is told stays told, and the audit runs again from the files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.release_keys import FixedKeys
from support.release_tables import city_catalogue, fill_city

from assets.release import folder as places
from assets.release.manifest import AUDITOR_KEY
from assets.release.order import Order
from assets.release.policy import CodedTail, ReleasePolicy
from assets.release.publish import publish
from assets.release.verify import verify

KEYS = FixedKeys()
PUBLIC, AUDITOR = KEYS.signing_key.public_key(), KEYS.derive(AUDITOR_KEY)
CODED = ReleasePolicy(percentages=(CodedTail(10, 20, 80), CodedTail(41, 5, 95), CodedTail(301, 2, 98)))
COUNTED = "select period, rate is null, numerator is null, rate_shown from measure where rate_shown is not null"


def _publish(root: Path, night: date, policy: ReleasePolicy, *periods: str) -> places.StoredRelease:
    (root / "outcomes.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(root / "outcomes.duckdb")) as con:
        fill_city(con, children=900, measures=2, places=4, periods=periods)
    return publish(Order(root / "releases", root / "outcomes.duckdb", night, city_catalogue(), policy), KEYS)


def _rows(release: places.StoredRelease, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(release.database), read_only=True) as con:
        return con.execute(f"{sql} order by all").fetchall()


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[places.StoredRelease]]:
    """A release that codes percentages, and one after it that does not."""
    root = tmp_path_factory.mktemp("coded")
    first = _publish(root, date(2025, 9, 1), CODED, "2024-25")
    return root, [first, _publish(root, date(2026, 9, 1), ReleasePolicy(), "2024-25", "2025-26")]


def test_bounds_are_told_beside_hidden_numerators_and_percentages_beside_shown_ones(
    series: tuple[Path, list[places.StoredRelease]],
) -> None:
    rows = _rows(series[1][0], COUNTED)
    bounds = {text for _, no_rate, no_count, text in rows if no_rate and no_count}
    assert bounds and bounds <= {"<20 %", ">80 %", "<5 %", ">95 %", "<2 %", ">98 %"}
    assert all(str(text).endswith(" %") and str(text)[0].isdigit() for _, no_rate, _, text in rows if not no_rate)


def test_a_bound_once_told_stays_told_under_any_later_rule(series: tuple[Path, list[places.StoredRelease]]) -> None:
    before, after = (_rows(release, COUNTED) for release in series[1])
    assert [row for row in after if row[0] == "2024-25"] == before
    assert {text for period, no_rate, _, text in after if period == "2025-26" and no_rate} == set()


def test_releases_with_bounds_are_audited_again_from_their_files(
    series: tuple[Path, list[places.StoredRelease]],
) -> None:
    root, releases = series
    for release in releases:
        for key in (AUDITOR, None):
            found = verify(root / "releases", PUBLIC, release.id, key)
            assert found.passed, [str(check) for check in found.checks if not check.passed]
