"""`mou diff` on the command line: exit statuses, forms, and what it refuses to compare."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.mou import edited, write
from support.mou_clean import CLEAN
from typer.testing import CliRunner

from mou_policies.errors import AgreementError
from pipelines.cli import app

LONGER = edited("period_days: 180", "period_days: 300", CLEAN["dsa.yaml"])


def city(where: Path, dsa: str = CLEAN["dsa.yaml"]) -> Path:
    for name, text in {**CLEAN, "dsa.yaml": dsa}.items():
        write(where, text, name)
    return where


def run(*arguments: str | Path, expect: int) -> str:
    done = CliRunner().invoke(app, ["mou", "diff", *map(str, arguments)])
    if isinstance(done.exception, AgreementError):
        raise done.exception
    assert done.exit_code == expect, done.output
    return done.stdout if expect in {0, 3} else done.output


def test_widening_has_a_status_of_its_own_and_narrowing_blocks_nothing(tmp_path: Path) -> None:
    old, new = city(tmp_path / "old"), city(tmp_path / "new", LONGER)
    assert "180 days -> 300 days  old dsa.yaml:20  new dsa.yaml:20" in run(old, new, expect=3)
    assert "No longer possible" in run(new, old, expect=0)
    assert run(old, old, expect=0).startswith("0 newly possible, 0 no longer possible")
    assert "180 days -> 300 days" in run(old / "dsa.yaml", new / "dsa.yaml", expect=3)


@pytest.mark.parametrize("asked", [["--json"], ["--format", "json"]])
def test_as_json(tmp_path: Path, asked: list[str]) -> None:
    said = json.loads(run(city(tmp_path / "old"), city(tmp_path / "new", LONGER), *asked, expect=3))
    (change,) = said["newly_possible"]
    assert (change["facet"], change["before"], change["after"]) == ("destruction", "180 days", "300 days")
    assert said["clauses"] == {"district-2025": ["destruction"]}


def test_from_nothing_everything_is_new(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert "7 newly possible" in run(tmp_path / "none", city(tmp_path / "new"), expect=3)


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    old = city(tmp_path / "old")
    assert "there is no" in run(old, tmp_path / "absent", expect=2)
    assert "expected two agreements or two folders" in run(old, old / "dsa.yaml", expect=2)
    assert "expected two agreements of one kind, found dsa and dul" in run(old / "dsa.yaml", old / "dul.yaml", expect=2)
    assert "expected one of text, json" in run(old, old, "--format", "csv", expect=2)
    with pytest.raises(AgreementError, match=r"dsa\.yaml:35:15"):
        run(old, city(tmp_path / "new", edited("delivery: full", "delivery: no", CLEAN["dsa.yaml"])), expect=1)
