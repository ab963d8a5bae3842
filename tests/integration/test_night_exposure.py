"""Nights of a small demo city past a limit of exposure, run again, and with keys that are not in order."""

import json
import os
import re
import shutil
import subprocess

import pytest
from conftest import PROGRAM

NIGHTS = ("2026-09-01", "2026-09-02")
LIMITS = {name: f"{name}: {{warn: 0, stop: 0}}" for name in ("at_rest", "transit", "transcript")}

pytestmark = pytest.mark.slow


class City:
    def __init__(self, home):
        self.home, self.state = home, home / "workspace" / "state"
        self.settings = home / "workspace" / "cradlepath.yaml"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(
            [str(PROGRAM), *words], env=environment, cwd=self.home, capture_output=True, text=True, check=False
        )

    def night(self, on: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("nightly", "-w", str(self.home), "--date", on, *words)

    def releases(self) -> list[str]:
        return sorted(path.name for path in (self.state / "releases").glob("*")) if self.state.exists() else []


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    made = City(tmp_path_factory.mktemp("exposed") / "city")
    made.home.mkdir()
    done = made.run("demo", "--children", "300", "--seed", "5", "--nights", "2", "--out", str(made.home))
    assert done.returncode == 0, done.stderr
    return made


def test_nights_past_a_limit_stand_and_publish_nothing(city):
    """Of one city, in order: a refused release, the same night with its limits back, the next night compared."""
    meant = city.settings.read_text()
    strict = meant.replace("least_records: 1000", "least_records: 1")
    for name, text in LIMITS.items():
        strict = re.sub(rf"^  {name}: .*$", f"  {text}", strict, flags=re.MULTILINE)
    city.settings.write_text(strict)

    refused = city.night(NIGHTS[0], "--exact")
    assert (refused.returncode, refused.stderr) == (3, "")
    told = [line for line in refused.stdout.splitlines() if "REFUSED" in line]
    assert len(told) == 1
    assert "exposure.transcript.stop in cradlepath.yaml" in told[0]
    assert "docs/attack.md" in told[0]
    assert [name for name in city.releases() if name.startswith((".building", "r-", "current"))] == []
    assert not list((city.home / "workspace" / "landing").glob(f"*/{NIGHTS[0]}/*"))
    report = json.loads(city.run("report", "-w", str(city.home), "--json").stdout)
    assert report["release"]["refused"] in told[0]
    assert report["children"]["records"] > 500
    card = (city.state / "model_card.json").read_bytes()

    city.settings.write_text(meant)
    again = json.loads(city.night(NIGHTS[0], "--json").stdout)
    assert again["release"]["made_tonight"]
    assert again["release"]["refused"] is None
    assert (city.state / "model_card.json").read_bytes() == card

    shutil.copytree(city.state / "vault", city.home / "copy")
    second = city.night(NIGHTS[1])
    assert second.returncode == 0, second.stderr
    shown = city.run("attack", "-w", str(city.home), "--against", str(city.home / "copy"), "--json")
    found = json.loads(shown.stdout)
    (both,) = found["last_night"]["two_nights"]
    assert both["all"] == found["two_nights"]["all"]
    assert both["sources"] == found["two_nights"]["sources"]
    assert both["rows"]["new"] > 0 < both["rows"]["same"]
    assert min(figures["records"] for figures in both["sources"].values()) < 20
    assert shown.returncode == 0, found["findings"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda keys: keys.chmod(0o755), "permissions are 0755, expected 0700"),
        (lambda keys: (keys / "k2.key").rename(keys / "away"), "k2.key: no such key file"),
    ],
)
def test_keys_that_are_not_in_order_are_one_line(city, tmp_path, change, says):
    keys = tmp_path / "city" / "keys"
    shutil.copytree(city.home, keys.parent)
    change(keys)
    done = City(keys.parent).night(NIGHTS[0])
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("cradlepath: /")
    assert says in line
