"""Commands of the night: `nightly` runs it, `report` says what it read, refused and why."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from pipelines.admission import OPEN_TO_ALL, is_guarded
from pipelines.asking import agency
from pipelines.cli.night_says import city, consent, ending, mode, not_told, sum_of, unlinkable, warnings
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
    "accepted": "accepted",
    "loaded": "loaded",
    "quarantined": "quarantined",
    "dropped_by_policy": "policy",
    "dropped_by_consent": "consent",
}
"""The fates of rows: on the hub, and (`accepted` for loaded or dropped by consent) as they may leave it."""
_UNREADABLE = "Left out: a flag of protection is none of the values its agreement lists; correct it and deliver again"
NightOption = Annotated[
    str | None, typer.Option("--date", help="The night, YYYY-MM-DD; the next that is due if not given.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command("nightly")(nightly)
    app.command("report")(report)


def nightly(
    workspace: WorkspaceOption = None,
    night: NightOption = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="With every count, also those that must not leave the hub.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one night: load, link, apply consent, count, audit and, when the calendar says so, publish.

    No count that it says depends on how records link or on what families decided, but for the city's as a whole,
    rounded, once a month.
    Exit status 3 means that the night is committed but wants a person: a source or a release was refused, or the audit
    trail is not whole.
    """
    from assets.commit import TRAIL  # noqa: PLC0415
    from assets.extracts.report import committed_nights  # noqa: PLC0415
    from assets.night import StatePaths  # noqa: PLC0415
    from pipelines.nightly import next_night, run_night  # noqa: PLC0415
    from pipelines.resources import make_night  # noqa: PLC0415
    from pipelines.story import story as story_of  # noqa: PLC0415
    from pipelines.summary import note_summary  # noqa: PLC0415

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
    note_summary(make_night(place, on), place.settings.release.threshold)
    story = story_of(place, on, outcome.checked, inside=exact)
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

    A steward sees their own agency's sources only, and what follows from its deliveries alone: rows accepted are those
    loaded or left out at a family's wish. Who runs or audits the hub sees every count: they stay here.
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
    story = story_of(place, on, checked_on(place, on), source, agency(), inside=agency() is None)
    if as_json:
        print_json(story)
        return
    whose = f", {agency()} only" if agency() else ""
    say(f"Night {on} of {place.settings.city}{whose}")
    mode(story)
    heading(f"Files: rows read = {sum_of(story)}")
    _fates({"source": "source", "file": "file", "table": "table"}, story["files"], {})
    unlinkable(story)
    not_told(story)
    _details(story)


def _fates(before: dict[str, str], lines: list[dict[str, Any]], after: dict[str, str]) -> None:
    """Print lines of counts: the columns `before`, the fates of the rows, the columns `after` (field: heading)."""
    fates = {name: title for name, title in _FATES.items() if all(name in line for line in lines)}
    shown = before | fates | after
    table(list(shown.values()), [[line[name] for name in shown] for line in lines], right=[*fates.values(), "files"])


def _tell(place: Workspace, story: dict[str, Any], *, again: bool) -> None:
    """Print a night for a steward: one line a source, what was refused, what to do next."""
    say(
        f"Night {story['night']} of {place.settings.city}"
        + (" (run again: nothing that was the same changed)" if again else "")
    )
    mode(story)
    if not is_guarded(place):
        say(OPEN_TO_ALL)
    heading(f"What agencies delivered: read = {sum_of(story)}")
    _fates({"source": "source", "files": "files"}, story["sources"], {"status": "status"})
    not_told(story)
    for name in [line["source"] for line in story["sources"] if not line["adds_up"]]:
        say(f"  {name}: the rows do not add up; report this")
    if story["refused"]:
        _section("Refused, and what would mend it", story["refused"])
    if story["flags_not_readable"]:
        _section(_UNREADABLE, story["flags_not_readable"])
    warnings(story)
    ending(story)
    city(story)
    unlinkable(story)
    consent(story)
    heading("Release")
    say(f"  {story['release']['sentence']}")
    heading("Next")
    for line in _next(place, story):
        say(f"  {line}")


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


def _details(story: dict[str, Any]) -> None:
    warnings(story)
    ending(story)
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
