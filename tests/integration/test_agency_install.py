"""An agency's install, made and used as docs/agency.md says: its wheelhouse, its commands, nothing of the hub in it.

The page's own commands are run: a wheelhouse is filled, an environment is built from it without an index, and the demo
city's extracts are tokenised there as they are in the hub's environment.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from assets.extracts.landing import claims, files_in
from mou_policies.policy import compile_policy

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "agency.md").read_text(encoding="utf-8")
CONNECTED, OFFLINE, COMMAND = (
    [line for line in block.splitlines() if line] for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
)
HUB = ("dagster", "splink", "great_expectations", "sqlalchemy", "alembic", "pandas", "scipy", "highspy", "pyspark")
NIGHT = date(2026, 9, 1)
STANDARDS = ("birth", "health", "hmis", "school", "snap")
"""One source for every standard that the demo city has: IJE, FHIR, HMIS CSV, OneRoster, plain CSV."""

pytestmark = pytest.mark.slow


def run(line: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    words[0] = sys.executable if words[0] == "python" else words[0]
    environment = {name: value for name, value in os.environ.items() if name != "CRADLEPATH_WORKSPACE"} | variables
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `venv`, built from a wheelhouse alone."""
    connected, home = tmp_path_factory.mktemp("connected") / "cradlepath", tmp_path_factory.mktemp("agency")
    kept = ("pipelines", "assets", "linkage", "consent", "mou_policies")
    for name in kept:
        shutil.copytree(ROOT / name, connected / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "dagster.yaml", "requirements-agency.lock"):
        shutil.copy(ROOT / name, connected)
    for line in CONNECTED:
        done = run(line, connected)
        if done.returncode:
            pytest.skip(f"packages cannot be had here: `{line}` gave {done.returncode}: {done.stderr[-300:]}")
    shutil.move(connected / "wheelhouse", home)
    shutil.move(connected / "requirements-agency.lock", home)
    for line in OFFLINE:
        done = run(line, home, PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    return home


@pytest.fixture(scope="module")
def prepared(agency: Path, city_before) -> Path:
    """The agency's folder with agreements, K1, and an extract and a kit for every source of `STANDARDS`."""
    shutil.copytree(city_before.workspace / "agreements", agency / "agreements")
    shutil.copy(city_before.home / "keys" / "k1.key", agency)
    policy = compile_policy(agency / "agreements", NIGHT)
    for source in STANDARDS:
        city_before.run(
            "keys", "agency-kit", source, "--out", str(agency / f"{source}.kit"), "--workspace", str(city_before.home)
        )
        held = policy.sources[source]
        folder = city_before.workspace / "landing" / held.agency / NIGHT.isoformat()
        (agency / source).mkdir()
        for path in files_in(folder):
            if claims(held, path.name):
                shutil.copy(path, agency / source)
    return agency


def test_nothing_of_the_hub_is_there(agency: Path) -> None:
    tried = f"from importlib.util import find_spec; print([n for n in {HUB!r} if find_spec(n)])"
    assert run(f'venv/bin/python -c "{tried}"', agency).stdout.strip() == "[]"
    refused = run("venv/bin/cradlepath nightly", agency)
    assert refused.returncode == 1
    assert "install cradlepath[hub]" in refused.stderr


@pytest.mark.parametrize("source", STANDARDS)
def test_every_standard_is_tokenised_as_in_the_hubs_environment(prepared: Path, source: str) -> None:
    extracts = " ".join(f"{source}/{path.name}" for path in sorted((prepared / source).iterdir()))
    told = []
    for program, out in (
        ("venv/bin/cradlepath", f"{source}.small.tokens"),
        (Path(sys.executable).with_name("cradlepath"), f"{source}.whole.tokens"),
    ):
        line = (
            f"{program} tokenise {extracts} --agreements agreements --source {source} --kit {source}.kit "
            f"--k1 k1.key --out {out} --night {NIGHT} --json"
        )
        done = run(line, prepared)
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout) | {"file": None})
    assert told[0] == told[1]
    assert told[0]["staged"] > 0


def test_the_pages_command_runs_and_prints_what_the_page_shows(prepared: Path) -> None:
    shutil.copy(prepared / "birth" / "natality_20260901.dat", prepared)
    (line,) = COMMAND
    done = run(f"venv/bin/{line}", prepared)
    assert done.returncode == 0, done.stderr
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    for wanted in filter(str.strip, shown.splitlines()):
        assert shape(wanted) in {shape(printed) for printed in done.stdout.splitlines()}


def shape(line: str) -> str:
    """Return a line with its spaces and numbers evened out: counts are the city's, words are the page's."""
    return re.sub(r"(?<!\d)\d[\d,]*", "0", " ".join(line.split()))
