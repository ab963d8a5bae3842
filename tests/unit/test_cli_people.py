"""The door of the command line, on real workspaces: who is let in, who is not, and what a steward is shown."""

from __future__ import annotations

import os
import shutil
import sqlite3
from datetime import date
from pathlib import Path

import pytest
import typer
from sqlalchemy import select
from support.small_city import MINE, NIGHT, NOT_MINE, THEIRS, SmallCity, enrol, make, people_of

from assets.release.reporting import NOT_TOLD
from consent.enrolled import RegistryUnreadableError, anybody_enrolled
from consent.registry import open_registry
from consent.tables import audit_event
from pipelines import asking, cli
from pipelines.admission import KEY, KEY_FILE, OPEN_TO_ALL, NotPermittedError, admit
from pipelines.checks import Checked, Warned
from pipelines.cli.asked import ask_everywhere
from pipelines.cli.night import _tell
from pipelines.permissions import ROLES, permissions
from pipelines.story import story
from pipelines.summary import ending
from pipelines.workspace import load


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("city"))


@pytest.fixture(autouse=True)
def nobody_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY, KEY_FILE, "CRADLEPATH_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent, tmp_path / "city")
    return tmp_path / "city" / "workspace"


@pytest.fixture(scope="module")
def enrolled(made: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallCity:
    return enrol(Path(shutil.copytree(made.parent, tmp_path_factory.mktemp("enrolled") / "city")) / made.name)


@pytest.fixture
def city(enrolled: SmallCity, tmp_path: Path) -> SmallCity:
    shutil.copytree(enrolled.place.root.parent, tmp_path / "enrolled")
    return SmallCity(load(tmp_path / "enrolled" / enrolled.place.root.name), enrolled.keys)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["cradlepath", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def events(city: SmallCity) -> list[tuple[str, str, str]]:
    engine = open_registry(city.place.registry_url)
    with engine.connect() as connection:
        rows = connection.execute(select(audit_event.c.kind, audit_event.c.subject, audit_event.c.actor)).all()
    engine.dispose()
    return [tuple(row) for row in rows]


def test_a_workspace_where_nobody_is_enrolled_is_open(root: Path, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "people", "list", "-w", root) == 0
    assert OPEN_TO_ALL in capsys.readouterr().out
    assert run(monkeypatch, "release", "list", "-w", root) == 0


def test_from_the_first_enrolment_on_a_key_is_asked_for(root: Path, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "people", "enrol", "Ada", "--role", "administrator", "-w", root) == 0
    key, said = capsys.readouterr()
    assert "every command on this workspace asks" in said
    assert run(monkeypatch, "people", "list", "-w", root) == 4
    refused = capsys.readouterr()
    assert refused.out == ""
    assert refused.err.count("\n") == 1
    assert "for an administrator or an auditor" in refused.err
    assert KEY in refused.err
    monkeypatch.setenv(KEY, key.strip())
    assert run(monkeypatch, "people", "list", "-w", root) == 0
    assert KEY not in os.environ
    assert "Ada" in capsys.readouterr().out


def test_commands_of_the_group(city: SmallCity, monkeypatch, capsys) -> None:
    root, key = city.place.root, city.keys["administrator"]
    for words in (["rotate", "The auditor"], ["end", "the steward"], ["enrol", "Sam", "--role", "auditor"]):
        monkeypatch.setenv(KEY, key)
        assert run(monkeypatch, "people", *words, "-w", root) == 0
    capsys.readouterr()
    monkeypatch.setenv(KEY, key)
    assert run(monkeypatch, "people", "end", "The administrator", "-w", root) == 1
    assert "last administrator" in capsys.readouterr().err
    for role in ("auditor", "steward"):
        monkeypatch.setenv(KEY, city.keys[role])
        assert run(monkeypatch, "people", "list", "-w", root) == 4
    assert "opens nothing here" in capsys.readouterr().err
    assert ("person", "The administrator") in {(kind, actor) for kind, _, actor in events(city)}


def test_every_command_as_every_role_opens_as_the_matrix_says(city: SmallCity, monkeypatch) -> None:
    said = permissions().commands
    for role in ROLES:
        for command in ("nightly", "report", "query", "release list", "mou show", "child", "people list", "serve"):
            monkeypatch.setenv(KEY, city.keys[role])
            if role in (said[command] or ROLES):
                assert admit(command, city.place.root).role == role
            else:
                with pytest.raises(NotPermittedError, match="is enrolled as"):
                    admit(command, city.place.root)
                assert events(city)[-1] == ("refusal", f"command {command}", f"The {role}")


@pytest.mark.parametrize(
    ("words", "entry"),
    [
        ("audit destruction", "audit destruction"),
        ("audit destruction --due", "audit destruction --due"),
        ("audit destruction --json --due -w x", "audit destruction --due"),
        ("audit destruction --due --keys", "audit destruction"),
        ("audit destruction wic --due", "audit destruction"),
    ],
)
def test_an_entry_with_an_option_is_for_that_option_alone(words: str, entry: str, monkeypatch) -> None:
    def destruction(
        source: str = typer.Argument("all"),
        workspace: str = typer.Option(".", "--workspace", "-w"),
        due: bool = typer.Option(False, "--due"),
        keys: bool = False,
        as_json: bool = typer.Option(False, "--json"),
    ) -> None: ...

    asked: list[str] = []
    monkeypatch.setattr("pipelines.cli.asked.admit", lambda command, _: asked.append(command))
    app, group = typer.Typer(), typer.Typer()
    group.command()(destruction)
    group.command("other")(lambda: None)
    app.add_typer(group, name="audit")
    ask_everywhere(app)
    app(words.split(), standalone_mode=False)
    assert asked == [entry]


def test_an_unlisted_command_is_for_administrators(city: SmallCity, monkeypatch) -> None:
    monkeypatch.setenv(KEY, city.keys["auditor"])
    with pytest.raises(NotPermittedError):
        admit("sell-everything", city.place.root)


def test_the_workspace_is_found_as_the_command_finds_it(city: SmallCity, monkeypatch, tmp_path: Path) -> None:
    with pytest.raises(NotPermittedError):
        admit("report", city.place.root.parent)
    monkeypatch.setenv("CRADLEPATH_WORKSPACE", str(city.place.root))
    with pytest.raises(NotPermittedError):
        admit("report", None)
    monkeypatch.delenv("CRADLEPATH_WORKSPACE")
    monkeypatch.chdir(city.place.root)
    with pytest.raises(NotPermittedError):
        admit("report", None)
    monkeypatch.chdir(tmp_path)
    assert admit("report", None) is None
    assert admit("demo", city.place.root) is None


def test_a_key_file_is_its_owners_alone(city: SmallCity, monkeypatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    monkeypatch.setenv(KEY_FILE, str(file))
    with pytest.raises(NotPermittedError, match="No such file"):
        admit("report", city.place.root)
    file.write_text(city.keys["steward"] + "\n")
    file.chmod(0o640)
    with pytest.raises(NotPermittedError, match="chmod 600"):
        admit("report", city.place.root)
    file.chmod(0o600)
    assert admit("report", city.place.root).agency == MINE


def test_a_registry_that_cannot_be_read_opens_nothing(city: SmallCity, tmp_path: Path) -> None:
    file = city.place.state / "registry.sqlite"
    file.write_bytes(b"SQLite format 3\0" + bytes(range(200)))
    with pytest.raises(RegistryUnreadableError):
        admit("report", city.place.root)
    assert not anybody_enrolled(f"sqlite:///{tmp_path / 'none.sqlite'}")
    with sqlite3.connect(tmp_path / "old.sqlite") as connection:
        connection.execute("create table consent_event (a)")
    assert not anybody_enrolled(f"sqlite:///{tmp_path / 'old.sqlite'}")


def test_a_server_that_does_not_answer_opens_nothing() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(RegistryUnreadableError, match="does not answer"):
        anybody_enrolled("postgresql+psycopg://127.0.0.1:1/none?connect_timeout=1")


def test_nothing_of_another_agency_is_in_a_stewards_story(city: SmallCity) -> None:
    warned = Checked(
        (Warned("drift", "extract/birth/tokens", "secret-reason"), Warned("drift", "links", "natality.dat"))
    )
    everything = repr(story(city.place, NIGHT, warned))
    assert all(word in everything for word in NOT_MINE)
    mine = story(city.place, NIGHT, warned, agency=MINE)
    assert [word for word in (*NOT_MINE, "children", "release") if word in repr(mine)] == []
    assert {line["source"] for line in mine["sources"]} >= {"school", "attendance"}
    assert [one["source"] for one in mine["refused"]] == ["attendance"]
    assert [len(mine[part]) for part in ("quarantined", "dropped_by_policy", "files")] == [1, 1, 1]
    assert story(city.place, NIGHT, warned, "birth", MINE)["sources"] == []


def test_a_steward_is_told_what_ends_of_their_own_agreements(city: SmallCity) -> None:
    soon = date(2030, 6, 1)
    mine = ending(city.place.agreements, soon, agency=MINE)
    assert {one["file"] for one in mine} == {"school_district.yaml"}
    assert {one["file"] for one in ending(city.place.agreements, soon)} > {"school_district.yaml"}


def test_a_steward_whose_agreement_is_not_in_force_sees_why(city: SmallCity) -> None:
    mine = story(city.place, NIGHT, Checked(), agency="wic")
    assert [(one["source"], one["remedy"]) for one in mine["refused"]] == [
        ("wic", "undo the change, or have every party sign the new wording")
    ]
    assert story(city.place, NIGHT, Checked(), agency=THEIRS)["refused"] == []


def test_the_night_says_that_it_is_open(root: Path, capsys) -> None:
    place = load(root)
    told = story(place, NIGHT, Checked())
    _tell(place, told, again=False)
    assert OPEN_TO_ALL.split(":")[0] in capsys.readouterr().out
    with people_of(place) as people:
        people.enrol("Ada", "administrator", None, "os:test")
    _tell(place, told, again=False)
    assert OPEN_TO_ALL.split(":")[0] not in capsys.readouterr().out


@pytest.mark.slow
def test_a_stewards_report_on_the_screen(city: SmallCity, monkeypatch, capsys) -> None:
    for more in ([], ["--json"], ["--source", "birth"]):
        monkeypatch.setenv(KEY, city.keys["steward"])
        assert run(monkeypatch, "report", "-w", city.place.root, *more) == 0
        told = capsys.readouterr()
        shown = told.out.replace("--source birth", "")
        assert [word for word in NOT_MINE if word in shown + told.err] == []
        assert more == ["--source", "birth"] or "users.csv" in shown
        assert [
            word for word in ("dropped_by_consent", '"loaded":', '"unchanged":', "dropped by consent") if word in shown
        ] == []
        assert NOT_TOLD in " ".join(shown.split())


def test_the_actor_is_who_signed_in(city: SmallCity, monkeypatch) -> None:
    assert asking.actor().startswith("os:")
    monkeypatch.setenv(KEY, city.keys["steward"])
    with asking.asking(admit("report", city.place.root)):
        assert (asking.actor(), asking.agency()) == ("The steward", MINE)
    assert asking.who() is None
