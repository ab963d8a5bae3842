"""A city whose agencies tokenise: the same rows, records and children as from raw extracts, and every refusal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from assets.extracts.landing import claims, files_in
from linkage.keys import KeyRing
from linkage.ledger import Ledger
from mou_policies.policy import Policy, compile_policy

PROGRAM = Path(sys.executable).with_name("cradlepath")
NIGHT = date(2026, 9, 1)


def cradlepath(*arguments: object, home: Path, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TMPDIR": str(home), "COLUMNS": "200"}
    environment.pop("CRADLEPATH_WORKSPACE", None)
    command = [str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    assert expect is None or done.returncode == expect, done.stderr
    return done


class City:
    """A demo city with one night's files."""

    def __init__(self, home: Path):
        self.home, self.workspace, self.keys = home, home / "workspace", home / "keys"

    def run(self, *arguments: object, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        return cradlepath(*arguments, "--workspace", self.workspace, home=self.home, expect=expect)

    def copy(self, to: Path) -> City:
        shutil.copytree(self.home, to)
        return City(to)

    @property
    def policy(self) -> Policy:
        return compile_policy(self.workspace / "agreements", NIGHT)

    def extracts(self, source: str) -> list[Path]:
        held = self.policy.sources[source]
        folder = self.workspace / "landing" / held.agency / NIGHT.isoformat()
        return [path for path in files_in(folder) if claims(held, path.name)]

    def tokenise(self, source: str, out: Path, *more: object, expect: int | None = 0):
        kit = out.with_suffix(".kit")
        if not kit.exists():
            self.run("keys", "agency-kit", source, "--out", kit)
        return cradlepath(
            "tokenise", *self.extracts(source), "--agreements", self.workspace / "agreements", "--source", source,
            "--kit", kit, "--k1", self.keys / "k1.key", "--out", out, "--night", NIGHT, *more,
            home=self.home, expect=expect,
        )  # fmt: skip

    def replace(self, source: str) -> dict:
        """Put a token file where the source's extracts lie; return what the agency was told."""
        raw = self.extracts(source)
        sealed = raw[0].parent / f"{source}.tokens"
        told = json.loads(self.tokenise(source, self.home / sealed.name, "--json").stdout)
        for path in raw:
            path.unlink()
        shutil.move(self.home / sealed.name, sealed)
        return told

    def children(self) -> dict[tuple[str, bytes], str]:
        ledger = Ledger(self.workspace / "state" / "ledger.sealed", KeyRing.load(self.keys))
        columns = ledger.record_child().to_pydict().values()
        return {(source, key): child for source, key, child in zip(*columns, strict=True)}

    def content(self) -> dict[str, list[tuple]]:
        with duckdb.connect(str(self.workspace / "state" / "content.duckdb"), read_only=True) as con:
            names = [f'"{schema}"."{name}"' for schema, name in con.execute(
                "select table_schema, table_name from information_schema.tables order by all"
            ).fetchall()]  # fmt: skip
            return {name: con.sql(f"select * from {name} order by all").fetchall() for name in names}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    home = tmp_path_factory.mktemp("raw") / "city"
    cradlepath("demo", "--children", 300, "--seed", 5, "--nights", 1, "--out", home, "--replace", home=home.parent)
    return City(home)


@pytest.fixture(scope="module")
def from_extracts(raw, tmp_path_factory):
    city = raw.copy(tmp_path_factory.mktemp("extracts") / "city")
    city.run("nightly", "--json", expect=None)
    return city


@pytest.fixture(scope="module")
def from_tokens(raw, tmp_path_factory):
    city = raw.copy(tmp_path_factory.mktemp("tokens") / "city")
    told = {source: city.replace(source) for source in sorted(city.policy.sources)}
    night = json.loads(city.run("nightly", "--json", expect=None).stdout)
    return city, told, night


@pytest.mark.slow
def test_token_files_give_the_same_rows_records_and_children(from_extracts, from_tokens):
    city, _, _ = from_tokens
    assert city.children() == from_extracts.children()
    ours, theirs = city.content(), from_extracts.content()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


@pytest.mark.slow
def test_what_the_agency_was_told_adds_up_and_token_files_are_gone_once_loaded(from_tokens):
    city, told, _ = from_tokens
    for story in told.values():
        assert story["read"] == story["staged"] + story["quarantined"] + story["dropped"]
    assert told["birth"]["records"] > 200
    assert not list((city.workspace / "landing").rglob("*.tokens"))


@pytest.mark.slow
def test_a_token_file_holds_no_raw_value(raw, tmp_path):
    out = tmp_path / "birth.tokens"
    raw.tokenise("birth", out)
    content = out.read_bytes()
    words = {word for path in raw.extracts("birth") for word in path.read_bytes().split() if len(word) > 6}
    assert len(words) > 100
    assert not [word for word in words if word in content]


REFUSALS = {  # what is wrong with the token file -> what the night says
    "cut": (lambda content: content[:-1], "cut or changed|does not open|was cut"),
    "changed": (lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:], "changed|does not open"),
    "of another version": (lambda content: content.replace(b"envelope 1\n", b"envelope 9\n", 1), "version"),
    "no token file": (lambda content: b"given,surname\nAnn,Smith\n", "not a|no envelope|envelope"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", REFUSALS)
def test_a_spoilt_token_file_is_refused_as_a_whole(raw, tmp_path, case):
    spoil, expected = REFUSALS[case]
    city = raw.copy(tmp_path / "city")
    city.replace("wic")
    [sealed] = (city.workspace / "landing").rglob("*.tokens")
    sealed.write_bytes(spoil(sealed.read_bytes()))
    assert_refused(city, "wic", expected)


def assert_refused(city: City, source: str, expected: str) -> None:
    import re

    night = city.run("nightly", "--json", expect=3)
    story = json.loads(night.stdout)
    assert [one["status"] for one in story["sources"] if one["source"] == source] == ["REFUSED"]
    [told] = [one for one in story["refused"] if one["source"] == source]
    assert re.search(expected, " ".join(map(str, told.values()))), told
    assert "Smith" not in night.stdout + night.stderr
    assert source not in {name for name, _ in city.children()}


@pytest.mark.slow
def test_tokens_of_another_citys_keys_or_of_another_agreement_are_refused(raw, tmp_path):
    city, other = raw.copy(tmp_path / "city"), City(tmp_path / "other")
    cradlepath("demo", "--children", 300, "--seed", 6, "--nights", 1, "--out", other.home, "--replace", home=tmp_path)
    other.replace("wic")
    [sealed] = (other.workspace / "landing").rglob("*.tokens")
    for path in city.extracts("wic"):
        path.unlink()
    place = next((city.workspace / "landing").glob("wic/*"))
    shutil.copy(sealed, place)
    assert_refused(city, "wic", "another city|other city|city")


@pytest.mark.slow
def test_a_city_whose_agencies_tokenise_refuses_a_raw_extract(raw, tmp_path):
    city = raw.copy(tmp_path / "city")
    city.replace("birth")
    city.run("keys", "hand-over-k1", "--out", tmp_path / "k1.key")
    settings = city.workspace / "cradlepath.yaml"
    settings.write_text(settings.read_text().replace("mode: hub-tokenised", "mode: agency-tokenised"))
    night = json.loads(city.run("nightly", "--json", expect=3).stdout)
    states = {one["source"]: one["status"] for one in night["sources"]}
    assert states["birth"] == "loaded"
    assert {state for source, state in states.items() if source != "birth"} == {"REFUSED"}
    assert {source for source, _ in city.children()} == {"birth"}


LIGHT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"dagster", "splink", "great_expectations", "sqlalchemy", "scipy", "pandas"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
sys.argv = ["cradlepath", *sys.argv[1:]]
from pipelines.cli.agency import main
main()
"""


@pytest.mark.slow
def test_an_agency_needs_neither_dagster_nor_splink(raw, tmp_path):
    kit = tmp_path / "birth.kit"
    raw.run("keys", "agency-kit", "birth", "--out", kit)
    command = [
        sys.executable, "-c", LIGHT.replace("pipelines.cli.agency", "pipelines.cli"), "tokenise",
        *raw.extracts("birth"), "--agreements", raw.workspace / "agreements", "--source", "birth", "--kit", kit,
        "--k1", raw.keys / "k1.key", "--out", tmp_path / "birth.tokens", "--night", NIGHT,
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "birth.tokens").exists()
