"""Sums of money over a series of releases: frozen with their period, and audited again from the files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.release_keys import FixedKeys

from assets.release import folder as places
from assets.release.manifest import AUDITOR_KEY
from assets.release.order import Order
from assets.release.policy import AmountRule, ReleasePolicy
from assets.release.publish import publish
from assets.release.tables import Amount, Catalogue, Count, PublishedTable
from assets.release.verify import verify

KEYS = FixedKeys()
PUBLIC, AUDITOR = KEYS.signing_key.public_key(), KEYS.derive(AUDITOR_KEY)
POLICY = ReleasePolicy(amounts=AmountRule(prior=15))
BENEFIT = PublishedTable(
    name="benefit_amount",
    description="Children whose family was paid a benefit, and what was paid.",
    dims=("period", "program", "place"),
    counts=(Count("children"),),
    amounts=(Amount("paid", "children"),),
    additive=("program", "place"),
    period="period",
    comments=dict.fromkeys(("period", "program", "place", "children", "paid"), "said"),
)
FILL = """
create or replace table benefit_amount as
with paid as (
    select period, 'program ' || p as program, 'place ' || (hash(i || '.' || p) % 5) as place,
        case when i = 7 and p = 1 then 200000 else 100 + hash(i || '/' || p || period) % 900 end as amount
    from range(160) as c(i), range(3) as k(p), unnest($periods) as t(period)
    where i = 7 or hash(i || '-' || p || period) % 4 > 0
)
select period, coalesce(program, 'All') as program, coalesce(place, 'All') as place,
    count(*) as children, sum(amount)::double as paid,
    max(amount)::double as paid__largest, coalesce(max(amount, 2)[2], 0)::double as paid__second
from paid
group by grouping sets ((period), (period, program), (period, place), (period, program, place))
"""


def _publish(root: Path, night: date, *periods: str) -> places.StoredRelease:
    (root / "outcomes.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(root / "outcomes.duckdb")) as con:
        con.execute(FILL, {"periods": list(periods)})
    return publish(Order(root / "releases", root / "outcomes.duckdb", night, Catalogue((BENEFIT,)), POLICY), KEYS)


def _rows(release: places.StoredRelease, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(release.database), read_only=True) as con:
        return con.execute(f"{sql} order by all").fetchall()


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[places.StoredRelease]]:
    """Two releases, the second with one more period."""
    root = tmp_path_factory.mktemp("amounts")
    return root, [
        _publish(root, date(2025, 9, 1), "2024-25"),
        _publish(root, date(2026, 9, 1), "2024-25", "2025-26"),
    ]


def test_a_sum_that_one_child_dominates_is_hidden_and_its_period_stays_as_it_was(
    series: tuple[Path, list[places.StoredRelease]],
) -> None:
    sql = "select program, place, children, paid from benefit_amount where period = '2024-25'"
    before, after = (_rows(release, sql) for release in series[1])
    assert before == after
    hidden = {(program, place) for program, place, _, paid in before if paid is None}
    assert 4 <= len(hidden) < len(before) / 2
    assert ("All", "All") not in hidden
    assert any(program == "program 1" and place != "All" for program, place in hidden)


def test_releases_with_amounts_are_audited_again_from_their_files(
    series: tuple[Path, list[places.StoredRelease]],
) -> None:
    root, releases = series
    for release in releases:
        for key in (AUDITOR, None):
            found = verify(root / "releases", PUBLIC, release.id, key)
            assert found.passed, [str(check) for check in found.checks if not check.passed]
