"""What is wrong with a registry is said in one line: which one, what was found, what to do, and no password."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import make_url, text
from support.registries import PostgreSQL
from support.registry_writers import ACTS, NIGHT, Writer, at_each_step, delivery, kept, step_by_step

from assets.guard import no_values_in_errors
from consent import registry
from consent.errors import ConsentError, RegistryError
from consent.ledger import ConsentLedger
from consent.registry import open_registry, writing
from consent.tables import consent_event
from pipelines.cli import one_line
from pipelines.nightly import _failures

PASSWORD = "correct-horse"  # noqa: S105


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A registry that holds one form and one event."""
    path = tmp_path / "registry.sqlite"
    engine = open_registry(f"sqlite:///{path}")
    for act in ("ledger", "trail"):
        ACTS[act](engine, "old")
    engine.dispose()
    return path


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])


@pytest.mark.parametrize("harm", [_garbage, _cut])
def test_a_damaged_file(file: Path, harm: Callable[[Path], None]):
    harm(file)
    with pytest.raises(RegistryError, match=r"registry\.sqlite: it is damaged or no database at all"):
        ConsentLedger(f"sqlite:///{file}").record(delivery("new"), NIGHT)


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(RegistryError, match=r"nowhere/registry\.sqlite: it cannot be opened"):
        open_registry(f"sqlite:///{tmp_path / 'nowhere' / 'registry.sqlite'}")


@pytest.mark.parametrize("act", ["ledger", "trail"])
def test_a_file_that_may_only_be_read_is_read(file: Path, act: str):
    engine = open_registry(f"sqlite:///file:{file}?mode=ro&uri=true")
    with pytest.raises(RegistryError, match=r"registry\.sqlite: it may only be read"):
        ACTS[act](engine, "new")
    assert kept(engine, act) == ["old"]
    engine.dispose()


@pytest.mark.parametrize("act", ["ledger", "trail"])
def test_a_file_removed_while_open_takes_nothing_more_until_it_is_back(file: Path, act: str):
    engine = open_registry(f"sqlite:///{file}")
    aside = file.with_name("aside")
    file.rename(aside)
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"registry\.sqlite: its file was moved or removed while it was open"):
            ACTS[act](engine, "new")
        assert not file.exists(), "no new, empty registry in its place"
    aside.rename(file)
    ACTS[act](engine, "new")
    assert kept(engine, act) == ["old", "new"]
    engine.dispose()


@pytest.mark.parametrize("act", ["ledger", "trail"])
def test_a_file_removed_in_the_middle(file: Path, act: str):
    engine = open_registry(f"sqlite:///{file}")
    at_each_step(engine, lambda step: file.rename(file.with_name("aside")) if step == "select" else None)
    with pytest.raises(RegistryError, match="moved or removed"):
        ACTS[act](engine, "new")
    engine.dispose()
    file.with_name("aside").rename(file)
    again = open_registry(f"sqlite:///{file}")
    assert kept(again, act) == ["old"]
    again.dispose()


@pytest.mark.parametrize("act", ["ledger", "trail"])
def test_a_file_put_back_from_a_backup_while_open(file: Path, act: str):
    backup = file.read_bytes()
    engine = open_registry(f"sqlite:///{file}")
    ACTS[act](engine, "after the backup")
    file.unlink()
    file.write_bytes(backup)
    ACTS[act](engine, "new")
    assert kept(engine, act) == ["old", "new"]
    engine.dispose()


@pytest.mark.parametrize("act", ["ledger", "trail"])
def test_a_writer_that_waited_too_long(registry_url: str, act: str, monkeypatch: pytest.MonkeyPatch):
    holder = Writer(step_by_step, registry_url, act, "first")
    while holder.hears() != "commit":
        holder.pipe.send("go on")
    monkeypatch.setattr(registry, "WAIT_SECONDS", 0.2)
    engine = open_registry(registry_url)
    with pytest.raises(RegistryError, match="another one held it for longer"):
        ACTS[act](engine, "second")
    holder.pipe.send("go on")
    list(_told(holder))
    ACTS[act](engine, "second")
    assert kept(engine, act) == ["first", "second"]
    engine.dispose()


@pytest.mark.parametrize("act", ["ledger", "trail"])
def test_a_commit_that_waits_too_long_for_a_reader(file: Path, act: str, monkeypatch: pytest.MonkeyPatch):
    """SQLite's readers see the old state to their end, so a commit waits for them."""
    monkeypatch.setattr(registry, "WAIT_SECONDS", 0.2)
    engine = open_registry(f"sqlite:///{file}")
    with engine.connect() as reader:
        before = reader.execute(text("select count(*) from audit_event")).scalar()
        with pytest.raises(RegistryError, match="another one held it for longer"):
            ACTS[act](engine, "new")
        assert reader.execute(text("select count(*) from audit_event")).scalar() == before
    assert kept(engine, act) == ["old"]
    ACTS[act](engine, "new")
    assert kept(engine, act) == ["old", "new"]
    engine.dispose()


def _told(writer: Writer) -> Iterator[str]:
    for step in writer.all_it_said():
        writer.pipe.send("go on")
        yield step


def _whole(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


def test_a_server_that_is_not_there():
    pytest.importorskip("psycopg")
    with pytest.raises(RegistryError, match=r"registry city on 127\.0\.0\.1: the server cannot be reached") as failed:
        open_registry(f"postgresql+psycopg://hub:{PASSWORD}@127.0.0.1:1/city")
    assert PASSWORD not in _whole(failed.value)


@pytest.mark.parametrize(
    "address",
    [
        f"postgres://hub:{PASSWORD}@db/city",
        f"hub:{PASSWORD}@db/city",
        f"postgresql+psycopg://hub:{PASSWORD}@db:port/city",
        f"nosuch+driver://hub:{PASSWORD}@db/city",
    ],
)
def test_an_address_that_is_none(address: str):
    with pytest.raises(RegistryError, match="expected sqlite:///FILE or postgresql") as failed:
        open_registry(address)
    assert PASSWORD not in _whole(failed.value)


@pytest.mark.slow
def test_a_database_that_the_server_does_not_have(postgresql: PostgreSQL):
    address = postgresql.address.set(database="no_such_city").render_as_string(hide_password=False)
    with pytest.raises(RegistryError, match="registry no_such_city on this machine: the server cannot be reached, or"):
        open_registry(address)


@pytest.mark.slow
def test_a_user_who_may_not_write(postgresql: PostgreSQL):
    url = postgresql.database()
    open_registry(url).dispose()
    reader = open_registry(f"{url}&options=-c default_transaction_read_only=on")
    with pytest.raises(RegistryError, match="it may only be read"):
        ACTS["trail"](reader, "new")
    reader.dispose()


@pytest.mark.slow
def test_a_commit_is_on_disk_whatever_the_database_allows(postgresql: PostgreSQL):
    url = postgresql.database()
    name = make_url(url).database
    for setting in ("synchronous_commit = off", "default_transaction_isolation = 'repeatable read'"):
        postgresql.run(f"alter database {name} set {setting}")
    engine = open_registry(url)
    with writing(engine) as connection:
        assert connection.execute(text("show synchronous_commit")).scalar() == "on"
        assert connection.execute(text("show transaction_isolation")).scalar() == "read committed"
    engine.dispose()


def test_a_commit_on_sqlite_is_on_disk_with_its_folder(file: Path):
    with open_registry(f"sqlite:///{file}").connect() as connection:
        assert connection.execute(text("pragma synchronous")).scalar() == 3


def test_an_error_of_a_statement_shows_no_value(file: Path):
    engine = open_registry(f"sqlite:///{file}")
    value = "Philomena " + "Quackenbush"
    with pytest.raises(Exception, match="NOT NULL") as failed, writing(engine) as connection:
        connection.execute(consent_event.insert(), [{"event_id": value, "record_key": value.encode()}])
    assert value not in _whole(failed.value)
    engine.dispose()


def test_the_screen_and_a_night_show_the_line_and_nothing_of_its_cause(file: Path):
    _garbage(file)
    with pytest.raises(ConsentError) as failed, no_values_in_errors("consents"):
        open_registry(f"sqlite:///{file}")
    assert one_line(failed.value).startswith(f"registry {file}: it is damaged")
    assert "\n" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_a_night_names_our_line_and_not_the_library_error_behind_it(file: Path):
    _garbage(file)

    @dg.asset
    def consents() -> None:
        open_registry(f"sqlite:///{file}")

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([consents], instance=instance, raise_on_error=False)
    lines = _failures(result.all_events)
    assert len(lines) == 1
    assert lines[0].startswith(f"consents: registry {file}: it is damaged")
