"""`mou export` and `mou import`: what they write and refuse; the commands of docs/interchange.md work as written."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
import yaml
from support.interchange import odcs_schema, odrl_schema
from support.mou import demo_folder
from typer.testing import CliRunner

from pipelines.cli import agreements

DOC = Path(__file__).resolve().parents[2] / "docs" / "interchange.md"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("city")
    (home / "cradlepath.yaml").write_text("city: sampleton\nstart: 2026-09-01\n", encoding="utf-8")
    demo_folder(home)
    return home


@pytest.fixture
def city(signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A signed demo city as the current folder; `run` runs a line of `cradlepath` and returns what it says."""
    home = tmp_path / "city"
    shutil.copytree(signed, home)
    monkeypatch.chdir(home)
    app = typer.Typer()
    agreements.register(app)

    def run(line: str, fails: bool = False) -> str:
        result = CliRunner().invoke(app, shlex.split(line), standalone_mode=False)
        assert (result.exit_code != 0) is fails, result.output
        return " ".join(f"{result.output} {result.exception or ''}".split()) if fails else result.output

    return SimpleNamespace(run=run, home=home)


def test_the_pages_commands_work_in_a_city(city: SimpleNamespace) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", DOC.read_text(encoding="utf-8"), flags=re.DOTALL)
    for line in block.strip().splitlines():
        out = re.search(r"--out (\S+)", line)
        assert out is not None
        assert city.run(line.removeprefix("cradlepath ")).startswith(f"Wrote {out[1]}: ")
    birth = yaml.safe_load((city.home / "birth.odcs.yaml").read_text(encoding="utf-8"))
    attendance = json.loads((city.home / "attendance.odcs.json").read_text(encoding="utf-8"))
    policy = json.loads((city.home / "birth.odrl.jsonld").read_text(encoding="utf-8"))
    assert odcs_schema().is_valid(birth)
    assert odcs_schema().is_valid(attendance)
    assert odrl_schema().is_valid(policy)
    assert "use: none" in (city.home / "attendance-draft.yaml").read_text(encoding="utf-8")


def test_without_a_file_the_text_goes_to_the_screen(city: SimpleNamespace) -> None:
    contract = yaml.safe_load(city.run("mou export wic.yaml --as odcs"))
    assert (contract["name"], contract["status"]) == ("wic", "active")
    assert json.loads(city.run("mou export wic.yaml --as odrl"))["@type"] == "Agreement"
    (city.home / "wic.odcs.yaml").write_text(city.run("mou export wic.yaml --as odcs"), encoding="utf-8")
    assert city.run("mou import wic.odcs.yaml").startswith("# A draft made from the data contract")


def test_a_contract_of_an_agreement_that_is_not_in_force_is_proposed(city: SimpleNamespace) -> None:
    (city.home / "agreements" / "wic.yaml.sig.json").unlink()
    assert yaml.safe_load(city.run("mou export wic.yaml --as odcs"))["status"] == "proposed"


def test_without_its_parent_beside_it_nothing_is_exported(city: SimpleNamespace) -> None:
    (city.home / "agreements" / "childrens_cabinet.yaml").unlink()
    assert "its parent childrens-cabinet-2025 is not here" in city.run("mou export wic.yaml --as odrl", fails=True)


def test_what_cannot_be_exported_or_imported_is_said(city: SimpleNamespace) -> None:
    several = city.run("mou export school_district.yaml --as odcs", fails=True)
    assert "name one with --source: school, attendance" in several
    assert "has no source 'wic'" in city.run("mou export school_district.yaml --as odcs --source wic", fails=True)
    assert "leave --source out" in city.run("mou export wic.yaml --as odrl --source wic", fails=True)
    for form in ("odcs", "odrl"):
        shares_nothing = city.run(f"mou export childrens_cabinet.yaml --as {form}", fails=True)
        assert "export a data sharing agreement under childrens-cabinet-2025" in shares_nothing
        assert "export a data sharing agreement it is under" in city.run(
            f"mou export cabinet_outcomes.yaml --as {form}", fails=True
        )
    assert "cannot be read" in city.run("mou export none.yaml --as odrl", fails=True)
    assert "cannot be read" in city.run("mou import none.yaml", fails=True)


def test_a_draft_overwrites_nothing(city: SimpleNamespace) -> None:
    city.run("mou export wic.yaml --as odcs --out wic.odcs.yaml")
    before = (city.home / "agreements" / "wic.yaml").read_bytes()
    assert "overwrites nothing" in city.run("mou import wic.odcs.yaml --out agreements/wic.yaml", fails=True)
    assert (city.home / "agreements" / "wic.yaml").read_bytes() == before
