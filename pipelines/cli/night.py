"""Commands of the night: `nightly` runs it, `report` says what it read, refused and why."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from pipelines.admission import OPEN_TO_ALL, is_guarded
from pipelines.asking import agency
from pipelines.cli.screen import (
    JsonOption,
    WorkspaceOption,
    day_of,
    err,
    heading,
    print_json,
    progress,
    rows_of,
    say,
    table,
)
from pipelines.workspace import Workspace, WorkspaceError, open_workspace

REFUSED = 3
_FATES = {
    "read": "read",
    "loaded": "loaded",
    "quarantined": "quarantined",
    "dropped_by_policy": "policy",
    "dropped_by_consent": "consent",
}
_UNREADABLE = "Left out: a flag of protection is none of the values its agreement lists; correct it and deliver again"
NightOption = Annotated[
    str | None, typer.Option("--date", help="The night, YYYY-MM-DD; the next that is due if not given.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command("nightly")(nightly)
    app.command("report")(report)


def nightly(workspace: WorkspaceOption = None, night: NightOption = None, as_json: JsonOption = False) -> None:
    """Run one night: load, link, apply consent, count, audit and, when the calendar says so, publish.

    Exit status 3 means that the night is committed but wants a person: a source or a release was refused, or the audit
    trail is not whole.
    """
    from assets.commit import TRAIL  # noqa: PLC0415
    from assets.extracts.report import committed_nights  # noqa: PLC0415
    from assets.night import StatePaths  # noqa: PLC0415
    from pipelines.nightly import next_night, run_night  # noqa: PLC0415
    from pipelines.story import story as story_of  # noqa: PLC0415

    place = open_workspace(workspace)
    committed = committed_nights(StatePaths.under(place.state).nights)
    on = day_of(night) if night else next_night(place, committed, date.today())
    with progress(1.0, f"night {on}") as advance:
        outcome = run_night(place, on, advance)
    if not outcome.succeeded:
        for failure in outcome.failures:
            err.print(f"cradlepath: {failure}", markup=False)
        err.print(
            f"cradlepath: the night {on} failed; nothing was published and landing files stay where they are",
            markup=False,
        )
        raise typer.Exit(1)
    story = story_of(place, on, outcome.checked)
    if as_json:
        print_json(story)
    else:
        _tell(place, story, again=on in committed)
    wanted = story["refused"] or story["release"]["refused"] or any(one["check"] == TRAIL for one in story["warnings"])
    raise typer.Exit(REFUSED if wanted else 0)


def report(
    workspace: WorkspaceOption = None,
    night: NightOption = None,
    source: Annotated[str | None, typer.Option(help="One source only.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a night read, loaded, quarantined, dropped and refused, file by file, and why; never a value.

    A steward sees their own agency's sources only.
    """
    from assets.extracts.report import committed_nights  # noqa: PLC0415
    from assets.night import StatePaths  # noqa: PLC0415
    from pipelines.checks import checked_on  # noqa: PLC0415
    from pipelines.story import story as story_of  # noqa: PLC0415

    place = open_workspace(workspace)
    committed = committed_nights(StatePaths.under(place.state).nights)
    if not committed and night is None:
        raise WorkspaceError(f"no night has been run in {place.root}; run one with `cradlepath nightly`")
    on = day_of(night) if night else committed[-1]
    story = story_of(place, on, checked_on(place, on), source, agency())
    if as_json:
        print_json(story)
        return
    whose = f", {agency()} only" if agency() else ""
    say(f"Night {on} of {place.settings.city}{whose}")
    _mode(story)
    heading("Files: rows read = loaded + quarantined + dropped by policy + dropped by consent")
    _fates({"source": "source", "file": "file", "table": "table"}, story["files"], {})
    _unlinkable(story)
    _details(story)


def _fates(before: dict[str, str], lines: list[dict[str, Any]], after: dict[str, str]) -> None:
    """Print lines of counts: the columns `before`, the fates of the rows, the columns `after` (field: heading)."""
    shown = before | _FATES | after
    table(list(shown.values()), [[line[name] for name in shown] for line in lines], right=[*_FATES.values(), "files"])


def _tell(place: Workspace, story: dict[str, Any], *, again: bool) -> None:
    """Print a night for a steward: one line a source, what was refused, what to do next."""
    say(
        f"Night {story['night']} of {place.settings.city}"
        + (" (run again: nothing that was the same changed)" if again else "")
    )
    _mode(story)
    if not is_guarded(place):
        say(OPEN_TO_ALL)
    heading("What agencies delivered: read = loaded + quarantined + dropped by policy + dropped by consent")
    _fates({"source": "source", "files": "files"}, story["sources"], {"status": "status"})
    for name in [line["source"] for line in story["sources"] if not line["adds_up"]]:
        say(f"  {name}: the rows do not add up; report this")
    if story["refused"]:
        _section("Refused, and what would mend it", story["refused"])
    if story["flags_not_readable"]:
        _section(_UNREADABLE, story["flags_not_readable"])
    _warnings(story)
    _ending(story)
    heading("Children")
    found = story["children"]
    say(
        f"  {found['records']:,} records of {found['sources']} sources are {found['children']:,} children, "
        "with one ID each."
    )
    _unlinkable(story)
    _consent(story)
    heading("Release")
    say(f"  {story['release']['sentence']}")
    heading("Next")
    for line in _next(place, story):
        say(f"  {line}")


def _mode(story: dict[str, Any]) -> None:
    from pipelines.summary import mode_sentence  # noqa: PLC0415

    say(mode_sentence(story["mode"]))


def _unlinkable(story: dict[str, Any]) -> None:
    from pipelines.summary import unlinkable  # noqa: PLC0415

    say(f"  {unlinkable(story['sources'])}")


def _next(place: Workspace, story: dict[str, Any]) -> list[str]:
    from pipelines.nightly import waiting_nights  # noqa: PLC0415

    root = place.root
    lines = [f"cradlepath report -w {root}      why rows were quarantined or dropped, file by file"]
    if story["release"]["current"]:
        lines += [
            f"cradlepath release show -w {root}      what was published, table by table",
            f'cradlepath query -w {root} "from measures_of_success"      ask it, in SQL',
            f"cradlepath release verify -w {root}      check signature, tables and disclosure audit",
        ]
    lines.append(f"cradlepath audit anchor -w {root}      a line to keep elsewhere: it proves what was done until now")
    lines.append(f"cradlepath dagster -w {root}     open the graph, checks and lineage on 127.0.0.1:3000")
    later = [night for night in waiting_nights(place.landing) if night > story["night"]]
    if later:
        lines.append(f"cradlepath nightly -w {root}     the next night, {later[0]}")
    return lines


def _consent(story: dict[str, Any]) -> None:
    """Print what families' decisions took out of the hub's tables tonight, and which reach no child yet."""
    found = story["consent"]
    heading("Families' decisions")
    rows, children = found["rows"], found["newly_refused"]
    say(f"  {rows:,} rows are left out of the hub's tables; {children:,} children are out since tonight.")
    if found["pending"]:
        say(f"  {found['pending']:,} forms reach no child yet; they are tried every night (`cradlepath consent show`).")


def _warnings(story: dict[str, Any]) -> None:
    """Print what checks warn of, a line each; and why a release was refused, if one was."""
    if story["warnings"]:
        heading("Warnings")
    for one in story["warnings"]:
        say(f"  {one['check']} of {one['asset']}: {one['said']}")


def _ending(story: dict[str, Any]) -> None:
    """Print what of the agreements ends soon, or has just ended, a line each."""
    if story["ending"]:
        heading("Ends soon, or has just ended")
    for one in story["ending"]:
        say(f"  {one['stage']}: {one['says']}")
    if story.get("to_destroy"):
        heading("To be destroyed (`cradlepath audit destruction`)")
    for line in story.get("to_destroy", ()):
        say(f"  {line}")


def _details(story: dict[str, Any]) -> None:
    _warnings(story)
    _ending(story)
    if "release" in story and story["release"]["refused"]:
        heading("Release")
        say(f"  {story['release']['sentence']}")
    for title, key in (
        ("Refused, and what would mend it", "refused"),
        (_UNREADABLE, "flags_not_readable"),
        ("Quarantined, and why", "quarantined"),
        ("Dropped by a named policy", "dropped_by_policy"),
        ("Delivered, but named by no agreement in force, so not read", "columns_no_agreement_names"),
    ):
        if story[key]:
            _section(title, story[key])


def _section(title: str, records: list[dict[str, Any]]) -> None:
    heading(title)
    columns, rows = rows_of(records)
    table(columns, rows)
