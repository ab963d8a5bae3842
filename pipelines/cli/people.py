"""The group `people`: who may sign in, as what. An access key is printed once and kept nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.admission import OPEN_TO_ALL
from pipelines.asking import actor
from pipelines.cli.screen import JsonOption, WorkspaceOption, err, print_json, say, table
from pipelines.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from consent.people import People

Name = Annotated[str, typer.Argument(help="The person's name, as the trail shall write it.")]


def register(app: typer.Typer) -> None:
    """Add the group `people` to the command line."""
    group = typer.Typer(help="People: who may sign in, as what.", no_args_is_help=True)
    group.command("enrol")(enrol)
    group.command("list")(list_people)
    group.command("rotate")(rotate)
    group.command("end")(end)
    app.add_typer(group, name="people")


def enrol(
    name: Name,
    role: Annotated[str, typer.Option(help="steward, data_lead, auditor or administrator.")],
    agency: Annotated[str | None, typer.Option(help="A steward's agency, as agreements write it.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Enrol a person and print their access key, this once. The first one is an administrator.

    From the first enrolment on, every command on this workspace asks for a key.
    """
    place = open_workspace(workspace)
    with _people(place) as people:
        first = not people.anybody()
        key = people.enrol(name, role, agency, actor())
    _hand_over(name, key)
    if first:
        err.print("From now on every command on this workspace asks for an access key (docs/people.md).", markup=False)
    if agency is not None and agency not in _agencies(place):
        err.print(f"Note: no agreement in force names the agency {agency}, so there is nothing to see yet.")


def list_people(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List everybody who ever was enrolled: role, agency, whether the key still opens, the last sign-in."""
    with _people(open_workspace(workspace)) as people:
        found = [asdict(one) for one in people.listed()]
    if as_json:
        print_json(found)
    elif found:
        table([name.replace("_", " ") for name in found[0]], [list(one.values()) for one in found])
    else:
        say(OPEN_TO_ALL)


def rotate(name: Name, workspace: WorkspaceOption = None) -> None:
    """Replace a person's access key and print the new one, this once; the old one opens nothing any more."""
    with _people(open_workspace(workspace)) as people:
        key = people.rotate(name, actor())
    _hand_over(name, key)


def end(name: Name, workspace: WorkspaceOption = None) -> None:
    """End a person's access: their key opens nothing any more, and their open pages close."""
    with _people(open_workspace(workspace)) as people:
        people.end(name, actor())
    say(f"{name} cannot sign in any more; what they did stays in the trail.")


def _hand_over(name: str, key: str) -> None:
    """Print a key alone on standard output, what to do with it on standard error."""
    say(key)
    err.print(f"The access key of {name}. It is kept nowhere: hand it over now, by a way of its own.", markup=False)


@contextmanager
def _people(place: Workspace) -> Iterator[People]:
    from consent.people import People  # noqa: PLC0415
    from consent.registry import open_registry  # noqa: PLC0415

    place.state.mkdir(parents=True, exist_ok=True)
    engine = open_registry(place.registry_url)
    try:
        yield People(engine)
    finally:
        engine.dispose()


def _agencies(place: Workspace) -> set[str]:
    from datetime import date  # noqa: PLC0415

    from mou_policies.inforce import in_force  # noqa: PLC0415

    now = in_force(place.agreements, date.today())
    return {agreement.owner for agreement in now.agreements.values() if agreement.owner is not None}
