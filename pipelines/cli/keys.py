"""Commands for the hub's keys: `keys init`, `keys show-fingerprint`."""

from __future__ import annotations

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, print_json, say
from pipelines.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the group `keys` to the command line."""
    group = typer.Typer(help="The keys of the hub.", no_args_is_help=True)
    group.command("init")(init)
    group.command("show-fingerprint")(show_fingerprint)
    app.add_typer(group, name="keys")


def init(workspace: WorkspaceOption = None) -> None:
    """Make the hub's keys in the folder the settings name. Keys that exist are never overwritten."""
    from linkage.keys import KeyRing  # noqa: PLC0415

    place = open_workspace(workspace)
    ring = KeyRing.create(place.keys)
    say(f"Made the keys in {place.keys} (readable by you alone), fingerprint {ring.fingerprint}.")
    say("Back that folder up apart from the state: without it no record links again; with both, all can be attacked.")


def show_fingerprint(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Print the fingerprint of the keys and the mode in which tokens are made."""
    from linkage.keys import KeyRing  # noqa: PLC0415

    ring = KeyRing.load(open_workspace(workspace).keys)
    if as_json:
        print_json({"fingerprint": ring.fingerprint, "mode": ring.mode})
    else:
        say(f"{ring.fingerprint}  ({ring.mode})")
