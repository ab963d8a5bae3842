"""Which deliveries count as arrived, and which night runs when none is named."""

import os
from datetime import date
from pathlib import Path

import pytest

from pipelines.nightly import next_night, waiting_nights
from pipelines.sensors import arrivals
from pipelines.workspace import Settings, Workspace, WorkspaceError

NOW = 2_000_000_000.0


def put(path: Path, age_seconds: float = 3600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (NOW - age_seconds, NOW - age_seconds))


# files (path, age in seconds) | dated folders that have arrived
ARRIVED = [
    ([("a/2026-09-01/x.csv", 3600)], ["2026-09-01"]),
    ([("a/2026-09-01/x.csv", 5)], []),
    ([("a/2026-09-01/x.csv", 5), ("a/2026-09-01/_COMPLETE", 1)], ["2026-09-01"]),
    ([("a/2026-09-01/x.csv.part", 3600)], []),
    ([("a/2026-09-01/_COMPLETE", 3600)], []),
    ([("a/not-a-date/x.csv", 3600)], []),
    ([("a/x.csv", 3600)], [None]),
    ([("b/2026-09-01/x.csv", 3600)], []),
]


@pytest.mark.parametrize(("files", "expected"), ARRIVED)
def test_arrived(tmp_path: Path, files: list[tuple[str, float]], expected: list[str | None]) -> None:
    for name, age in files:
        put(tmp_path / name, age)
    assert [folder for folder, _ in arrivals(tmp_path, "a", 60, NOW)] == expected


def test_a_changed_file_is_another_arrival(tmp_path: Path) -> None:
    put(tmp_path / "a/2026-09-01/x.csv")
    before = list(arrivals(tmp_path, "a", 60, NOW))
    (tmp_path / "a/2026-09-01/x.csv").write_text("longer")
    os.utime(tmp_path / "a/2026-09-01/x.csv", (NOW - 3600, NOW - 3600))
    assert before != list(arrivals(tmp_path, "a", 60, NOW))


# delivery folders that wait | nights committed | today | the night to run
NEXT = [
    (["a/2026-09-01", "a/2026-09-02"], [], "2026-11-01", "2026-09-01"),
    (["a/2026-09-02"], ["2026-09-01"], "2026-11-01", "2026-09-02"),
    (["a/2026-09-01", "b/2026-09-02"], ["2026-09-02"], "2026-11-01", "2026-09-02"),
    ([], ["2026-09-02"], "2026-11-01", "2026-09-02"),
    (["a"], ["2026-09-02"], "2026-11-01", "2026-11-01"),
]


@pytest.mark.parametrize(("folders", "committed", "today", "expected"), NEXT)
def test_next_night(tmp_path: Path, folders: list[str], committed: list[str], today: str, expected: str) -> None:
    workspace = Workspace(tmp_path, Settings(city="T", start=date(2026, 9, 1)))
    for folder in folders:
        put(workspace.landing / folder / "x.csv")
    nights = [date.fromisoformat(night) for night in committed]
    assert next_night(workspace, nights, date.fromisoformat(today)) == date.fromisoformat(expected)


def test_nothing_delivered_yet_says_where_to_deliver(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Settings(city="T", start=date(2026, 9, 1)))
    with pytest.raises(WorkspaceError, match="agencies deliver to"):
        next_night(workspace, [], date(2026, 9, 1))
    assert waiting_nights(workspace.landing) == []
