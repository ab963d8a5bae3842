"""The commands `mou unused` and `mou matrix` on a workspace without nights."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from support.mou_clean import planted
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.setting_up import write_workspace


@pytest.fixture
def city(tmp_path: Path) -> Path:
    root = write_workspace(tmp_path / "city", city="Our City", start=date(2026, 9, 1)).root
    planted(root / "agreements", {}, {})
    return root


def run(city: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["mou", *arguments, "--workspace", str(city), "--on", "2026-09-01"])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_unused_says_each_part(city: Path) -> None:
    said = run(city, "unused")
    assert "Allowed, and never used: 3" in said
    assert "school.students.grade" in said
    assert "Allowed, and licensed, not published: 2" in said
    assert "Delivered, and in no agreement: 0" in said


def test_unused_as_json(city: Path) -> None:
    said = json.loads(run(city, "unused", "--json"))
    assert [item["ref"] for item in said["never_used"]] == [f"school.students.{f}" for f in ("dob", "zip", "grade")]
    assert said["never_used"][1]["clause"] == "dsa.yaml:47 district-2025 school.students.zip"
    assert said["not_in_any_agreement"] == said["absent_from_the_data"] == []
    assert said["on"] == "2026-09-01"


def test_matrix_in_its_three_forms(city: Path) -> None:
    assert "students.grade" in run(city, "matrix")
    assert run(city, "matrix", "--format", "csv").splitlines()[0].startswith("source,table,field,class")
    page = city / "matrix.html"
    assert run(city, "matrix", "--format", "html", "--out", str(page)) == f"Wrote {page}.\n"
    assert "<h1>Our City: fields and uses</h1>" in page.read_text(encoding="utf-8")


def test_a_table_is_for_the_screen(city: Path) -> None:
    done = CliRunner().invoke(app, ["mou", "matrix", "--workspace", str(city), "--out", "x.txt"])
    assert done.exit_code == 2
