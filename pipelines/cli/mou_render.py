"""`mou render`: an agreement as a document that people read and sign, and back from the document to the agreement."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.screen import WorkspaceOption, say
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from mou_policies.document import ReadBack


def register(group: typer.Typer) -> None:
    """Add `render` to the group `mou`."""
    group.command("render")(render)


def render(
    agreement: Annotated[str, typer.Argument(help="Name of the agreement file in the workspace's agreements folder.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write: the document, or with --from the agreement. Else the screen.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="A rendered document to read back and hold against the agreement.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write an agreement as a print-ready HTML document; with --from, read one back. Exit status 1 if they differ."""
    file = open_workspace(workspace).agreements / agreement
    if source is None:
        _write(out, _document(file))
        return
    from mou_policies.document import load_rendered  # noqa: PLC0415

    read = load_rendered(source)
    if read.note:
        say(read.note)
    if out is not None or not file.exists():
        _write(out or file, read.text)
        return
    raise typer.Exit(_compare(file, source, read))


def _document(file: Path) -> str:
    from mou_policies import document  # noqa: PLC0415
    from mou_policies.nodes import read_yaml  # noqa: PLC0415
    from mou_policies.signing import verify  # noqa: PLC0415

    return document.render(read_yaml(file), document.Signing.held(verify(file)))


def _compare(file: Path, source: Path, read: ReadBack) -> int:
    """Say whether a document states the agreement that the file holds, and which clauses differ."""
    from mou_policies.canonical import clauses  # noqa: PLC0415
    from mou_policies.document import differences, short_form  # noqa: PLC0415
    from mou_policies.nodes import read_yaml  # noqa: PLC0415

    differ = differences(clauses(read_yaml(file))[0], clauses(read.root)[0])
    if differ:
        say(f"{source.name} does not state {file.name} as it stands: {differ}")
        return 1
    say(f"{source.name} states {file.name} as it stands; fingerprint {short_form(read.sha256)}")
    return 0


def _write(out: Path | None, text: str) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8", newline="\n")
    say(f"Wrote {out}")
