"""The command `release rows`: what a release's file of rows holds, how it is protected, or why there is none."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, heading, print_json, say, table
from pipelines.workspace import open_workspace

ReleaseOption = Annotated[str | None, typer.Option("--release", help="Id of a release; the current one if not given.")]


def add(group: typer.Typer) -> None:
    """Add the command to the group `release`."""
    group.command("rows")(rows)


def rows(release: ReleaseOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show what a release's file of rows holds: its columns, its k, l and t, what was lost; or why there is none."""
    from assets.release.log import details  # noqa: PLC0415
    from assets.release.rows.form import ENTRY  # noqa: PLC0415

    manifest = details(open_workspace(workspace).state / "releases", release)
    entries = manifest.get(ENTRY, [])
    if as_json:
        print_json({"release_id": manifest["release_id"], "rows": entries})
        return
    if not entries:
        say(f"{manifest['release_id']} holds tables only: no licence in force for it asked for rows.")
    for entry in entries:
        _show(entry)


def _show(entry: dict[str, Any]) -> None:
    """Print one entry of a manifest."""
    from assets.release.rows.form import ROWS  # noqa: PLC0415
    from assets.release.rows.words import columns, protection, sentence  # noqa: PLC0415

    heading(f"{entry['licence']} ({entry['clause']})")
    if "refused" in entry:
        say(f"no file: {entry['refused']}")
    else:
        say(f"{ROWS}, table {entry['table']}: {sentence(entry)}")
        table(["column", "kind", "shown"], [list(row) for row in columns(entry)])
        table(["rule", "asked for", "reached"], [list(row) for row in protection(entry)])
    for line in entry["left_out"]:
        say(f"left out: {line}")
