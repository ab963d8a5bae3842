"""`audit log`: the events of the trail, newest first; and which registry the commands of the group read."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, day_of, print_json, say, table
from pipelines.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from consent.trail_log import Entry

RegistryOption = Annotated[
    str | None, typer.Option(help="A registry's file or address, such as an auditor's copy; else the workspace's.")
]


def add(group: typer.Typer) -> None:
    """Add `log` to the group `audit`."""
    group.command("log")(log)


def address(registry: str | None, place: Workspace | None) -> str:
    """Return the address of the registry to read."""
    return registry or (place or open_workspace()).registry_url


def log(
    kind: Annotated[
        list[str] | None, typer.Option(help="Only events of this kind; may be given several times.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD (UTC).")] = None,
    subject: Annotated[str | None, typer.Option(help="Only events with this in their subject.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many events at most.")] = 50,
    payload: Annotated[bool, typer.Option("--payload", help="Show what each event was about.")] = False,
    registry: RegistryOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List events of the audit trail, newest first. Whether they can be believed is what `audit verify` says."""
    from consent.reading import open_to_read  # noqa: PLC0415
    from consent.trail_log import entries  # noqa: PLC0415

    place = None if registry else open_workspace(workspace)
    found = entries(
        open_to_read(address(registry, place)),
        kinds=kind or (),
        since=day_of(since) if since else None,
        until=day_of(until) if until else None,
        subject=subject,
        limit=limit,
    )
    if as_json:
        print_json([_plain(one, payload) for one in found])
    elif found:
        columns = ["event", "recorded", "kind", "actor", "subject", *(["payload"] if payload else [])]
        table(columns, [_row(one, payload) for one in found])
        if len(found) == limit:
            say(f"The newest {limit:,}; --limit shows more.")
    else:
        say("No event of the trail is like that.")


def _row(entry: Entry, payload: bool) -> list[Any]:
    row = [entry.sequence, entry.recorded_at, entry.kind, entry.actor, entry.subject]
    return [*row, _payload(entry)] if payload else row


def _payload(entry: Entry) -> str:
    if entry.payload is not None:
        return entry.payload
    return "gone, and no erasure says why" if entry.erased_by is None else f"destroyed by event {entry.erased_by:,}"


def _plain(entry: Entry, payload: bool) -> dict[str, Any]:
    said = {name: value for name, value in asdict(entry).items() if name != "payload"}
    if not payload:
        return said
    try:
        return said | {"payload": None if entry.payload is None else json.loads(entry.payload)}
    except ValueError:
        return said | {"payload": entry.payload}
