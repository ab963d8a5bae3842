"""A series of releases of one invented city: repeatable, frozen, verified, queried."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.release_keys import FixedKeys
from support.release_tables import city_catalogue, fill_city

from assets.release import folder as places
from assets.release.log import details, entries, rollback
from assets.release.manifest import AUDITOR_KEY
from assets.release.order import AuditFailedError, Order
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.publish import build, publish
from assets.release.query import query
from assets.release.tables import Catalogue, CellRef, Count, PublishedTable, Relation
from assets.release.verify import verify

KEYS = FixedKeys()
PUBLIC, AUDITOR = KEYS.signing_key.public_key(), KEYS.derive(AUDITOR_KEY)
FIRST, LATER = date(2026, 9, 1), date(2026, 10, 1)
OVERALL = (
    "measure = 'measure 00' and place = 'All' and grade_or_age_band = 'All' "
    "and race_ethnicity = 'All' and sex = 'All' and economic_status = 'All'"
)
CITY = {"children": 900, "measures": 2, "places": 4}


def _order(root: Path, night: date = FIRST) -> Order:
    return Order(root / "releases", root / "outcomes.duckdb", night, city_catalogue())


def _fill(root: Path, **changes: object) -> None:
    (root / "outcomes.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(root / "outcomes.duckdb")) as con:
        fill_city(con, **{**CITY, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city with one release."""
    root = tmp_path_factory.mktemp("city")
    _fill(root)
    publish(_order(root), KEYS)
    return root


@pytest.fixture
def city(made: Path, tmp_path: Path) -> Path:
    """A copy of that city to work on."""
    shutil.copytree(made, tmp_path / "city")
    return tmp_path / "city"


def _rows(release: places.StoredRelease, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(release.database), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_a_release_hides_small_counts_and_says_so_in_one_sentence(made: Path) -> None:
    release = places.current(made / "releases")
    small = "numerator between 1 and 9 or denominator between 1 and 9 or denominator - numerator between 1 and 9"
    assert _rows(release, f"select count(*) from measure where {small}") == [(0,)]
    assert _rows(release, "select count(distinct suppressed_because) from measure where suppressed") == [(1,)]
    assert _rows(release, "select count(*) from measure where suppressed and rate is not null") == [(0,)]
    shown = _rows(release, "select count(*), count(rate) from measure where not suppressed and denominator > 0")
    assert shown[0][0] == shown[0][1] > 0


def test_a_table_of_the_night_is_rounded_and_its_small_counts_are_hidden(made: Path) -> None:
    release = places.current(made / "releases")
    columns = "source, quarantined, rows_read, share_low::double"
    assert _rows(release, f"select {columns} from source_freshness order by source") == [
        ("birth", None, 1200, None),
        ("school", 0, None, None),
        ("tanf", 0, 50, None),
        ("wic", 240, 2210, 0.12),
    ]


def test_every_table_and_column_is_described(made: Path) -> None:
    release = places.current(made / "releases")
    undescribed = """
        select table_name from duckdb_tables() where comment is null
        union all select column_name from duckdb_columns() where comment is null and not internal
    """
    assert _rows(release, undescribed) == []


def test_the_same_inputs_give_the_same_release_to_the_byte_of_its_tables(made: Path, tmp_path: Path) -> None:
    _fill(tmp_path)
    again = publish(_order(tmp_path), KEYS)
    first = places.current(made / "releases")
    assert again.id == first.id
    assert again.manifest["tables"] == first.manifest["tables"]
    assert (again.path / places.ANNEX).read_bytes() == (first.path / places.ANNEX).read_bytes()


def test_running_the_night_again_changes_nothing(city: Path) -> None:
    before = entries(city / "releases")
    assert build(_order(city), KEYS).existing
    assert entries(city / "releases") == before


def test_a_release_verifies_with_and_without_the_auditors_key(made: Path) -> None:
    assert verify(made / "releases", PUBLIC, auditor_key=AUDITOR).passed
    found = verify(made / "releases", PUBLIC)
    assert found.passed
    assert any("exact recovery only" in check.detail for check in found.checks)


def test_a_closed_period_keeps_its_first_form_whatever_arrives_late(city: Path) -> None:
    first = places.current(city / "releases")
    _fill(city, seed=8)
    second = publish(_order(city, LATER), KEYS)
    columns = "select * exclude (release_id) from {} order by all"
    for table in ("measure", "distinct_served", "program_overlap"):
        assert _rows(second, columns.format(table)) == _rows(first, columns.format(table))
    assert _rows(second, "select distinct release_id from measure") == [(first.id,)]
    assert verify(city / "releases", PUBLIC, auditor_key=AUDITOR).passed
    assert [row[0] for row in query(city / "releases", "select release_id from release_log").rows] == [
        first.id,
        second.id,
    ]


def test_a_new_period_is_added_beside_the_frozen_ones(city: Path) -> None:
    _fill(city, periods=("2024-25", "2025-26", "2026-27", "2027-28"))
    second = publish(_order(city, date(2027, 9, 1)), KEYS)
    found = _rows(second, "select period, count(distinct release_id) from measure group by 1 order by 1")
    assert found == [("2024-25", 1), ("2025-26", 1), ("2026-27", 1)], "2027-28 is still open"


def test_a_new_version_of_a_closed_period_is_published_beside_the_old_one(city: Path) -> None:
    first = places.current(city / "releases")
    _fill(city, version="2", children=930)
    second = publish(_order(city, LATER), KEYS)
    found = _rows(second, "select version, count(distinct release_id) from measure group by 1 order by 1")
    assert found == [("1", 1), ("2", 1)]
    close = """
        select count(*) from measure a join measure b using
            (measure, period, place, grade_or_age_band, race_ethnicity, sex, economic_status, program)
        where a.version = '1' and b.version = '2' and (
            abs(a.numerator - b.numerator) between 1 and 9 or abs(a.denominator - b.denominator) between 1 and 9
        )
    """
    assert _rows(second, close) == [(0,)], "no difference of two versions is a few children"
    assert first.id in {entry["release_id"] for entry in second.manifest["earlier"]}
    assert verify(city / "releases", PUBLIC, auditor_key=AUDITOR).passed


def test_a_stricter_rule_holds_for_what_is_shown_first_under_it(city: Path) -> None:
    _fill(city, version="2", children=1100)
    stricter = replace(_order(city, LATER), policy=ReleasePolicy(threshold=13, zeros="hidden"))
    second = publish(stricter, KEYS)
    small = "select count(*) from measure where version = '{}' and numerator between 0 and 12"
    assert _rows(second, small.format("2")) == [(0,)]
    assert verify(city / "releases", PUBLIC, auditor_key=AUDITOR).passed


def test_a_table_added_later_does_not_tell_what_arrived_late(city: Path) -> None:
    """The new table's total is the old measure's denominator, but three children arrived since it froze."""
    first = places.current(city / "releases")
    before = _rows(first, f"select denominator from measure where {OVERALL} and period = '2024-25'")[0][0]
    with duckdb.connect(str(city / "outcomes.duckdb")) as con:
        con.execute(
            "create table by_home as select * from (values ('All', 300), ('own', 203), ('rented', 97)) "
            "as t(home, children)"
        )
        con.execute("alter table by_home add column period varchar default '2024-25'")
        con.execute(f"update by_home set children = {before} + 3 where home = 'All'")
        con.execute(f"update by_home set children = {before} + 3 - 97 where home = 'own'")
    home = PublishedTable(
        "by_home",
        "Children by home.",
        ("period", "home"),
        (Count("children"),),
        {"period": "the period", "home": "the home", "children": "the children"},
        additive=("home",),
        period="period",
    )
    same = Relation(
        "homes are those of the measure",
        CellRef("by_home", "children"),
        CellRef("measure", "denominator"),
        where="home = 'All'",
        on=f"l.period = r.period and {OVERALL}",
    )
    catalogue = city_catalogue()
    wider = Catalogue((*catalogue.tables, home), (*catalogue.relations, same))
    second = publish(replace(_order(city, LATER), catalogue=wider), KEYS)
    total = _rows(second, "select children, suppressed from by_home where home = 'All'")
    assert total == [(None, True)]
    assert verify(city / "releases", PUBLIC, auditor_key=AUDITOR).passed
    assert verify(city / "releases", PUBLIC).passed, "which equations no longer hold is known to the auditor only"


def test_a_table_that_was_published_cannot_be_left_out_of_the_equations_later(city: Path) -> None:
    order = _order(city, LATER)
    kept = tuple(spec for spec in order.catalogue.tables if spec.name == "measure")
    with pytest.raises(AuditFailedError, match="distinct_served: a table of an earlier release is left out"):
        publish(replace(order, catalogue=Catalogue(kept)), KEYS)


def test_rolling_back_moves_the_pointer_and_nothing_else(city: Path) -> None:
    first = places.current(city / "releases").id
    publish(_order(city, LATER), KEYS)
    rollback(city / "releases", first, PUBLIC)
    assert places.current(city / "releases").id == first
    assert len(entries(city / "releases")) == 2
    assert details(city / "releases")["release_id"] == first


@pytest.mark.parametrize("name", [places.DATABASE, places.MANIFEST, places.ANNEX, places.SIGNATURE])
def test_an_altered_file_is_found(city: Path, name: str) -> None:
    release = places.current(city / "releases")
    file = release.path / name
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    try:
        assert not verify(city / "releases", PUBLIC, auditor_key=AUDITOR).passed
    except ReleaseError:
        assert name == places.MANIFEST


def test_another_key_is_not_trusted(made: Path) -> None:
    other = FixedKeys(b"2").signing_key.public_key()
    assert not verify(made / "releases", other).passed


def test_earlier_nights_cannot_be_published_after_later_ones(city: Path) -> None:
    _fill(city, seed=9)
    with pytest.raises(ReleaseError, match="in order of their nights"):
        publish(_order(city, date(2026, 8, 1)), KEYS)


def test_a_margin_that_does_not_add_up_stops_the_release(city: Path) -> None:
    with duckdb.connect(str(city / "outcomes.duckdb")) as con:
        con.execute("update measure set denominator = denominator + 1, version = '2' where sex = 'F'")
        con.execute("update measure set version = '2'")
    with pytest.raises(ReleaseError, match="do not add up"):
        publish(_order(city, LATER), KEYS)
    assert len(entries(city / "releases")) == 1


def test_a_failed_audit_names_cells_and_publishes_nothing(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assets.release.modes import protect as room
    from assets.release.suppress import Suppression, suppress

    def careless(*args: object, **more: object) -> Suppression:
        found = suppress(*args, **more)  # type: ignore[arg-type]
        hidden = found.hidden.copy()
        hidden[(found.demands > 0) & hidden] = False
        return Suppression(hidden, found.demands, found.programs)

    monkeypatch.setattr(room, "suppress", careless)
    _fill(city, version="2")
    with pytest.raises(
        AuditFailedError, match=r"stopped the release, nothing was published: measure.*\(measure=measure 00"
    ):
        publish(_order(city, LATER), KEYS)
    assert len(entries(city / "releases")) == 1
    assert not list((city / "releases").glob(".building-*"))
