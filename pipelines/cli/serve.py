"""The command `serve`: the signed-in pages."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.screen import WorkspaceOption, say
from pipelines.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add this module's command to the command line."""
    app.command("serve")(serve)


def serve(
    workspace: WorkspaceOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8320,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A proxy on this machine ends TLS: cookies are for https only.")
    ] = False,
) -> None:
    """Open the pages for stewards, data leads, auditors and administrators, who sign in with their access keys."""
    from pipelines.web.server import check, run  # noqa: PLC0415

    place = open_workspace(workspace)
    check(place, host, behind_tls=behind_tls)
    say(f"The pages of {place.settings.city} are on {'https' if behind_tls else 'http'}://{host}:{port}/ (Ctrl-C ends)")
    run(place, host, port, behind_tls=behind_tls)
