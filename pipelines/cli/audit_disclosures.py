"""`audit disclosures`: who received what about whom, as the hub's own list or as a law's account."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.cli.screen import WorkspaceOption, day_of, print_json, say, table
from pipelines.workspace import Workspace, WorkspaceError, open_workspace

if TYPE_CHECKING:
    from consent.accounting import Law, Line
    from consent.disclosures import Disclosures, Entry
    from linkage.keys import KeyRing
    from linkage.ledger import Ledger

Format = Literal["text", "csv", "html", "json"]


def add(group: typer.Typer) -> None:
    """Add `disclosures` to the group `audit`."""
    group.command("disclosures")(disclosures)


def disclosures(
    child: Annotated[str | None, typer.Option(metavar="ID", help="A child ID: answered for every ID it had.")] = None,
    record: Annotated[
        tuple[str, str] | None,
        typer.Option("--record", metavar="SOURCE RECORD-ID", help="The child of a record instead; it is not echoed."),
    ] = None,
    recipient: Annotated[str | None, typer.Option(help="Name of who received, as the account says it.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="D", help="First day, YYYY-MM-DD.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="D", help="Last day, YYYY-MM-DD.")] = None,
    law: Annotated[
        Literal["ferpa", "hipaa"] | None, typer.Option(help="As the account that 34 CFR 99.32 or 45 CFR 164.528 asks.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="text, csv, html (one page to print) or json.")] = "text",
    out: Annotated[Path | None, typer.Option(help="File to write; the screen if not given.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Show what was disclosed, to whom, for what and under which agreement; by child, recipient and date.

    Without --law it is the hub's own list of every disclosure, each with what the laws say of it. Not legal advice.
    """
    from consent.accounting import laws, lines  # noqa: PLC0415
    from consent.child_sets import ChildSets  # noqa: PLC0415
    from consent.disclosures import Disclosures  # noqa: PLC0415
    from consent.registry import open_registry  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    if child is not None and record is not None:
        raise WorkspaceError("found both --child and --record, expected one of them")
    place = open_workspace(workspace)
    ring = KeyRing.load(place.keys)
    ids = _ids(place, ring, child, record)
    today = date.today()
    chosen = laws()[law] if law else None
    book = Disclosures(open_registry(place.registry_url), ChildSets(ring.derive))
    try:
        _known(book, recipient)
        entries = book.find(
            child_ids=ids,
            recipient=recipient,
            first=day_of(first) if first else _since(chosen, today),
            last=day_of(last) if last else None,
        )
    finally:
        book.engine.dispose()
    account = lines(entries, chosen, _published(place, entries))
    asked = _asked(child, record, recipient, first, last)
    _show(account, chosen, form, out, asked=asked, on=today, holder=place.settings.city)


def _ids(place: Workspace, ring: KeyRing, child: str | None, record: tuple[str, str] | None) -> tuple[str, ...] | None:
    """Return every ID that the child asked about ever had; None where none is asked about."""
    if child is None and record is None:
        return None
    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.ledger import Ledger  # noqa: PLC0415
    from linkage.lineage import ids_ever  # noqa: PLC0415

    paths = StatePaths.under(place.state)
    ledger = Ledger(paths.ledger, ring)
    if child is not None:
        return ids_ever(ledger, child)
    return ids_ever(ledger, _id_of(ledger, paths.protected, *record)) if record is not None else None


def _id_of(ledger: Ledger, protected_file: Path, source: str, raw: str) -> str:
    """Return the last ID of a record, whose raw id stays in memory. Raises WorkspaceError where none may be told."""
    import pyarrow as pa  # noqa: PLC0415

    from linkage.lineage import last_id_of  # noqa: PLC0415
    from linkage.protected import Protected  # noqa: PLC0415
    from linkage.records import record_keys  # noqa: PLC0415

    protected = Protected(protected_file, ledger.ring)
    key = record_keys(pa.array([raw]), source, ledger.ring)[0].as_py()
    if protected.holds(source, key):
        raise WorkspaceError(
            f"that record of {source} is protected: nothing is told of it, of today or of an earlier day; "
            "ask the agency that protects it"
        )
    found = last_id_of(ledger, source, key, protected)
    if found is None:
        raise WorkspaceError(f"that record of {source} never had a child ID: nothing about it was disclosed")
    return found


def _known(book: Disclosures, recipient: str | None) -> None:
    """Raise WorkspaceError for a recipient that received nothing, with the names of those that did."""
    if recipient is None:
        return
    names = book.recipients()
    if recipient not in names:
        raise WorkspaceError(
            f"found no recipient of that name, expected one of: {'; '.join(names) or 'nobody received anything yet'}"
        )


def _since(law: Law | None, today: date) -> date | None:
    return law.since(today) if law else None


def _published(place: Workspace, entries: Sequence[Entry]) -> dict[str, bool]:
    """Return of each recorded release whether it ever appeared: a night may have stopped in between."""
    from assets.release.folder import MANIFEST  # noqa: PLC0415

    folder = place.state / "releases"
    acts = {entry.act.id for entry in entries if entry.act.kind == "release"}
    return {act: (folder / act / MANIFEST).is_file() for act in acts}


def _asked(
    child: str | None, record: tuple[str, str] | None, recipient: str | None, first: str | None, last: str | None
) -> str:
    """Return in words what was asked for; a record's id is not among them."""
    whom = f"about the child {child}" if child else f"about the child of one record of {record[0]}" if record else ""
    given = (("", whom), ("to ", recipient), ("from ", first), ("to ", last))
    return ", ".join(["every disclosure", *(f"{word}{value}" for word, value in given if value)])


def _show(
    account: Sequence[Line], law: Law | None, form: Format, out: Path | None, *, asked: str, on: date, holder: str
) -> None:
    from consent.account_page import page  # noqa: PLC0415
    from consent.account_table import NOT_LEGAL_ADVICE, cells, columns, state_of, to_csv  # noqa: PLC0415

    if form == "html":
        _write(out, page(account, law, asked=asked, on=on, holder=holder))
    elif form == "csv":
        _write(out, to_csv(account, law))
    elif out is not None:
        raise WorkspaceError(f"found --out with --format {form}, expected csv or html; name one of them")
    elif form == "json":
        print_json([{**asdict(line), "state": state_of(line)} for line in account])
    elif not account:
        say("Nothing was disclosed.")
    else:
        table([column.heading for column in columns(law)], [cells(line, law) for line in account])
        say(f"{len(account)} disclosures. {f'{law.title}, {law.cite}. ' if law else ''}{NOT_LEGAL_ADVICE}")


def _write(out: Path | None, text: str) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8", newline="")
    say(f"Wrote {out}")
