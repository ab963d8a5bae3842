"""The command `mou test`: its table, its failures, its coverage and its exit status."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from support.mou import SMALL, write
from typer.testing import CliRunner, Result

from pipelines.cli import app
from pipelines.setting_up import write_workspace

EXPECTS = (
    SMALL
    + """\
expect:
  - {field: clinic.visits.ssn, use: publish, on: 2026-09-01, is: denied, because: FLD-003}
  - {field: clinic.visits.visits, use: publish, purpose: measure-success, on: 2026-09-01, is: allowed}
"""
)
WRONG = EXPECTS.replace("is: allowed", "is: denied")


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write_workspace(tmp_path / "city", city="Our City", start=date(2026, 9, 1)).root


def asked(city: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["mou", "test", *words, "--workspace", str(city)])


def test_expectations_that_hold(city: Path) -> None:
    write(city / "agreements", EXPECTS)
    done = asked(city, "--uncovered")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["field", "use", "on", "expected", "found", "because", "where", "asked"]
    assert lines[2].split("   ")[0] == "clinic.visits.ssn"
    assert "publish for measure-success" in lines[3]
    assert lines[4] == "2 expectations: 2 hold, 0 do not."
    assert lines[5] == "Clauses they touch: 2 of 8 fields."
    assert lines[6] == "  untouched: clinic.yaml:25 clinic-2025 clinic.visits.record_id"
    assert len(lines[6:]) == 6


def test_a_failure_is_a_line_with_its_place(city: Path) -> None:
    write(city / "agreements", WRONG)
    done = asked(city)
    assert done.exit_code == 1
    assert "2 expectations: 1 hold, 1 do not." in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "clinic.yaml:36:5: error AGR-015: clinic.visits.visits: publish for measure-success is expected"
    )


def test_as_data(city: Path) -> None:
    write(city / "agreements", WRONG)
    done = asked(city, "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, [one["holds"] for one in said["expectations"]]) == (1, [True, False])
    assert said["expectations"][1] | {"says": ""} == {
        "field": "clinic.visits.visits",
        "use": "publish for measure-success",
        "on": "2026-09-01",
        "expected": "denied",
        "found": "allowed",
        "because": None,
        "where": "clinic.yaml:36",
        "asked": "as if signed",
        "holds": False,
        "says": "",
    }
    assert said["coverage"] == {"fields": {"touched": 2, "of": 8}}
    assert len(said["uncovered"]) == 6
    assert len(said["failures"]) == 1


def test_files_may_be_named(city: Path) -> None:
    write(city / "agreements", EXPECTS)
    write(city / "agreements", WRONG.replace("clinic", "camp"), "camp.yaml")
    assert asked(city, "clinic.yaml").exit_code == 0
    assert asked(city, "clinic.yaml", "camp.yaml").exit_code == 1
    done = asked(city, "nothing.yaml")
    assert done.exit_code == 2
    assert "there is no agreement file 'nothing.yaml'; there are: camp.yaml, clinic.yaml" in " ".join(
        done.output.replace("│", " ").split()
    )


def test_a_file_that_cannot_be_read_is_a_failure(city: Path) -> None:
    write(city / "agreements", EXPECTS.replace("is: denied", "is: no"))
    done = asked(city)
    assert done.exit_code == 1
    assert done.stderr.startswith("clinic.yaml:35:")


def test_where_nothing_is_expected(city: Path) -> None:
    done = asked(city)
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        ["0 expectations: 0 hold, 0 do not.", "There is no clause to touch."],
    )
