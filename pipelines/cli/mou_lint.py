"""The command `mou lint`: every finding of every agreement, for people, for programs, for code review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.cli.extras import is_installed
from pipelines.cli.screen import OnOption, WorkspaceOption, day_of, print_json, say
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from mou_policies.findings import Finding
    from mou_policies.policy import Policy

STOPPED = 3

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
    from mou_policies.language import agreement_files  # noqa: PLC0415
    from mou_policies.linting import in_order, lint_folder  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415
    from mou_policies.sarif import sarif  # noqa: PLC0415

    place = open_workspace(workspace)
    folder = place.agreements
    policy = compile_policy(folder, day_of(on))
    findings = in_order([*lint_folder(folder, policy.on, policy), *_of_nights(place.state, policy)])
    if output == "json":
        print_json([_parts(found) for found in findings])
    elif output == "sarif":
        print_json(sarif(findings, _relative(folder)))
    else:
        _show(policy, findings, len(agreement_files(folder)))
    weighty = {"error", "warning"} if strict else {"error"}
    raise typer.Exit(STOPPED if policy.refusals or any(f.severity in weighty for f in findings) else 0)


def _of_nights(state: Path, policy: Policy) -> list[Finding]:
    """Return RUN-001 and RUN-002: what was delivered last, and what is read of it; nothing where no night has run."""
    if not is_installed("hub"):
        return []
    from assets.night import StatePaths  # noqa: PLC0415
    from assets.usage import reads, seen  # noqa: PLC0415
    from mou_policies.usage import findings  # noqa: PLC0415

    book = StatePaths.under(state).nights
    return findings(policy, reads(policy), seen(book)) if book.exists() else []


def _parts(found: Finding) -> dict[str, Any]:
    """Return everything a finding says, with the rule's own citation, mark and title."""
    from mou_policies import vocabulary  # noqa: PLC0415

    rule = vocabulary.rules()[found.rule]
    return {**asdict(found), "title": rule.title, "cite": rule.cite, "mark": rule.mark, "acceptable": rule.acceptable}


def _relative(folder: Path) -> str:
    """Return the folder relative to the current one where it lies below it, else its name."""
    here = Path.cwd()
    return folder.relative_to(here).as_posix() if folder.is_relative_to(here) else folder.name


def _show(policy: Policy, findings: Sequence[Finding], files: int) -> None:
    for agreement in policy.agreements.values():
        say(f"in force  {agreement.file}  until {agreement.ends}  {', '.join(agreement.sources) or agreement.kind}")
    for refusal in policy.refusals:
        say(f"stopped   {refusal.agreement_file}  {', '.join(refusal.sources) or 'no source of its own'}")
    for _, of_file in groupby(findings, key=lambda f: f.file):
        say()
        for found in of_file:
            say(str(found))
    say()
    say(_counts(policy, findings, files))


def _counts(policy: Policy, findings: Sequence[Finding], files: int) -> str:
    """Return the last line: findings by severity, agreements read, sources in force."""
    counts = Counter(found.severity for found in findings)
    words = [_number(counts[severity], severity) for severity in ("error", "warning", "note")]
    named = {*policy.agreed, *(name for refusal in policy.refusals for name in refusal.sources)}
    return (
        f"{', '.join(words)} in {_number(files, 'agreement')}; "
        f"{len(policy.sources)} of {_number(len(named), 'source')} in force"
    )


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
