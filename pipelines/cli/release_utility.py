"""`release utility`: what hiding cost, by table and breakdown, and what a coarser breakdown would bring back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, print_json, say, table
from pipelines.workspace import open_workspace

ReleaseOption = Annotated[str | None, typer.Option("--release", help="Id of a release; the current one if not given.")]


def add(group: typer.Typer) -> None:
    """Add the command to the group `release`."""
    group.command("utility")(utility)


def utility(release: ReleaseOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say how many cells and children a reader does not see, and what larger groups would bring back.

    Every figure is taken from the release's own file: it tells nothing that the release does not.
    """
    from assets.release.log import named  # noqa: PLC0415
    from assets.release.utility import utility_of  # noqa: PLC0415

    stored = named(open_workspace(workspace).state / "releases", release)
    costs = utility_of(stored)
    if as_json:
        print_json([asdict(cost) | {"advice": cost.advice} for cost in costs])
        return
    heads = ["table", "count", "by", "cells", "hidden", "children", "not shown", "what to do"]
    table(
        heads,
        [
            [c.table, c.count, c.breakdown, c.cells, f"{c.share_hidden:.0%}", c.children, c.behind, c.advice or "–"]
            for c in costs
        ],
    )
    say(f"{stored.id}. `not shown`: children of the totals whom no part shows; a total less its parts tells as much.")
