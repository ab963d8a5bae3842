"""The command `mou diff`: what a change of agreements newly makes possible, and what it stops."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.screen import JsonOption, print_json

FORMATS = ("text", "json")
WIDENS = 3


def register(group: typer.Typer) -> None:
    """Add the command to the group `mou`."""
    group.command("diff")(diff)


def diff(
    old: Annotated[Path, typer.Argument(help="An agreement, or a folder of agreements, as it was.")],
    new: Annotated[Path, typer.Argument(help="The same as it is to be.")],
    output: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    as_json: JsonOption = False,
) -> None:
    """Say what becomes possible and what stops, for every field, use, purpose and date. Exit status 3 if it widens."""
    from mou_policies import diff_text  # noqa: PLC0415
    from mou_policies.diff import diff as compare  # noqa: PLC0415
    from mou_policies.diff import side_of  # noqa: PLC0415

    if output not in FORMATS:
        raise typer.BadParameter(f"expected one of {', '.join(FORMATS)}, found {output!r}")
    for path in (old, new):
        if not path.exists():
            raise typer.BadParameter(f"there is no {path}; name an agreement or a folder of agreements")
    if old.is_dir() != new.is_dir():
        raise typer.BadParameter("expected two agreements or two folders, found one of each")
    before = side_of(old)
    after = side_of(new, before)
    kinds = [side.agreements[0].kind for side in (before, after) if side.alone]
    if len(set(kinds)) > 1:
        raise typer.BadParameter(f"expected two agreements of one kind, found {' and '.join(kinds)}")
    found = compare(before, after)
    if as_json or output == "json":
        print_json(diff_text.plain(found))
    else:
        sys.stdout.write(diff_text.text(found) + "\n")
    raise typer.Exit(WIDENS if found.widens else 0)
