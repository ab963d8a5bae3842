"""The locked connection: it answers SELECTs on the release and can do nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from assets.release import folder as places
from assets.release.policy import ReleaseError
from assets.release.query import QueryError, QueryLimits, query


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    folder = tmp_path / "releases"
    place = folder / "r-2026-09-01-0"
    place.mkdir(parents=True)
    with duckdb.connect(str(place / places.DATABASE)) as con:
        con.execute("create table measure as select range as i, 'a' as place from range(100)")
    manifest = {"release_id": place.name, "night": "2026-09-01", "sequence": 1, "log": {}}
    (place / places.MANIFEST).write_text(json.dumps(manifest))
    (folder / places.POINTER).write_text(place.name)
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    return folder


def test_a_select_is_answered_with_names_and_rows(releases: Path) -> None:
    answer = query(releases, "select place, count(*) as n from measure group by place")
    assert (answer.columns, answer.rows, answer.more) == (("place", "n"), (("a", 100),), False)
    assert answer.release_id == "r-2026-09-01-0"


@pytest.mark.parametrize("sql", ["from measure limit 1", "with t as (from measure) from t", "describe measure"])
def test_other_ways_of_reading_are_answered(releases: Path, sql: str) -> None:
    assert query(releases, sql).rows


FORBIDDEN = [
    "copy measure to '{root}/out.csv'",
    "copy (select 1) to '{root}/out.parquet'",
    "export database '{root}/out'",
    "attach '{root}/other.duckdb' as other",
    "attach ':memory:' as other",
    "select * from read_csv('{root}/secret.csv')",
    "select * from '{root}/secret.csv'",
    "select * from read_text('{root}/secret.csv')",
    "select * from read_blob('/etc/hostname')",
    "select * from glob('{root}/*')",
    "select * from read_parquet('https://example.org/x.parquet')",
    "pragma database_list",
    "pragma enable_external_access = true",
    "set enable_external_access = true",
    "set memory_limit = '64GB'",
    "reset lock_configuration",
    "install httpfs",
    "load httpfs",
    "create table t as select 1",
    "create temp table t as select 1",
    "create macro m() as 1",
    "insert into measure values (1, 'b')",
    "update measure set place = 'b'",
    "delete from measure",
    "drop table measure",
    "call pragma_version()",
    "select 1; select 2",
    "select 1; copy measure to '{root}/out.csv'",
    "",
    "selec 1",
    "begin",
    "checkpoint",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_everything_else_is_refused_in_one_line(releases: Path, sql: str) -> None:
    root = releases.parent
    before = sorted(path.name for path in root.iterdir())
    with pytest.raises(QueryError) as refusal:
        query(releases, sql.format(root=root))
    assert "\n" not in str(refusal.value)
    assert sorted(path.name for path in root.iterdir()) == before


def test_a_python_variable_is_not_a_table(releases: Path) -> None:
    secret = duckdb.sql("select 1")
    with pytest.raises(QueryError):
        query(releases, "select * from secret")
    assert secret is not None


def test_time_rows_and_memory_are_bounded(releases: Path) -> None:
    with pytest.raises(QueryError, match="took longer"):
        query(releases, "select count(*) from range(10000000000) a, range(1000) b", QueryLimits(seconds=0.3))
    answer = query(releases, "select i from measure order by i", QueryLimits(rows=10))
    assert (len(answer.rows), answer.more) == (10, True)
    with pytest.raises(QueryError, match="memory"):
        query(releases, "select list(i) from range(100000000) t(i)", QueryLimits(memory="50MB"))


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="nothing has been published"):
        query(tmp_path / "releases", "select 1")


@pytest.mark.parametrize("name", ["", "../elsewhere", "r-none", ".building-2026"])
def test_a_pointer_that_names_no_release_is_an_error(releases: Path, name: str) -> None:
    (releases / places.POINTER).write_text(name)
    with pytest.raises(ReleaseError, match="names no release"):
        query(releases, "select 1")
