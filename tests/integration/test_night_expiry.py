"""A night says 90, 30 and 7 days ahead what ends, and the night after that it has ended."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer
from support.mou import SIGNED_ON, SMALL, edited
from support.signed import DUL, EMOU, UNDER, Signers, amending
from typer.testing import CliRunner

from linkage.keys import KeyRing
from pipelines import setting_up, summary
from pipelines.cli import night
from pipelines.workspace import Workspace

ENDS = date(2026, 10, 30)
SHORT = edited("to: 2030-06-30", f"to: {ENDS}")

DAYS = [
    # days before the end     stage      in words
    (91,                      None,      ""),
    (90,                      "90 days", "in 90 days"),
    (31,                      "90 days", "in 31 days"),
    (30,                      "30 days", "in 30 days"),
    (7,                       "7 days",  "in 7 days"),
    (1,                       "7 days",  "in 1 day"),
    (0,                       "7 days",  "today is its last day"),
    (-1,                      "ended",   "ended on 2026-10-30"),
    (-2,                      None,      ""),
]  # fmt: skip


@pytest.fixture
def keys(tmp_path: Path) -> Signers:
    return Signers(tmp_path / "agreements")


@pytest.mark.parametrize(("before", "stage", "says"), DAYS)
def test_an_agreement_is_said_to_end(keys: Signers, before: int, stage: str | None, says: str) -> None:
    keys.written("clinic.yaml", SHORT, SIGNED_ON)
    found = summary.ending(keys.folder, ENDS - timedelta(days=before))
    assert [one["stage"] for one in found] == ([stage] if stage else [])
    assert all(says in one["says"] and one["file"] == "clinic.yaml" for one in found)


def test_an_accepted_risk_is_said_to_have_ended_although_it_stops_its_agreement(keys: Signers) -> None:
    for name, text in (("cabinet.yaml", EMOU), ("clinic.yaml", UNDER), ("outcomes.yaml", DUL)):
        keys.written(name, text, SIGNED_ON)
    (found,) = summary.ending(keys.folder, date(2027, 1, 1))
    assert (found["stage"], found["what"], found["about"]) == ("ended", "accepted risk", "AGR-011")
    assert summary.ending(keys.folder, date(2027, 1, 2)) == []
    assert summary.ending(keys.folder, date(2026, 12, 20), "clinic") == [], "it is the licence's, which has no source"


def test_a_draft_and_what_was_superseded_are_not_said_to_end(keys: Signers) -> None:
    first = keys.written("clinic.yaml", SHORT, SIGNED_ON)
    second = amending(first, "clinic-2026", SMALL)
    keys.written("clinic-2026.yaml", second, date(2026, 7, 1))
    (keys.folder / "draft.yaml").write_text(SHORT.replace("clinic-2025", "draft-2025"))
    assert summary.ending(keys.folder, ENDS) == []
    assert summary.ending(keys.folder, ENDS + timedelta(days=1)) == []


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = setting_up.write_workspace(tmp_path / "workspace", city="Test City", start=ENDS - timedelta(days=30))
    KeyRing.create(made.keys)
    Signers(made.agreements).written("clinic.yaml", SHORT, SIGNED_ON)
    return made


def run(workspace: Workspace, *words: str) -> str:
    """Return what a command of the night prints; it succeeds, whatever ends."""
    app = typer.Typer()
    night.register(app)
    done = CliRunner().invoke(app, [*words, "--workspace", str(workspace.root)], terminal_width=200)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_night_says_it_and_succeeds(workspace: Workspace) -> None:
    on = str(ENDS - timedelta(days=30))
    line = "  30 days: clinic.yaml:6: the agreement clinic-2025 ends on 2026-10-30, in 30 days"
    for command in ("nightly", "report"):
        said = run(workspace, command, "--date", on)
        assert f"Ends soon, or has just ended\n{line}\n" in said
    (found,) = json.loads(run(workspace, "report", "--date", on, "--json"))["ending"]
    assert (found["stage"], found["ends"], found["days"]) == ("30 days", "2026-10-30", 30)
