"""A city published in each mode: signed, verified from its files, frozen, repeated, and attacked as a reader would."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest
from support.release_keys import FixedKeys
from support.release_modes import UNDER_THE_RULE
from support.release_tables import city_catalogue, fill_city

from assets.release import folder as places
from assets.release.inferred import FORMS
from assets.release.log import details
from assets.release.manifest import AUDITOR_KEY
from assets.release.modes import in_words
from assets.release.order import Order
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.publish import build, publish
from assets.release.tables import Catalogue, CellRef, Count, PublishedTable, Relation
from assets.release.verify import verify

KEYS = FixedKeys()
PUBLIC, AUDITOR = KEYS.signing_key.public_key(), KEYS.derive(AUDITOR_KEY)
FIRST, LATER = date(2026, 9, 1), date(2026, 10, 1)
CITY = {"children": 1500, "measures": 2, "places": 3}
OVERALL = (
    "measure = 'measure 00' and place = 'All' and grade_or_age_band = 'All' "
    "and race_ethnicity = 'All' and sex = 'All' and economic_status = 'All'"
)
DIMS = "measure, version, period, place, grade_or_age_band, race_ethnicity, sex, economic_status, program"


def _order(root: Path, mode: str, night: date = FIRST, catalogue: Catalogue | None = None) -> Order:
    policy = ReleasePolicy(threshold=5, mode=mode)  # type: ignore[arg-type]
    return Order(root / "releases", root / "outcomes.duckdb", night, catalogue or city_catalogue(), policy)


def _fill(root: Path, **changes: object) -> None:
    (root / "outcomes.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(root / "outcomes.duckdb")) as con:
        fill_city(con, **{**CITY, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=UNDER_THE_RULE)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A mode, and a city with one release in it."""
    root = tmp_path_factory.mktemp(request.param)
    _fill(root)
    publish(_order(root, request.param), KEYS)
    return request.param, root


def _rows(release: places.StoredRelease, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(release.database), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_every_number_shown_is_one_of_the_modes_and_most_are_not_the_count(made: tuple[str, Path]) -> None:
    mode, root = made
    release, form = places.current(root / "releases"), FORMS[mode]
    with duckdb.connect(str(release.database), read_only=True) as con:
        con.execute(f"attach '{root / 'outcomes.duckdb'}' as outcomes (read_only)")
        both = f"outcomes.measure t join measure r using ({DIMS}) where r.denominator > 0"
        pairs = con.execute(f"select t.denominator, r.denominator from {both}").fetchall()
    truth, shown = np.array(pairs, float).T
    assert len(shown) > 20
    assert np.abs(shown - truth).max() <= form.reach
    assert (shown % form.base == 0).all()
    assert (shown != truth).mean() > 0.3
    assert _rows(release, "select count(*) from measure where rate > 100") == [(0,)]


def test_the_release_says_its_mode_and_its_loss_everywhere(made: tuple[str, Path]) -> None:
    mode, root = made
    release = places.current(root / "releases")
    assert details(root / "releases")["mode"]["name"] == mode
    assert {"measure", "program_overlap"} <= set(release.manifest["mode"]["loss"])
    assert "source_freshness" not in release.manifest["mode"]["loss"]
    assert any(line.startswith(f"{mode}: Counts are") for line in in_words(release.manifest))
    comments = dict(_rows(release, "select table_name, comment from duckdb_tables()"))  # type: ignore[arg-type]
    assert "off on average" in str(comments["measure"])
    assert "do not add up" in str(comments["distinct_served"])
    assert "off on average" not in str(comments["source_freshness"]), "a table of the night keeps its own rounding"
    assert str(_rows(release, "select policy from release_log")[0][0]).endswith(f"/{mode}")


def test_no_key_of_a_child_or_cell_leaves(made: tuple[str, Path]) -> None:
    release = places.current(made[1] / "releases")
    assert _rows(release, "select count(*) from duckdb_columns() where column_name ilike '%key%' and not internal") == [
        (0,)
    ]


def test_it_verifies_from_its_files_and_is_the_same_when_made_again(made: tuple[str, Path], tmp_path: Path) -> None:
    mode, root = made
    assert verify(root / "releases", PUBLIC, auditor_key=AUDITOR).passed
    assert verify(root / "releases", PUBLIC).passed
    assert build(_order(root, mode), KEYS).existing
    _fill(tmp_path)
    again, first = publish(_order(tmp_path, mode), KEYS), places.current(root / "releases")
    assert (again.id, again.manifest["tables"]) == (first.id, first.manifest["tables"])
    assert (again.path / places.ANNEX).read_bytes() == (first.path / places.ANNEX).read_bytes()


def test_the_same_children_are_shown_alike_in_all_tables_and_series(made: tuple[str, Path], tmp_path: Path) -> None:
    """A reader who collects every number about the same children, to average them, has one number."""
    mode, root = made
    (tmp_path / "outcomes.duckdb").write_bytes((root / "outcomes.duckdb").read_bytes())
    whole = city_catalogue()
    fewer = Catalogue(whole.tables[1:])
    publish(_order(tmp_path, mode, LATER, fewer), KEYS)
    found: dict[int, set[int]] = {}
    for releases, catalogue in ((root / "releases", whole), (tmp_path / "releases", fewer)):
        with duckdb.connect(str(places.current(releases).database), read_only=True) as con:
            con.execute(f"attach '{root / 'outcomes.duckdb'}' as outcomes (read_only)")
            for spec in catalogue.tables:
                for name in spec.count_names if not spec.rounding else ():
                    sql = f"select t.{name}__key, r.{name} from outcomes.{spec.name} t join {spec.name} r using "
                    rows = con.execute(f"{sql}({', '.join(spec.dims)}) where r.{name} > 0").fetchall()
                    for key, shown in rows:
                        found.setdefault(key, set()).add(shown)
    assert len(found) > 50
    assert all(len(numbers) == 1 for numbers in found.values())


def test_a_late_child_tells_nothing_nor_does_a_new_version(made: tuple[str, Path], tmp_path: Path) -> None:
    mode, root = made
    first = places.current(root / "releases")
    _copy(root, tmp_path)
    _fill(tmp_path, children=CITY["children"] + 1)  # type: ignore[operator]
    second = publish(_order(tmp_path, mode, LATER), KEYS)
    columns = "select * exclude (release_id) from measure order by all"
    assert _rows(second, columns) == _rows(first, columns), "a closed period keeps its form"
    _fill(tmp_path, children=CITY["children"] + 1, version="2")  # type: ignore[operator]
    publish(_order(tmp_path, mode, date(2026, 11, 1)), KEYS)
    assert verify(tmp_path / "releases", PUBLIC, auditor_key=AUDITOR).passed


def test_the_mode_may_change_within_a_series_and_rows_keep_theirs(made: tuple[str, Path], tmp_path: Path) -> None:
    mode, root = made
    _copy(root, tmp_path)
    first = places.current(tmp_path / "releases")
    _fill(tmp_path, periods=("2024-25", "2025-26", "2026-27"))
    publish(_order(tmp_path, "suppress", date(2027, 9, 1)), KEYS)
    _fill(tmp_path, periods=("2024-25", "2025-26", "2026-27"), version="2", children=1700)
    third = publish(_order(tmp_path, mode, date(2027, 10, 1)), KEYS)
    old = "select * exclude (release_id) from measure where version = '1' and period < '2026-27' order by all"
    assert _rows(third, old) == _rows(first, old)
    assert verify(tmp_path / "releases", PUBLIC, auditor_key=AUDITOR).passed
    assert [str(row[0]).rsplit("/", 1)[-1] for row in _rows(third, "select policy from release_log")] == [
        mode,
        "certain-hidden",
        mode,
    ]


def test_a_number_that_was_once_shown_exactly_may_come_again_in_a_mode(tmp_path: Path) -> None:
    _fill(tmp_path, children=600, periods=("2024-25",))
    first = publish(_order(tmp_path, "suppress"), KEYS)
    before = _rows(first, f"select denominator from measure where {OVERALL}")[0][0]
    with duckdb.connect(str(tmp_path / "outcomes.duckdb")) as con:
        homes = f"('All', {before}), ('own', {before} - 97), ('rented', 97)"
        con.execute(f"create table by_home as select '2024-25' as period, * from (values {homes}) t(home, children)")
    comments = {"period": "the period", "home": "the home", "children": "the children"}
    home = PublishedTable("by_home", "Children by home.", ("period", "home"), (Count("children"),), comments,
                          additive=("home",), period="period")  # fmt: skip
    total, parts = CellRef("by_home", "children"), CellRef("measure", "denominator")
    same = Relation("homes", total, parts, on=f"l.period = r.period and {OVERALL}", where="home = 'All'")
    catalogue = city_catalogue()
    wider = Catalogue((*catalogue.tables, home), (*catalogue.relations, same))
    second = publish(_order(tmp_path, "round-5", LATER, wider), KEYS)
    shown = [int(str(row[0])) for row in _rows(second, "select children from by_home where not suppressed")]
    assert shown
    assert all(number % 5 == 0 for number in shown)
    assert verify(tmp_path / "releases", PUBLIC, auditor_key=AUDITOR).passed


def _copy(root: Path, target: Path) -> None:
    shutil.copytree(root / "releases", target / "releases", dirs_exist_ok=True)


def test_a_number_altered_in_the_file_is_found_without_any_key(made: tuple[str, Path], tmp_path: Path) -> None:
    from assets.release.auditing import attack

    release = places.current(made[1] / "releases")
    altered = tmp_path / places.DATABASE
    altered.write_bytes(release.database.read_bytes())
    with duckdb.connect(str(altered)) as con:
        con.execute("update measure set denominator = 6, rate = null where denominator > 0 and numerator is null")
    order = _order(made[1], made[0])
    report, _ = attack(altered, order.catalogue, order.policy, None, release_id=release.id, earlier=[])
    assert any("may stand for a small count" in str(finding) for finding in report.findings)


def test_a_mode_by_children_names_the_table_without_keys(tmp_path: Path) -> None:
    _fill(tmp_path)
    with duckdb.connect(str(tmp_path / "outcomes.duckdb")) as con:
        con.execute("alter table program_overlap drop column children__key")
    with pytest.raises(ReleaseError, match="table program_overlap has counts without a key"):
        publish(_order(tmp_path, "cell-key"), KEYS)
    assert publish(_order(tmp_path, "round-3"), KEYS).manifest["mode"]["base"] == 3


def test_suppression_says_so_too(tmp_path: Path) -> None:
    _fill(tmp_path, children=300)
    release = publish(replace(_order(tmp_path, "suppress"), policy=ReleasePolicy()), KEYS)
    assert release.manifest["mode"]["name"] == "suppress"
    assert "every number shown is exact" in str(
        _rows(release, "select comment from duckdb_tables() where table_name = 'measure'")
    )
