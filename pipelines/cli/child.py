"""The command `child`: what became of a child ID, and which ID a record had on a day."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, heading, print_json, say, table
from pipelines.workspace import WorkspaceError, open_workspace

if TYPE_CHECKING:
    from linkage.ledger import Ledger
    from linkage.lineage import Lineage
    from linkage.protected import Protected

_WORDS = {
    "assign": "first seen",
    "move": "moved here from",
    "left": "moved away to",
    "withdraw": "withdrawn by the agency",
    "return": "came back",
    "absorbed": "took over",
    "merged into": "was merged into",
    "split off": "was split: the rest became",
    "split from": "was split off from",
    "retire": "retired: no record is left",
    "revive": "in use again",
}


def register(app: typer.Typer) -> None:
    """Add this module's command to the command line."""
    app.command("child")(child)


def child(
    child_id: Annotated[str | None, typer.Argument(metavar="ID", help="A child ID, c- and 26 letters.")] = None,
    record: Annotated[
        tuple[str, str] | None,
        typer.Option("--record", metavar="SOURCE RECORD-ID", help="Ask for a record's ID instead; it is not echoed."),
    ] = None,
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day asked about.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the lineage of a child ID: its records by source, merges and splits, and the ID that is valid now.

    With --record, show which ID a record had at the end of a day (--on, today's state if not given). A record that is
    sealed, void or otherwise protected now is answered so, whatever the day.
    """
    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415
    from linkage.ledger import Ledger  # noqa: PLC0415
    from linkage.protected import Protected  # noqa: PLC0415

    place = open_workspace(workspace)
    ring = KeyRing.load(place.keys)
    paths = StatePaths.under(place.state)
    ledger = Ledger(paths.ledger, ring)
    day = on.date() if on else date.max
    if record is not None:
        _record(ledger, Protected(paths.protected, ring), record, day, as_json)
    elif child_id is not None:
        _lineage(ledger, child_id, day, as_json)
    else:
        raise WorkspaceError("found neither a child ID nor --record SOURCE RECORD-ID; give one of them")


def _record(ledger: Ledger, protected: Protected, record: tuple[str, str], day: date, as_json: bool) -> None:
    import pyarrow as pa  # noqa: PLC0415

    from linkage.lineage import id_of  # noqa: PLC0415
    from linkage.records import record_keys  # noqa: PLC0415

    source, raw = record
    key = record_keys(pa.array([raw]), source, ledger.ring)[0].as_py()
    found, sealed = id_of(ledger, source, key, day, protected), protected.holds(source, key)
    if as_json:
        print_json({"source": source, "child_id": found, "protected": sealed})
    elif sealed:
        say(f"That record of {source} is protected: no child ID is told for it, of today or of an earlier day.")
    elif found is None:
        say(f"That record of {source} had no child ID then: it was not loaded, or was withdrawn.")
    else:
        say(found)


def _lineage(ledger: Ledger, child_id: str, day: date, as_json: bool) -> None:
    from linkage.lineage import lineage  # noqa: PLC0415

    found = lineage(ledger, child_id)
    if as_json:
        print_json(asdict(found))
        return
    say(_now(found))
    heading("What happened")
    rows = [
        [str(one.night), _WORDS[one.kind], one.other or "", ", ".join(f"{n} {s}" for s, n in one.records.items())]
        for one in found.happenings
        if one.night <= day
    ]
    table(["night", "", "other ID", "records"], rows)


def _now(found: Lineage) -> str:
    if found.valid is None:
        return f"{found.child_id} stands for no record now."
    if found.valid != found.child_id:
        return f"{found.child_id} is no longer used: its child is {found.valid} now."
    counts = ", ".join(f"{count} of {source}" for source, count in found.records.items())
    return f"{found.child_id} stands for one child with {sum(found.records.values())} records: {counts}."
