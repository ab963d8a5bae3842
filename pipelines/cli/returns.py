"""`return`: an agency gets back what its licence and the families allow, sealed to its own key.

`return make` runs at the hub; `return new-key` and `return open` run at the agency.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.asking import actor
from pipelines.cli.screen import OnOption, WorkspaceOption, day_of, say, table
from pipelines.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the group `return` to the command line."""
    group = typer.Typer(help="Return files: flags about an agency's own records, sealed to it.", no_args_is_help=True)
    group.command("make")(make)
    group.command("new-key")(new_key)
    group.command("open")(open_return)
    app.add_typer(group, name="return")


def make(
    to: Annotated[str, typer.Option("--to", metavar="AGENCY", help="The agency, as its agreement names it.")],
    records: Annotated[
        typer.FileBinaryRead, typer.Option(help="CSV of the agency's own record ids: record_id[, source]; - is stdin.")
    ],
    key: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The agency's public key (`return new-key`).")],
    out: Annotated[Path, typer.Option(help="File to write, sealed to the agency.")],
    on: OnOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """At the hub: make a return file about an agency's own records, where families permit. No plain copy is kept."""
    from assets.guard import no_values_in_errors  # noqa: PLC0415
    from assets.returns.consented import permitted_by_families  # noqa: PLC0415
    from assets.returns.counts import shown  # noqa: PLC0415
    from assets.returns.made import make_return  # noqa: PLC0415
    from assets.returns.request import read_request  # noqa: PLC0415
    from linkage.return_file import fingerprint, read_public  # noqa: PLC0415
    from pipelines.resources import make_night, workspace_lock  # noqa: PLC0415

    place = open_workspace(workspace)
    with workspace_lock(place), no_values_in_errors("making a return file"):
        night = make_night(place, day_of(on))
        public = read_public(key, night.keys.city, to)
        request = read_request("the request", records.read(), to, night.policy, night.keys)
        made = make_return(night, to, request, permitted_by_families, public, out, actor=actor())
    table(
        ["of the records asked for", "records"], [list(row) for row in shown(made.records).items()], right=["records"]
    )
    for name, reason in made.withheld.items():
        say(f"Withheld: {name}: {reason}")
    say(f"Wrote {out}: {', '.join(made.flags)}; sealed to the key {fingerprint(public)}; recorded as {made.act}.")


def new_key(
    agency: Annotated[str, typer.Option(help="The agency, as its agreement names it.")],
    city: Annotated[
        str, typer.Option(help="The city id, 16 hex digits: the kit and the hub's `keys` commands show it.")
    ],
    out: Annotated[Path, typer.Option(help="File for the private key; FILE.pub beside it goes to the hub.")],
) -> None:
    """At an agency: make the key pair to which the hub seals return files. The private key never leaves the agency."""
    from linkage.return_file import new_key as make_key  # noqa: PLC0415

    name = make_key(out, city, agency)
    say(f"Wrote {out} (keep it, alone) and {out.name}.pub (for the hub). Fingerprint {name}: compare it by phone.")


def open_return(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The return file from the hub.")],
    key: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="This agency's private key.")],
    out: Annotated[Path, typer.Option(help="CSV to write, readable by its owner only.")],
) -> None:
    """At an agency: open a return file."""
    from linkage.key_files import refuse_existing, replace_private  # noqa: PLC0415
    from linkage.return_file import open_file  # noqa: PLC0415

    header, content = open_file(file, key)
    refuse_existing(out)
    replace_private(out, content)
    say(f"Wrote {out}: {header['act']} of the night {header['night']}, under {header['licence']}.")
