"""Commands for a new agreement: `mou new` writes a starting point, `mou schema` what editors complete it with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.screen import say

OutOption = Annotated[Path | None, typer.Option("--out", help="File to write; else the text is printed.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group `mou`."""
    group.command("new")(new)
    group.command("schema")(schema)


def new(
    kind: Annotated[str, typer.Option(help="emou, dsa or dul.")],
    standard: Annotated[str | None, typer.Option(help="File standard, such as oneroster-1.1, csv or parquet.")] = None,
    agency: Annotated[str | None, typer.Option(help="Short name of the provider, member or recipient.")] = None,
    exception: Annotated[list[str] | None, typer.Option(help="Legal exception to write out; may be repeated.")] = None,
    columns: Annotated[
        Path | None, typer.Option(help="A csv file whose header line lists the columns; no other line of it is read.")
    ] = None,
    out: OutOption = None,
) -> None:
    """Write a commented starting point for an agreement: every clause asked for, every field denied."""
    from mou_policies import schema as agreement_schema  # noqa: PLC0415
    from mou_policies.draft import DraftError, Wanted, draft  # noqa: PLC0415
    from mou_policies.header_line import HeaderError, columns_of  # noqa: PLC0415

    if out is not None and out.exists():
        raise typer.BadParameter(f"{out} exists already; name another file")
    beside = agreement_schema.FILE if out is not None and (out.parent / agreement_schema.FILE).exists() else None
    try:
        listed = columns_of(columns) if columns is not None else ()
        text = draft(Wanted(kind, standard, agency, tuple(exception or ()), listed, beside))
    except (DraftError, HeaderError) as error:
        raise typer.BadParameter(str(error)) from None
    _give(text, out, "Every text that begins with TODO is for people to replace; then sign it")


def schema(out: OutOption = None) -> None:
    """Write the JSON Schema of the agreement language, with which editors complete and check agreements."""
    from mou_policies import schema as agreement_schema  # noqa: PLC0415

    _give(agreement_schema.text(), out, "`mou new` names it in agreements that it writes into the same folder")


def _give(text: str, out: Path | None, then: str) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8")
    say(f"Wrote {out}. {then}.")
