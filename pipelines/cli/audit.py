"""The group `audit`: whether the trail is whole, what it says, and the anchors that prove it.

Here are the group and `verify`; every other command of the group comes from a module of its own (`audit_...`), which
adds itself. Exit status of `verify`: 0 nothing was found, 1 something was.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import audit_anchor, audit_destruction, audit_disclosures, audit_erase, audit_log
from pipelines.cli.screen import JsonOption, WorkspaceOption, print_json, progress, say
from pipelines.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from consent.anchors import Anchor


def register(app: typer.Typer) -> None:
    """Add the group `audit` to the command line."""
    group = typer.Typer(help="The audit trail: what was done, and whether that history is whole.", no_args_is_help=True)
    group.command("verify")(verify)
    for part in (audit_log, audit_anchor, audit_erase, audit_disclosures, audit_destruction):
        part.add(group)
    app.add_typer(group, name="audit")


def verify(
    anchor: Annotated[
        list[str] | None, typer.Option(help="A printed line, or a file of anchors; may be given several times.")
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Public key (PEM) that signed checkpoints, as you kept it; else the workspace's own."),
    ] = None,
    witness: Annotated[
        list[Path] | None, typer.Option(help="Public key (PEM) of a second party that countersigned anchors.")
    ] = None,
    registry: audit_log.RegistryOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no event of the trail was edited, removed, moved, put in or cut off, and say how far that is proven.

    Without an anchor, nothing is proven against somebody who holds the hub's machine and key: the report says so. The
    anchor file that the settings name is compared too. Exit status 1 if anything is wrong.
    """
    from consent.disclosure_check import altered  # noqa: PLC0415
    from consent.disclosures import Disclosures  # noqa: PLC0415
    from consent.reading import open_to_read  # noqa: PLC0415
    from consent.trail_check import check  # noqa: PLC0415
    from consent.trail_keys import read_public  # noqa: PLC0415

    place = None if registry and trust else open_workspace(workspace)
    anchors, notes = _anchors(anchor or [], None if registry else place)
    trusted = [read_public(file) for file in trust] if trust else [_own_key(place)]
    engine = open_to_read(audit_log.address(registry, place))
    with progress(1, "Following the chain") as advance:
        report = check(
            engine,
            trusted,
            anchors,
            countersigners=[read_public(file) for file in witness or ()],
            advance=lambda done, events: advance(f"{done:,} events", done / max(events, 1)),
        )
    changed = altered(Disclosures(engine)) if report.events else []
    if as_json:
        print_json(report.plain() | {"disclosures_altered": changed})
    else:
        *said, verdict = report.sentences()
        for line in (*said, *notes, *map(_altered, changed), verdict):
            say(line)
    raise typer.Exit(0 if report.whole and not changed else 1)


def _altered(act: str) -> str:
    return (
        f"Disclosures: the rows of {act} are not those that its event commits to; compare them with a backup "
        "(`cradlepath audit disclosures`), and keep this registry as evidence."
    )


def _own_key(place: Workspace | None) -> Ed25519PublicKey:
    from linkage.keys import KeyRing  # noqa: PLC0415

    return KeyRing.load((place or open_workspace()).keys).signing_key.public_key()


def _anchors(named: list[str], place: Workspace | None) -> tuple[list[Anchor], list[str]]:
    """Return the anchors given and those of the file that the settings name; and what to say of that file."""
    from consent.anchors import read_anchors  # noqa: PLC0415

    found = [one for name in named for one in read_anchors(name)]
    kept = place.anchor_file if place is not None else None
    if kept is None:
        return found, []
    if not kept.is_file():
        return found, [
            f"Note: the settings name the anchor file {kept}, which is not there: nothing was compared with it."
        ]
    return found + read_anchors(str(kept)), []
