"""Commands about links: `evaluate` compares the child IDs with a truth that only a test city has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, heading, print_json, say, table
from pipelines.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command("evaluate")(evaluate)


def evaluate(
    truth: Annotated[
        Path, typer.Option(help="CSV with the columns source, record_id, child; kept outside the workspace.")
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the child IDs with the truth: pairs, clusters, twins apart, by source pair and subgroup."""
    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.evaluate import evaluate as against  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    place = open_workspace(workspace)
    found = against(truth, StatePaths.under(place.state).ledger, KeyRing.load(place.keys))
    if as_json:
        print_json(found)
        return
    counted = found["records"]
    say(
        f"{counted['in_both']:,} of {counted['in_ledger']:,} records in the ledger are in the truth: "
        f"{counted['children']:,} children."
    )
    heading("Precision and recall")
    _scores([(name, found[name]) for name in ("cluster", "pairs", "twins")])
    heading("By source pair")
    _scores(sorted(found["by_source_pair"].items()))
    for name, groups in found["by_subgroup"].items():
        heading(f"By {name.replace('_', ' ')}")
        _scores(sorted(groups.items()))


def _scores(rows: list[tuple[str, dict[str, Any]]]) -> None:
    columns = ["", "precision", "recall", "f1"]
    shown = [[name, *(_share(scores.get(column)) for column in columns[1:])] for name, scores in rows]
    table(columns, shown, right=columns[1:])


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
