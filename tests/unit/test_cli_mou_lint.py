"""The command `mou lint`: its three forms, its last line and its exit status."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from support.mou_clean import CLEAN, planted
from typer.testing import CliRunner, Result

from assets.night import StatePaths
from pipelines.cli import app
from pipelines.cli.mou_lint import BOOK
from pipelines.setting_up import write_workspace

NIGHT = "2026-09-01"
WIDER = {"period_days: 180": "period_days: 1800"}
UNAUDITED = {'  audit: "The district may inspect at any time"\n': ""}


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A workspace without agreements."""
    return write_workspace(tmp_path / "city", city="Our City", start=date(2026, 9, 1)).root


def linted(city: Path, changes: dict[str, str], *options: str) -> Result:
    planted(city / "agreements", {"dsa.yaml": changes}, {})
    return CliRunner().invoke(app, ["mou", "lint", "--workspace", str(city), "--on", NIGHT, *options])


def test_without_a_finding(city: Path) -> None:
    done = linted(city, {})
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert {line.split()[2] for line in lines[: len(CLEAN)]} == set(CLEAN)
    assert all(line.startswith("in force") for line in lines[: len(CLEAN)])
    assert lines[-1] == "0 errors, 0 warnings, 0 notes in 3 agreements; 1 of 1 source in force"


def test_an_error_stops_the_source_and_says_so(city: Path) -> None:
    done = linted(city, WIDER | UNAUDITED)
    assert done.exit_code == 3
    assert "stopped   dsa.yaml  school" in done.stdout.splitlines()
    found = [line for line in done.stdout.splitlines() if re.match(r"\w+\.yaml:\d+:\d+: (error|warning|note) ", line)]
    assert [re.findall(r"^[\w.]+|[A-Z]{3}-\d+", line)[:2] for line in found] == [
        ["dsa.yaml", "AGR-010"],
        ["dsa.yaml", "AGR-011"],
        ["dul.yaml", "AGR-009"],
    ]
    assert "it keeps data 1800 days, and cabinet-2025 365 days; narrow the agreement to its parent" in found[0]
    assert found[0].endswith("(AISP, agreement tiers: a child never widens its parent [V])")
    assert done.stdout.splitlines()[-1] == "2 errors, 1 warning, 0 notes in 3 agreements; 0 of 1 source in force"


def test_a_warning_counts_when_strict(city: Path) -> None:
    assert linted(city, UNAUDITED).exit_code == 0
    again = CliRunner().invoke(app, ["mou", "lint", "--workspace", str(city), "--on", NIGHT, "--strict"])
    assert again.exit_code == 3


def test_json_has_every_part(city: Path) -> None:
    done = linted(city, UNAUDITED, "--format", "json")
    (found,) = json.loads(done.stdout)
    assert (found["rule"], found["severity"], found["file"], found["line"]) == ("AGR-011", "warning", "dsa.yaml", 22)
    assert (found["cite"], found["mark"], found["about"]) == ("AISP, agreement tiers and clauses", "V", "terms.audit")
    assert set(found) >= {"column", "says", "remedy", "accepted", "title", "acceptable"}


def test_sarif_names_files_relative_to_where_it_is_run(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(city.parent)
    log = json.loads(linted(city, UNAUDITED, "--format", "sarif").stdout)
    (found,) = log["runs"][0]["results"]
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "city/agreements/dsa.yaml"


def test_the_page_shows_a_line_as_lint_says_it(city: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "agreements.md"
    (shown,) = re.findall(r"^dsa\.yaml:.*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown in linted(city, WIDER).stdout.splitlines()


def test_the_book_of_nights_is_looked_for_where_nights_write_it(city: Path) -> None:
    assert StatePaths.under(city / "state").nights == city / "state" / BOOK


def test_nothing_but_findings_reaches_the_screen(city: Path) -> None:
    program = Path(sys.executable).with_name("cradlepath")
    done = subprocess.run([program, "mou", "lint", "--workspace", city], capture_output=True, text=True, check=False)
    assert done.stderr == ""
