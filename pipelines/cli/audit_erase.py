"""`audit erase`: what events were about is destroyed for good, on record; the chain still stands."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.asking import actor
from pipelines.cli.screen import WorkspaceOption, say
from pipelines.workspace import open_workspace


def add(group: typer.Typer) -> None:
    """Add `erase` to the group `audit`."""
    group.command("erase")(erase)


def erase(
    events: Annotated[list[int], typer.Argument(help="Numbers of the events, as `audit log` shows them.", min=1)],
    because: Annotated[str, typer.Option(help="The law, clause or request that asks for it; it is kept.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Destroy the payloads of events for good. That they happened, when, and who did it stays, and still verifies.

    What an event was about cannot be brought back but from a backup made before.
    """
    from consent.registry import open_registry  # noqa: PLC0415
    from consent.trail import AuditTrail  # noqa: PLC0415

    engine = open_registry(open_workspace(workspace).registry_url)
    try:
        made = AuditTrail(engine).erase(events, because, actor=actor())
    finally:
        engine.dispose()
    if made is None:
        say("Their payloads were destroyed before: nothing was changed.")
    else:
        say(f"Event {made.sequence:,}: {made.subject} are destroyed. Backups made before still hold them.")
