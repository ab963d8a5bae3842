"""The command `mou test`: what agreements expect of themselves, asked, and which clauses no expectation touches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.kept import kept_agreements
from pipelines.cli.screen import JsonOption, WorkspaceOption, err, print_json, say, table
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from mou_policies.expectations import Covered, Judged


def register(group: typer.Typer) -> None:
    """Add this module's command to the group `mou`."""
    group.command("test")(test)


def test(
    agreements: Annotated[list[str] | None, typer.Argument(help="Names of agreement files; all if not given.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    uncovered: Annotated[bool, typer.Option("--uncovered", help="Name the clauses that nothing touches.")] = False,
) -> None:
    """Ask what agreements expect (`expect`), each on its own day; exit status 1 if something does not hold.

    A signed agreement is asked as it stands, a draft as if all drafts of the folder were signed.
    """
    from mou_policies.expectations import coverage  # noqa: PLC0415
    from mou_policies.trials import trial  # noqa: PLC0415

    place = open_workspace(workspace)
    folder = place.agreements
    with kept_agreements(place):
        found = trial(folder, tuple(_known(folder, name) for name in agreements or ()))
    covered = coverage(found.agreements, found.judged)
    failures = [str(finding) for one in found.judged if (finding := one.finding()) is not None]
    failures += [str(reading.findings[0]) for reading in found.unreadable]
    if as_json:
        print_json(
            {
                "expectations": [_plain(one) for one in found.judged],
                "coverage": _counts(covered),
                "uncovered": [clause.clause for clause in covered if not clause.touched],
                "failures": failures,
            }
        )
    else:
        _show(found.judged, covered, names=uncovered)
        for line in failures:
            err.print(line, markup=False)
    raise typer.Exit(1 if failures else 0)


def _known(folder: Path, name: str) -> str:
    from mou_policies.language import agreement_files  # noqa: PLC0415

    names = [file.name for file in agreement_files(folder)]
    if name not in names:
        raise typer.BadParameter(f"there is no agreement file {name!r}; there are: {', '.join(names)}")
    return name


def _show(judged: Sequence[Judged], covered: Sequence[Covered], *, names: bool) -> None:
    """Print every question and answer, how many hold, and what is covered."""
    if judged:
        rows = [_plain(one) for one in judged]
        columns = ["field", "use", "on", "expected", "found", "because", "where", "asked"]
        table(columns, [[row[column] for column in columns] for row in rows])
    failed = sum(not one.holds for one in judged)
    say(f"{len(judged)} expectations: {len(judged) - failed} hold, {failed} do not.")
    counts = _counts(covered)
    said = ", ".join(f"{count['touched']} of {count['of']} {kind}" for kind, count in counts.items())
    say(f"Clauses they touch: {said}." if counts else "There is no clause to touch.")
    if names:
        for clause in covered:
            if not clause.touched:
                say(f"  untouched: {clause.clause}")


def _plain(one: Judged) -> dict[str, Any]:
    """Return one question and its answer as plain data; `asked` says whether signatures were taken as they are."""
    asked = one.expectation
    return {
        "field": ".".join(asked.ref),
        "use": f"{asked.use} for {asked.purpose}" if asked.purpose else asked.use,
        "on": asked.on,
        "expected": one.expected,
        "found": one.found,
        "because": asked.because,
        "where": f"{one.agreement.file}:{asked.place[0]}",
        "asked": one.basis,
        "holds": one.holds,
        "says": one.answer.says,
    }


def _counts(covered: Sequence[Covered]) -> dict[str, dict[str, int]]:
    """Return, for each kind of clause, how many there are and how many are touched."""
    of = Counter(clause.kind for clause in covered)
    touched = Counter(clause.kind for clause in covered if clause.touched)
    return {kind: {"touched": touched[kind], "of": count} for kind, count in of.items()}
