"""The command `mou lint`: every finding of every agreement, for people, for programs, for code review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.cli.extras import is_installed
from pipelines.cli.kept import kept_agreements
from pipelines.cli.screen import OnOption, WorkspaceOption, day_of, print_json, say
from pipelines.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from mou_policies.findings import Finding
    from mou_policies.linting import Report

STOPPED = 3
BOOK = "nights.duckdb"
"""The book of nights, looked for by its name: what reads it takes seconds to import, and a city may have none yet."""

FormatOption = Annotated[
    Literal["text", "json", "sarif"], typer.Option("--format", help="text, json or sarif (SARIF 2.1.0).")
]


def register(group: typer.Typer) -> None:
    """Add this module's command to the group `mou`."""
    group.command("lint")(lint)


def lint(
    workspace: WorkspaceOption = None,
    on: OnOption = None,
    output: FormatOption = "text",
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 3 for warnings too.")] = False,
) -> None:
    """Check every agreement by itself, beside the others, and against what was delivered.

    Exit status 3 if something stops a source or a release (with --strict: or is warned of), else 0.
    """
    from mou_policies.kept import report  # noqa: PLC0415
    from mou_policies.linting import in_order  # noqa: PLC0415
    from mou_policies.sarif import sarif  # noqa: PLC0415

    place, day = open_workspace(workspace), day_of(on)
    with kept_agreements(place) as cache:
        said = report(place.agreements, day, cache)
        findings = in_order([*said.findings, *_of_nights(place, day)])
    if output == "json":
        print_json([_parts(found) for found in findings])
    elif output == "sarif":
        print_json(sarif(findings, _relative(place.agreements)))
    else:
        _show(said, findings)
    weighty = {"error", "warning"} if strict else {"error"}
    raise typer.Exit(STOPPED if said.refusals or any(f.severity in weighty for f in findings) else 0)


def _of_nights(place: Workspace, day: date) -> list[Finding]:
    """Return RUN-001 and RUN-002: what was delivered last, and what is read of it; nothing where no night has run."""
    if not (is_installed("hub") and (place.state / BOOK).exists()):
        return []
    from assets.night import StatePaths  # noqa: PLC0415
    from assets.usage import reads, seen  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415
    from mou_policies.usage import findings  # noqa: PLC0415

    policy = compile_policy(place.agreements, day)
    return findings(policy, reads(policy), seen(StatePaths.under(place.state).nights))


def _parts(found: Finding) -> dict[str, Any]:
    """Return everything a finding says, with the rule's own citation, mark and title."""
    from mou_policies import vocabulary  # noqa: PLC0415

    rule = vocabulary.rules()[found.rule]
    return {**asdict(found), "title": rule.title, "cite": rule.cite, "mark": rule.mark, "acceptable": rule.acceptable}


def _relative(folder: Path) -> str:
    """Return the folder relative to the current one where it lies below it, else its name."""
    here = Path.cwd()
    return folder.relative_to(here).as_posix() if folder.is_relative_to(here) else folder.name


def _show(said: Report, findings: Sequence[Finding]) -> None:
    for standing in said.in_force:
        say(f"in force  {standing.file}  until {standing.until}  {', '.join(standing.sources) or standing.kind}")
    for refusal in said.refusals:
        say(f"stopped   {refusal.agreement_file}  {', '.join(refusal.sources) or 'no source of its own'}")
    for _, of_file in groupby(findings, key=lambda f: f.file):
        say()
        for found in of_file:
            say(str(found))
    say()
    say(_counts(said, findings))


def _counts(said: Report, findings: Sequence[Finding]) -> str:
    """Return the last line: findings by severity, agreements read, sources in force."""
    counts = Counter(found.severity for found in findings)
    words = [_number(counts[severity], severity) for severity in ("error", "warning", "note")]
    return (
        f"{', '.join(words)} in {_number(said.files, 'agreement')}; "
        f"{len(said.loaded)} of {_number(len(said.named), 'source')} in force"
    )


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
