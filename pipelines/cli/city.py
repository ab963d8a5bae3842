"""Commands that make a workspace (`init`, `demo`) and open Dagster on one (`dagster`)."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.screen import WorkspaceOption, progress, say
from pipelines.workspace import SETTINGS_FILE, open_workspace


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command("init")(init)
    app.command("demo")(demo)
    app.command("dagster")(dagster)


def init(
    directory: Annotated[Path, typer.Argument(help="Folder to make the workspace in.")],
    city: Annotated[str, typer.Option(help="Name of the city.")] = "Our City",
    start: Annotated[str | None, typer.Option(help="First night, YYYY-MM-DD; today if not given.")] = None,
) -> None:
    """Make an empty, documented workspace: settings, agreements/, landing/, state/."""
    from pipelines.setting_up import write_workspace  # noqa: PLC0415

    workspace = write_workspace(directory, city=city, start=date.fromisoformat(start) if start else date.today())
    say(f"Made {workspace.root}. Next:")
    say(f"  1. read {workspace.root / SETTINGS_FILE} (every setting is explained there)")
    say(f"  2. cradlepath keys init --workspace {directory}")
    say(f"  3. put agreements into {workspace.agreements} and have both parties sign them (docs/agreements.md)")
    say(f"  4. deliver files to {workspace.landing}/<agency>/<YYYY-MM-DD>/, then: cradlepath nightly -w {directory}")


def demo(
    out: Annotated[Path, typer.Option(help="Folder to make the demo city in.")] = Path("demo-city"),
    children: Annotated[int, typer.Option(min=50, help="How many children live in the city.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same city, byte for byte.")] = 7,
    nights: Annotated[int, typer.Option(min=1, max=3, help="How many nights of deliveries to write.")] = 3,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove an earlier demo city in that folder first.")
    ] = False,
) -> None:
    """Make a demo city: files as agencies export them, signed agreements, keys; the truth outside the workspace."""
    from pipelines.setting_up import make_demo  # noqa: PLC0415

    with progress(1.0, "demo city") as advance:
        workspace = make_demo(out, children, seed, nights, replace=replace, progress=advance)
    files = [path for path in workspace.landing.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    say(f"Made a city of {children:,} children in {out}: {len(files)} files ({size:,.0f} MB) for {nights} nights.")
    say(f"  workspace  {workspace.root}")
    say(f"  truth      {out / 'truth.csv'} (who is who: outside the workspace, only for `cradlepath evaluate`)")


def dagster(
    workspace: WorkspaceOption = None, port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000
) -> None:
    """Open Dagster on the workspace, on 127.0.0.1 only (it has no sign-in of its own). Runs until you stop it."""
    from pipelines.setting_up import install_dagster_yaml  # noqa: PLC0415

    place = open_workspace(workspace)
    environment = os.environ | {
        "CRADLEPATH_WORKSPACE": str(place.root),
        "DAGSTER_HOME": str(install_dagster_yaml(place)),
    }
    program = str(Path(sys.executable).with_name("dagster"))
    arguments = [
        program,
        "dev",
        "--module-name",
        "pipelines.definitions",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    os.chdir(place.root)
    os.execve(program, arguments, environment)  # noqa: S606
