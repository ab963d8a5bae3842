"""Commands for releases: `query` asks the current one; `release list`, `show`, `verify` and `rollback` keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import release_budget, release_plan, release_rows, release_utility, release_verify
from pipelines.cli.screen import JsonOption, WorkspaceOption, err, heading, print_json, say, table
from pipelines.noting import noted
from pipelines.workspace import Workspace, open_workspace

ReleaseOption = Annotated[str | None, typer.Option("--release", help="Id of a release; the current one if not given.")]


def register(app: typer.Typer) -> None:
    """Add `query` and the group `release` to the command line."""
    app.command("query")(query)
    group = typer.Typer(help="Releases: what was published, and whether it can be trusted.", no_args_is_help=True)
    group.command("list")(list_releases)
    group.command("show")(show)
    group.command("rollback")(rollback)
    release_plan.add(group)
    release_utility.add(group)
    release_rows.add(group)
    release_budget.add(group)
    release_verify.add(group)
    app.add_typer(group, name="release")


def _folder(workspace: Workspace) -> Path:
    return workspace.state / "releases"


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; `select * from release_log` is a start.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the current release. The connection can read its tables and nothing else: no file, no network, no setting.

    Who asked, and the digest of the question, are on record before the answer is shown.
    """
    from pipelines.questions import ask  # noqa: PLC0415

    answer = ask(open_workspace(workspace), sql)
    if as_json:
        print_json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
    else:
        table(answer.columns, answer.rows)
        say(f"{len(answer.rows):,} rows of {answer.release_id}")
    if answer.more:
        err.print("cradlepath: there are more rows than are shown; ask for fewer, or aggregate", markup=False)


def list_releases(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List every release, oldest first: its night, how many counts it holds and how many of them are hidden."""
    from dataclasses import asdict  # noqa: PLC0415

    from assets.release.log import entries  # noqa: PLC0415

    place = open_workspace(workspace)
    found = [asdict(entry) for entry in entries(_folder(place), place.state / "nights.duckdb")]
    if as_json:
        print_json(found)
    elif found:
        table([name.replace("_", " ") for name in found[0]], [list(entry.values()) for entry in found])
    else:
        say("Nothing is published yet; the calendar in cradlepath.yaml says when.")


def show(release: ReleaseOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show what a release was made from, how it was audited, and its tables with their descriptions."""
    from assets.release.governed import in_words  # noqa: PLC0415
    from assets.release.log import details  # noqa: PLC0415
    from assets.release.modes import in_words as mode_in_words  # noqa: PLC0415
    from assets.release.query import query as ask  # noqa: PLC0415
    from assets.release.rows.form import ENTRY  # noqa: PLC0415
    from assets.release.rows.words import lines  # noqa: PLC0415

    folder = _folder(open_workspace(workspace))
    manifest = details(folder, release)
    if as_json:
        print_json(manifest)
        return
    for name in ("release_id", "night", "policy", "audit"):
        if name in manifest:
            say(f"{name}: {manifest[name]}")
    for line in mode_in_words(manifest):
        say(line)
    if "governance" in manifest:
        heading("Agreements")
        for line in in_words(manifest):
            say(line)
    if ENTRY in manifest:
        heading("Rows")
        for line in lines(manifest[ENTRY]):
            say(line)
    heading("Tables")
    about = "select table_name, estimated_size as rows, comment from duckdb_tables() order by 1"
    table(["table", "rows", "what it is"], ask(folder, about).rows)


def rollback(
    release: Annotated[str, typer.Argument(help="Id of the release that shall be current again.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Point back to an earlier release whose signature holds. What was published stays published."""
    from assets.release.log import rollback as point_back  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    place = open_workspace(workspace)
    with noted(place, "release", f"rollback to {release}"):
        point_back(_folder(place), release, KeyRing.load(place.keys).signing_key.public_key())
    say(f"{release} is current again.")
