"""The command `release budget`: what releases under differential privacy have spent, and what is left."""

from __future__ import annotations

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, print_json, say, table
from pipelines.workspace import open_workspace


def add(group: typer.Typer) -> None:
    """Add the command to the group `release`."""
    group.command("budget")(budget)


def budget(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show every draw of noise: in which release it is, what it spent of the privacy budget, and what was left then."""
    from dataclasses import asdict  # noqa: PLC0415

    from assets.release.modes.budget import entries  # noqa: PLC0415

    place = open_workspace(workspace)
    found = [asdict(entry) for entry in entries(place.registry_url, place.state / "releases")]
    if as_json:
        print_json(found)
    elif found:
        table(list(found[0]), [list(entry.values()) for entry in found])
    else:
        say("Nothing is spent: no release was made under differential privacy.")
