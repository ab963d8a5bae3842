"""`release plan`: what the next release would newly expose, before anything is built."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, day_of, heading, print_json, say, table
from pipelines.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from assets.release.plan import Plan

NightOption = Annotated[str | None, typer.Option("--night", help="A date (YYYY-MM-DD); the next night if not given.")]


LISTED = 15
"""Lines of late changes that are printed."""


def add(group: typer.Typer) -> None:
    """Add the command to the group `release`."""
    group.command("plan")(plan)


def plan(night: NightOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show what a release would newly expose: from the outcomes as they stand, in memory; nothing is built.

    Exit status 3 when the agreements would not let it go out.
    """
    from assets.outcomes.catalogue import catalogue  # noqa: PLC0415
    from assets.release.plan import plan as planned  # noqa: PLC0415
    from pipelines.definitions import release_settings  # noqa: PLC0415
    from pipelines.resources import make_night  # noqa: PLC0415

    place = open_workspace(workspace)
    on = _night(place, night)
    found = planned(make_night(place, on), catalogue(), release_settings(place.settings.release))
    if as_json:
        print_json(asdict(found) | {"verdict": found.verdict})
    else:
        _tell(found)
    raise typer.Exit(3 if found.refusals else 0)


def _night(place: Workspace, given: str | None) -> date:
    from assets.extracts.report import committed_nights  # noqa: PLC0415
    from assets.night import StatePaths  # noqa: PLC0415
    from pipelines.nightly import next_night  # noqa: PLC0415

    if given:
        return day_of(given)
    return next_night(place, committed_nights(StatePaths.under(place.state).nights), date.today())


def _tell(found: Plan) -> None:
    """Print a plan: the verdict, what is new, what stays."""
    say(found.verdict)
    for refusal in found.refusals[1:]:
        say(f"  also: {refusal}")
    say(f"Rule: {found.rule}")
    heading("Shown for the first time")
    rows = [[one.table, one.what, one.rows, one.counts, one.hidden] for one in found.exposes if one.counts]
    if rows:
        table(["table", "definition and period", "rows", "counts", "of them hidden"], rows)
    counts, hidden = (sum(getattr(one, name) for one in found.exposes) for name in ("counts", "hidden"))
    say(f"{counts:,} counts, {hidden:,} of them hidden." if rows else "Nothing: every number of it is out already.")
    if found.columns:
        heading("Columns that leave for the first time")
        say(", ".join(found.columns))
    heading("Stays as it was published")
    say(f"{found.stays:,} rows of closed periods.")
    if found.late:
        say("Late records would change the following of them, and do not: only a new version shows that.")
        table(["table", "definition and period", "rows"], [[o.table, o.what, o.rows] for o in found.late[:LISTED]])
    if len(found.late) > LISTED:
        say(f"and {len(found.late) - LISTED:,} more; --json has them all.")
