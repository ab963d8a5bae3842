"""A series of releases whose tree changes: published before there was one, and a school that moves later."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
from support.release_keys import FixedKeys

from assets.release import folder as places
from assets.release.manifest import AUDITOR_KEY
from assets.release.order import Order
from assets.release.publish import publish
from assets.release.tables import TREE, Additive, Catalogue, Count, PublishedTable
from assets.release.verify import verify

KEYS = FixedKeys()
WITHIN = PublishedTable(
    name="place_within",
    description="Which school lies in which neighbourhood.",
    dims=("period", *TREE),
    counts=(),
    period="period",
    comments=dict.fromkeys(("period", *TREE), "said"),
)
SCHOOLS = {"A": 40, "B": 4, "C": 61, "D": 33, "E": 28}
HOMES = {"A": "North", "B": "North", "C": "South", "D": "South"}


def _table(additive: Additive | str) -> PublishedTable:
    return PublishedTable(
        name="enrolled",
        description="Children enrolled.",
        dims=("period", "place"),
        counts=(Count("children"),),
        additive=(additive,),
        period="period",
        comments=dict.fromkeys(("period", "place", "children"), "said"),
    )


BEFORE = Catalogue((_table("place"),))
AFTER = Catalogue((WITHIN, _table(Additive("place", hierarchy="place_within"))))


def _release(root: Path, year: int, catalogue: Catalogue, homes: dict[str, str]) -> places.StoredRelease:
    """Publish in September: tonight's tree for every period there is, as a district knows only today's."""
    periods = [f"{first}-{first - 1999}" for first in range(2024, year)]
    (root / "outcomes.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(root / "outcomes.duckdb")) as con:
        con.execute("create table enrolled (period varchar, place varchar, children bigint)")
        con.execute("create table place_within (period varchar, part varchar, whole varchar)")
        for number, period in enumerate(periods):
            children = {school: count + number for school, count in SCHOOLS.items()}
            for whole in sorted(set(homes.values())):
                children[whole] = sum(children[school] for school, home in homes.items() if home == whole)
            children["All"] = sum(children[school] for school in SCHOOLS)
            con.executemany("insert into enrolled values (?, ?, ?)", [(period, *pair) for pair in children.items()])
            for edge in homes.items():
                con.execute("insert into place_within values (?, ?, ?)", [period, *edge])
    return publish(Order(root / "releases", root / "outcomes.duckdb", date(year, 9, 1), catalogue), KEYS)


def _of(release: places.StoredRelease, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(release.database), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_closed_periods_keep_their_tree_and_the_form_they_were_published_in(tmp_path: Path) -> None:
    first = _release(tmp_path, 2025, BEFORE, {})
    assert _of(first, "select count(*) from enrolled") == [(6,)]
    _release(tmp_path, 2026, AFTER, HOMES)
    last = _release(tmp_path, 2027, AFTER, {**HOMES, "A": "South"})
    homes = "select period, whole from place_within where part = 'A' and period > '2024-25' order by period"
    assert _of(last, homes) == [("2025-26", "North"), ("2026-27", "South")]
    rows = "select period, count(*), count(*) filter (place in ('North', 'South')) from enrolled group by 1 order by 1"
    assert _of(last, rows) == [("2024-25", 6, 0), ("2025-26", 8, 2), ("2026-27", 8, 2)]
    assert verify(tmp_path / "releases", KEYS.signing_key.public_key(), None, KEYS.derive(AUDITOR_KEY)).passed
