"""Commands that show agreements from the side: `mou unused` (minimum necessary) and `mou matrix` (who may do what)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.cli.kept import kept_agreements
from pipelines.cli.screen import JsonOption, OnOption, WorkspaceOption, day_of, heading, print_json, say, table
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from mou_policies.matrix import Matrix, Row
    from mou_policies.usage import Unneeded


def register(group: typer.Typer) -> None:
    """Add this module's commands to the group `mou`."""
    group.command("unused")(unused)
    group.command("matrix")(matrix)


def unused(workspace: WorkspaceOption = None, on: OnOption = None, as_json: JsonOption = False) -> None:
    """List what agreements allow and nothing needs, and delivered columns that no agreement names (minimum necessary).

    Names and clauses only. What was delivered is what the nights' book says of each table when it came last.
    """
    from assets.night import StatePaths  # noqa: PLC0415
    from assets.usage import reads, seen  # noqa: PLC0415
    from mou_policies import usage  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415

    place = open_workspace(workspace)
    with kept_agreements(place):
        policy = compile_policy(place.agreements, day_of(on))
    read, came = reads(policy), seen(StatePaths.under(place.state).nights)
    parts = {
        "never used": usage.unused(policy, read),
        "licensed, not published": usage.unpublished(policy, read),
        "absent from the data": usage.absent(policy, came),
    }
    columns = usage.unnamed(policy, came)
    if as_json:
        named = {name.replace(", ", " ").replace(" ", "_"): list(map(_parts, items)) for name, items in parts.items()}
        print_json({"on": policy.on, **named, "not_in_any_agreement": [".".join(ref) for ref in columns]})
        return
    for title, items in parts.items():
        _show(title, items)
    heading(f"Delivered, and in no agreement: {len(columns)}")
    for of_table, refs in groupby(columns, key=itemgetter(0, 1)):
        say(f"  {'.'.join(of_table)}: {', '.join(ref[2] for ref in refs)}")


def _parts(item: Unneeded) -> dict[str, object]:
    return {**asdict(item), "ref": ".".join(item.ref)}


def _show(title: str, items: Sequence[Unneeded]) -> None:
    heading(f"Allowed, and {title}: {len(items)}")
    rows = [[".".join(i.ref), i.use, i.treatment, i.reason, i.why, i.clause.split()[0]] for i in items]
    if rows:
        table(["field", "use", "treatment", "reason given", "why it is here", "clause"], rows)


def matrix(
    workspace: WorkspaceOption = None,
    on: OnOption = None,
    output: Annotated[Literal["text", "html", "csv"], typer.Option("--format", help="text, html or csv.")] = "text",
    out: Annotated[Path | None, typer.Option(help="File to write instead of the screen.")] = None,
) -> None:
    """Show every field beside every use: allowed with which treatment, or denied, and by which clause."""
    from mou_policies import matrix as views  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415

    if out is not None and output == "text":
        raise typer.BadParameter("a file is html or csv: add --format html or --format csv")
    place = open_workspace(workspace)
    with kept_agreements(place):
        found = views.matrix(compile_policy(place.agreements, day_of(on)))
    if output == "text":
        _print(found)
        return
    title = f"{place.settings.city}: fields and uses"
    text = views.page(found, title) if output == "html" else views.sheet(found)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8", newline="")
        say(f"Wrote {out}.")


def _print(found: Matrix) -> None:
    for section in found.sections:
        heading(f"{section.source.source}: {section.source.title} ({section.source.agreement_id})")
        names = ["field", "class", "Safe Harbor", "FERPA", "link", "keep", "publish", "licensed"]
        table(names, [_short(row) for row in section.rows])


def _short(row: Row) -> list[str]:
    """Return a row of the matrix in few words: the answer of each use, or what else the column is read for."""
    marks = {"allowed": "yes", "denied": "denied", "never": "never", "not granted": "-"}
    said = [marks[cell.answer] for cell in row.cells.values()] or [row.note.split(":")[0], "", "", ""]
    return [".".join(row.ref[1:]), row.cls, row.safe_harbor or "-", row.ferpa or "-", *said]
