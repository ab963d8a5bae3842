"""A file of rows beside the tables: what it holds, what it never tells, and each planted failure that stops it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from support.release_keys import FixedKeys
from support.row_city import MOBILITY, RowCity, request, rows_in

from assets.release import folder as places
from assets.release.audit import AuditReport
from assets.release.auditing import attack, open_annex
from assets.release.folder import StoredRelease
from assets.release.manifest import AUDITOR_KEY
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.publish import build, finish, publish
from assets.release.rows.classes import Rule
from assets.release.rows.form import ROWS, RowFile
from assets.release.rows.knowledge import rows_knowledge
from assets.release.rows.releasing import RowOrder
from assets.release.tables import Catalogue
from assets.release.verify import verify

KEYS = FixedKeys()
TABLE = "rows_rows_2026"
WHOLE = request(rule=Rule(k=10, suppress=0.0))
"""No row is left out, so that what the rows tell of the tables is exact."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> RowCity:
    return RowCity(tmp_path_factory.mktemp("rows") / "city", 900, periods=("2024-25", "2025-26"), rare=30)


@pytest.fixture(scope="module")
def release(city: RowCity) -> StoredRelease:
    return publish(city.order(WHOLE), KEYS)


@pytest.fixture(scope="module")
def about(release: StoredRelease) -> dict[str, Any]:
    (entry,) = release.manifest["rows"]
    assert "refused" not in entry, entry
    return dict(entry)


def test_the_file_is_signed_with_the_release_and_says_how_it_is_protected(
    city: RowCity, release: StoredRelease, about: dict[str, Any]
) -> None:
    assert ROWS in release.manifest["files"]
    found = verify(city.root / "releases", KEYS.signing_key.public_key(), auditor_key=KEYS.derive(AUDITOR_KEY))
    assert found.passed, found
    with duckdb.connect(str(release.path / ROWS), read_only=True) as con:
        ((comment,),) = con.execute("select comment from duckdb_tables()").fetchall()
        columns = dict(
            con.execute("select column_name, comment from duckdb_columns() where table_name = ?", [TABLE]).fetchall()
        )
    assert "history of quasi-identifiers is that of 10 children or more (k)" in comment
    assert list(columns) == [
        "child", "period", "race_ethnicity", "sex", "grade", "place", "chronic_absence_1", "mobility_1"
    ]  # fmt: skip
    assert all(columns.values())
    assert about["reached"]["k"] >= 10
    assert about["reached"]["l"] >= 2
    assert about["dropped_percent"] == 0


def test_ids_are_random_and_the_rows_are_in_their_order(release: StoredRelease) -> None:
    children = rows_in(release.path / ROWS)["child"].to_pylist()
    assert children == sorted(children)
    assert {len(child) for child in children} == {32}


def test_the_same_inputs_give_the_same_rows_and_another_licence_other_ids(
    city: RowCity, release: StoredRelease, tmp_path: Path
) -> None:
    again = publish(replace(city, root=tmp_path / "again").order(WHOLE), KEYS)
    assert again.id == release.id
    assert again.manifest["rows"] == release.manifest["rows"]
    assert (again.path / places.ANNEX).read_bytes() == (release.path / places.ANNEX).read_bytes()
    assert rows_in(again.path / ROWS).equals(rows_in(release.path / ROWS))
    other = publish(replace(city, root=tmp_path / "other").order(replace(WHOLE, licence="rows-2027")), KEYS)
    ids = set(rows_in(other.path / ROWS, "rows_rows_2027")["child"].to_pylist())
    assert len(ids) == len(set(rows_in(release.path / ROWS)["child"].to_pylist()))
    assert ids.isdisjoint(rows_in(release.path / ROWS)["child"].to_pylist())


def test_joining_rows_and_tables_pins_no_hidden_count(release: StoredRelease, about: dict[str, Any]) -> None:
    """Elimination over the margins and all that counting rows by any group tells: no hidden number is determined."""
    with duckdb.connect() as con:
        con.execute(f"attach '{release.path / ROWS}' as rows_0 (read_only)")
        con.execute(f"attach '{release.database}' as released (read_only)")
        from assets.release.building import build_system

        system = build_system(con, Catalogue.from_json(release.manifest["catalogue"]), "released.main", drifting=[])
        told = rows_knowledge(con, system, [RowFile(release.path / ROWS, about)])
    assert told.matrix.shape[0] > 20
    assert np.array_equal(told.low, told.high)
    unknown = np.flatnonzero(np.isnan(system.values))
    equations = np.vstack([system.matrix.toarray(), told.matrix.toarray()])[:, unknown]
    _, values, basis = np.linalg.svd(equations, full_matrices=True)
    free = basis[int((values > 1e-9).sum()) :]
    count = system.kind[unknown] == 0
    assert count.any()
    assert (np.abs(free[:, count]).max(axis=0) > 1e-9).all()


PLANTED = {
    # what is done to the file or to what is said of it                    what the audit says
    "a class smaller than k": (
        f"delete from {TABLE} where child in (select child from {TABLE} order by child limit 5)",
        {"rule": {"k": 10_000, "l": 2, "t": None, "suppress": 0.0}},
        "fewer children than k share a history",
    ),
    "a class without Yes": (
        f"update {TABLE} set mobility_1 = 'No' where sex = (select min(sex) from {TABLE})"
        f" and race_ethnicity = (select min(race_ethnicity) from {TABLE})",
        {},
        "an outcome takes fewer than l values",
    ),
    "a class too far from everyone": (
        "",
        {"rule": {"k": 10, "l": 2, "t": 0.0001, "suppress": 0.0}},
        "farther than t from those of everyone",
    ),
    "a value too fine": (
        f"update {TABLE} set grade = '07' where child = (select min(child) from {TABLE})",
        {},
        "grade is not as coarse as the manifest says",
    ),
    "an id that is none": (
        f"update {TABLE} set child = '17' where child = (select min(child) from {TABLE})",
        {},
        "an id is no random id",
    ),
    "two rows of a child in a period": (
        f"insert into {TABLE} from {TABLE} limit 1",
        {},
        "a child has two rows in one period",
    ),
    "a period that is not open to it": (
        "",
        {"periods": ["2024-25"]},
        "a period is not among those of the manifest",
    ),
    "a column too many": (f"alter table {TABLE} add column home varchar", {}, "columns are not those of the manifest"),
    "other children than the tables'": (
        f"update {TABLE} set chronic_absence_1 = 'Yes' where chronic_absence_1 = 'No'",
        {},
        "rows and tables do not count the same children",
    ),
}  # fmt: skip


def attacked(release: StoredRelease, path: Path, about: Mapping[str, Any]) -> AuditReport:
    """Attack a release with another file of rows beside it."""
    return attack(
        release.database,
        Catalogue.from_json(release.manifest["catalogue"]),
        ReleasePolicy.from_json(release.manifest["policy"]),
        open_annex(release, KEYS.derive(AUDITOR_KEY)),
        release_id=release.id,
        earlier=[],
        rows=[RowFile(path, about)],
    )[0]


def altered(release: StoredRelease, to: Path, sql: str) -> Path:
    """Return a copy of the file of rows after a statement."""
    path = to / ROWS
    shutil.copyfile(release.path / ROWS, path)
    with duckdb.connect(str(path)) as con:
        if sql:
            con.execute(sql)
    return path


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_failure_is_found(release: StoredRelease, about: dict[str, Any], tmp_path: Path, name: str) -> None:
    sql, changes, words = PLANTED[name]
    report = attacked(release, altered(release, tmp_path, sql), {**about, **changes})
    found = [str(finding) for finding in report.findings]
    assert any(words in finding for finding in found), found
    assert attacked(release, release.path / ROWS, about).passed


def test_rows_that_would_open_a_hidden_count_stop_the_release(
    city: RowCity, release: StoredRelease, about: dict[str, Any], tmp_path: Path
) -> None:
    """The rows with the rarest race as it is: a hidden numerator of the tables can be counted in them."""
    rows = city.rows(WHOLE, about["considered"]).table
    path = tmp_path / ROWS
    with duckdb.connect(str(path)) as con:
        con.register("told", rows)
        coarse_sql = "'All' as grade, 'All' as place, 'All' as sex"
        con.execute(f"create table {TABLE} as select * replace ({coarse_sql}) from told")
    fine = {"level": 0, "groups": {}, "others": None}
    coarse = {"level": 1, "groups": {}, "others": "All"}
    levels = [{**item, **(fine if item["name"] == "race_ethnicity" else coarse)} for item in about["quasi"]]
    rule = {"k": 2, "l": 2, "t": None, "suppress": 0.0}
    report = attacked(release, path, {**about, "quasi": levels, "rule": rule})
    found = [str(finding) for finding in report.findings]
    assert any("race_ethnicity=AIAN" in finding for finding in found), found
    assert not any(character.isdigit() for finding in found for character in finding.split(": ", 1)[1])


REFUSED = {
    "a licence that may have none": (replace(WHOLE, refused="no measure may leave"), {}, "no measure may leave"),
    "numbers that are changed": (WHOLE, {"mode": "round-3"}, "the mode is round-3"),
    "no node that will do": (replace(WHOLE, rule=Rule(k=5000)), {}, "no level of the quasi-identifiers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_there_is_no_file_and_the_manifest_says_why(city: RowCity, tmp_path: Path, name: str) -> None:
    asked, policy, words = REFUSED[name]
    order = replace(replace(city, root=tmp_path / "city").order(asked), policy=ReleasePolicy(**policy))
    release = publish(order, KEYS)
    (entry,) = release.manifest["rows"]
    assert words in entry["refused"]
    assert not (release.path / ROWS).exists()
    assert ROWS not in release.manifest["files"]


def test_without_a_licence_that_asks_nothing_is_said_of_rows(city: RowCity, tmp_path: Path) -> None:
    release = publish(replace(city, root=tmp_path / "city").order(None), KEYS)
    assert "rows" not in release.manifest
    assert not (release.path / ROWS).exists()


def test_a_period_is_in_one_file_only_and_earlier_files_are_still_known(tmp_path: Path) -> None:
    city = RowCity(tmp_path / "city", 900, periods=("2024-25",), rare=30)
    asked = request(rule=Rule(k=10, suppress=0.05), outcomes=(MOBILITY,), quasi=request().quasi[:2])
    first = publish(city.order(asked, date(2025, 9, 1)), KEYS)
    again = publish(city.order(asked, date(2025, 10, 1)), KEYS)
    assert "no period is closed" in again.manifest["rows"][0]["refused"]
    later = replace(city, periods=("2024-25", "2025-26"))
    second = publish(later.order(asked, date(2026, 9, 1)), KEYS)
    files = [release.manifest["rows"][0] for release in (first, second)]
    assert [entry["periods"] for entry in files] == [["2024-25"], ["2025-26"]]
    ids = [set(rows_in(release.path / ROWS)["child"].to_pylist()) for release in (first, second)]
    assert ids[0].isdisjoint(ids[1])
    (check,) = [
        one for one in verify(
            city.root / "releases", KEYS.signing_key.public_key(), auditor_key=KEYS.derive(AUDITOR_KEY)
        ).checks if one.name == "audit"
    ]  # fmt: skip
    assert check.passed


def test_records_that_came_since_the_tables_leave_their_period_out(tmp_path: Path) -> None:
    """A child more in tonight's rows than in the published tables of the period would be the one who came late."""
    city = RowCity(tmp_path / "city", 900, periods=("2024-25",), rare=30)
    publish(city.order(None, date(2025, 9, 1)), KEYS)
    more = replace(city, children=903)
    order = more.order(request(outcomes=(MOBILITY,), quasi=request().quasi[:2]), date(2025, 10, 1))
    assert order.rows is not None
    order = replace(order, rows=RowOrder(order.rows.requests, more.rows))
    (entry,) = publish(order, KEYS).manifest["rows"]
    assert "2024-25: its tables were made of other records than are there tonight" in entry["left_out"]
    assert "refused" in entry


def test_a_file_that_changes_after_its_audit_is_not_published(city: RowCity, tmp_path: Path) -> None:
    order = replace(city, root=tmp_path / "city").order(WHOLE)
    built = build(order, KEYS)
    with duckdb.connect(str(built.place / ROWS)) as con:
        con.execute(f"delete from {TABLE}")
    with pytest.raises(ReleaseError, match=f"{ROWS} changed after the audit"):
        finish(order.releases, order.night, KEYS)
    assert places.releases(order.releases) == []
