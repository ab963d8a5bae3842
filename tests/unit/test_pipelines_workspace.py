"""A workspace is found, read, and refused with the line and the remedy."""

from pathlib import Path

import pytest

from pipelines.workspace import WorkspaceError, find, load

GOOD = "city: Testville\nstart: 2026-09-01\n"

# what the settings file holds | what the error must name
REFUSED = [
    ("city: Testville\n", ["cradlepath.yaml:1", "start", "required"]),
    (GOOD + "colour: red\n", ["cradlepath.yaml:3", "colour", "not permitted"]),
    (
        GOOD + "release:\n  threshold: 2\n",
        ["cradlepath.yaml:4", "release.threshold", "greater than or equal to 3"],
    ),
    (
        GOOD + "release:\n  weights: {measure.place: 0}\n",
        ["cradlepath.yaml:4", "release.weights.measure.place", "greater than or equal to 0.1"],
    ),
    (GOOD + "release:\n  threshold: 10\n  threshold: 3\n", ["cradlepath.yaml:5", "duplicate key"]),
    (GOOD + "linkage: {mode: agency}\n", ["cradlepath.yaml:3", "linkage.mode"]),
    ("- a list\n", ["cradlepath.yaml:1", "mapping"]),
]


@pytest.mark.parametrize(("text", "named"), REFUSED)
def test_a_setting_at_fault_is_named_with_its_line(tmp_path: Path, text: str, named: list[str]) -> None:
    (tmp_path / "cradlepath.yaml").write_text(text)
    with pytest.raises(WorkspaceError) as refused:
        load(tmp_path)
    for part in named:
        assert part in str(refused.value)


def test_the_folder_around_a_demo_workspace_is_enough(tmp_path: Path) -> None:
    inner = tmp_path / "workspace"
    inner.mkdir()
    (inner / "cradlepath.yaml").write_text(GOOD)
    assert find(tmp_path) == inner.resolve()


def test_a_folder_without_settings_says_how_to_name_or_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"--workspace DIR .*cradlepath init"):
        find(tmp_path)


def test_the_environment_names_a_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cradlepath.yaml").write_text(GOOD)
    monkeypatch.setenv("CRADLEPATH_WORKSPACE", str(tmp_path))
    assert find() == tmp_path.resolve()


def test_a_new_workspace_is_documented_and_loads(tmp_path: Path) -> None:
    from datetime import date

    from pipelines.setting_up import write_workspace

    workspace = write_workspace(tmp_path / "city", city="Testville", start=date(2026, 9, 1))
    assert workspace.settings.city == "Testville"
    assert (workspace.dagster_home / "dagster.yaml").read_text().startswith("# The Dagster instance")
    with pytest.raises(WorkspaceError, match="exists"):
        write_workspace(tmp_path / "city", city="Other", start=date(2026, 9, 1))
