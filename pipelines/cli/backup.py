"""Commands that keep a workspace from loss: `backup` writes it to one sealed file, `restore` makes it anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.asking import actor
from pipelines.cli.screen import JsonOption, WorkspaceOption, print_json, progress, say
from pipelines.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add `backup` and `restore` to the command line."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    out: Annotated[Path, typer.Option("--out", help="New file to write; not on the disk of the workspace.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything the workspace keeps, but keys and raw files, to one file that only its keys open."""
    from dataclasses import asdict  # noqa: PLC0415

    from pipelines.backup.take import back_up, size_of  # noqa: PLC0415

    place = open_workspace(workspace)
    with progress(size_of(place), "backup") as advance:
        taken = back_up(place, out, actor=actor(), advance=advance)
    if as_json:
        print_json(asdict(taken))
        return
    say(
        f"Backed up {place.root} to {taken.path}: {taken.files:,} files ({taken.bytes / 1e6:,.1f} MB), "
        f"{taken.rows:,} rows of the registry, {taken.events:,} events of the audit chain (backup {taken.id})."
    )
    say("The keys are not in it: without them nobody can open it, you neither (docs/keys.md).")


def restore(
    file: Annotated[
        Path, typer.Argument(help="A file that `cradlepath backup` has made.", exists=True, dir_okay=False)
    ],
    into: Annotated[Path, typer.Option("--into", help="New or empty folder to make the workspace in.")],
    keys: Annotated[
        Path | None, typer.Option("--keys", help="Folder of the city's keys; keys/ beside the new folder if not given.")
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option("--registry", help="Address of an empty database for the registry; SQLite if not given."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace from a backup in an empty folder: all is verified first, and a failure leaves nothing."""
    from dataclasses import asdict  # noqa: PLC0415

    from pipelines.backup.restore import restore as make_again  # noqa: PLC0415

    folder = into.resolve()
    found = keys or folder.parent / "keys"
    with progress(file.stat().st_size, "restore") as advance:
        restored = make_again(file, folder, found, actor=actor(), registry_url=registry, advance=advance)
    if as_json:
        print_json(asdict(restored))
        return
    say(f"Restored {restored.root} from backup {restored.backup} of {restored.made_at}. Verified:")
    for line in restored.verified:
        say(f"  {line}")
    say("Compare the end of the audit chain with your anchor before you run a night (docs/auditor.md).")
