"""What commands share: the options that every command has, tables, JSON and progress bars on the screen.

Nothing here knows what it prints.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        help="Folder of the workspace; else CRADLEPATH_WORKSPACE; else the current folder.",
    ),
]
OnOption = Annotated[str | None, typer.Option("--on", help="Date to ask about, YYYY-MM-DD; today if not given.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print data as JSON for programs.")]

WIDE = 200
"""Columns that a table may take where no terminal limits it (a file, a pipe)."""

out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def day_of(text: str | None) -> date:
    """Return the date an option names, today if it is not given."""
    if text is None:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"expected a date as YYYY-MM-DD, found {text!r}") from None


def say(text: str = "") -> None:
    """Print one line for people."""
    out.print(text, markup=False)


def heading(text: str) -> None:
    """Print a line that opens a section."""
    out.print(f"\n{text}", style="bold", markup=False)


def print_json(data: Any) -> None:
    """Print data as JSON; dates as ISO text."""
    sys.stdout.write(json.dumps(data, indent=2, default=_plain, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, date | Path):
        return str(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"cannot print a {type(value).__name__} as JSON")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """Print rows as a table; columns in `right` and all numbers are set to the right."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        grid.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*[_cell(value) for value in row])
    out.print(grid, markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def rows_of(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Split records of one shape into column names and rows."""
    columns = list(records[0]) if records else []
    return columns, [[record[name] for name in columns] for record in records]


@contextmanager
def progress(total: float, title: str) -> Iterator[Callable[[str, float], None]]:
    """Show a bar on standard error; yields a function (what, done so far). Silent where nobody watches."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[what]}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as bar:
        task = bar.add_task(title, total=total, what="")

        def advance(what: str, done: float) -> None:
            bar.update(task, completed=done, what=what)

        yield advance
