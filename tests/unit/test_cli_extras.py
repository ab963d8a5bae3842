"""What an agency's small install can do, and what a command says where its packages are not installed.

The packages of the hub are kept from being imported in a process of its own; so are POSIX modules that Windows has
not, and the network. The same with packages that are really absent: `tests/integration/test_agency_install.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.linkage_keys import fixed_ring
from support.mou import NIGHT, sign_all, write

from linkage.rules import layout
from pipelines.cli import app, extras, one_line

HUB = ("dagster", "splink", "great_expectations", "sqlalchemy", "alembic", "highspy", "scipy", "pandas")
AGENCY = ("pyarrow", "duckdb", "numpy", "jellyfish", "cryptography")
POSIX = ("fcntl", "resource", "pwd", "grp", "termios")

PROCESS = """
import sys

blocked = set({blocked!r})


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


def no_network(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        raise RuntimeError(event)


for name in blocked & set(sys.modules):
    del sys.modules[name]
sys.meta_path.insert(0, Absent())
sys.addaudithook(no_network)
sys.argv = ["cradlepath", *sys.argv[1:]]
from pipelines.cli import main

main()
"""


def cradlepath(
    *arguments: object, without: tuple[str, ...], home: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROCESS.format(blocked=without), *map(str, arguments)]
    environment = os.environ | {"COLUMNS": "120"} | variables
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agency's machine: signed agreements, K1, a kit and one extract."""
    home = tmp_path_factory.mktemp("agency")
    write(home / "agreements")
    sign_all(home / "agreements")
    fixed_ring(home / "keys").export_kit(
        home / "clinic.kit", ["content.rows", "record.clinic", "pseudonym:clinic"], layout()
    )
    rows = ["record_id,first_name,dob,ssn,zip,visits,notes", "A1,Ann,2019-03-04,219-09-9999,02903,2,x", ",,,,,,"]
    (home / "visits_1.csv").write_text("\n".join(rows), encoding="utf-8")
    return home


def tokenise(home: Path, out: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return cradlepath(
        "tokenise", "visits_1.csv", "--agreements", "agreements", "--source", "clinic", "--kit", "clinic.kit",
        "--k1", "keys/k1.key", "--out", out, "--night", NIGHT,
        without=(*HUB, *POSIX), home=home, **variables,
    )  # fmt: skip


def test_an_agency_tokenises_without_the_hubs_packages_posix_or_a_network(agency: Path) -> None:
    done = tokenise(agency, "clinic.tokens")
    assert done.returncode == 0, done.stderr
    assert "1 records" in done.stdout
    assert (agency / "clinic.tokens").stat().st_size > 1000


def test_its_screen_may_know_few_letters(agency: Path) -> None:
    done = tokenise(agency, "clinic.old-screen.tokens", PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr


def test_an_agency_makes_and_names_its_keys(tmp_path: Path) -> None:
    made = cradlepath(
        "keys", "new-k1", "--city", "0" * 16, "--out", "k1.key", "--json", without=(*HUB, *POSIX), home=tmp_path
    )
    named = cradlepath("keys", "show-fingerprint", "--k1", "k1.key", "--json", without=(*HUB, *POSIX), home=tmp_path)
    assert json.loads(named.stdout)["k1"] == json.loads(made.stdout)["k1"]


@pytest.mark.parametrize("command", ["child c-abc", "keys init", "keys rotate k2"])
def test_a_command_of_the_hub_says_in_one_line_what_to_install(tmp_path: Path, command: str) -> None:
    done = cradlepath(*command.split(), without=HUB, home=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "install cradlepath[hub]" in done.stderr


def test_without_any_extra_tokenise_says_what_to_install_and_help_answers(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    done = cradlepath("tokenise", "x.csv", without=(*HUB, *AGENCY), home=tmp_path)
    assert done.returncode == 1
    assert "install cradlepath[agency]" in done.stderr
    assert cradlepath("nightly", "--help", without=(*HUB, *AGENCY), home=tmp_path).returncode == 0


def test_help_at_an_agency_lists_what_works_there(tmp_path: Path) -> None:
    shown = cradlepath("--help", without=HUB, home=tmp_path).stdout
    assert all(f"  {name} " in shown for name in ("tokenise", "keys", "mou"))
    assert "nightly" not in shown


def test_the_commands_of_an_agency_exist() -> None:
    from typer.main import get_command

    top = get_command(app)
    for words in map(str.split, extras.AT_AN_AGENCY):
        command = top
        for word in words:
            command = command.commands[word]


def test_a_package_that_is_missing_all_the_same_is_named() -> None:
    said = one_line(ModuleNotFoundError("No module named 'highspy'", name="highspy"))
    assert "no module highspy" in said
    assert "cradlepath[hub]" in said
