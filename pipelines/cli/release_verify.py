"""Commands for whoever checks releases: `release verify`, here or with a copy of the folder, and the auditor's key.

What belongs here: the command line of `assets.release.verify`. What does not: the checks.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, print_json, say, table
from pipelines.noting import noted
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from pipelines.workspace import Workspace

KEY_BYTES = 32


def add(group: typer.Typer) -> None:
    """Add the commands to the group `release`."""
    group.command("verify")(verify)
    group.command("auditor-key")(auditor_key)


def verify(
    release: Annotated[str | None, typer.Argument(help="Id of a release; the current one if not given.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="A copy of the folder of releases; with --trust no workspace is needed.")
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(help="Public key (PEM) that signs releases, as you kept it; else the workspace's own."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="File of the auditor's key; else the workspace's, and without one no annex opens."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a release: signature, files, tables, series, the disclosure audit run again. Exit status 1 if not.

    Nothing but the folder of releases and the keys is read: no outcomes, no records. Without the auditor's key the
    audit looks for numbers that can be worked out exactly, and says so.
    """
    from assets.release.modes.budget import ledger_at_hand  # noqa: PLC0415
    from assets.release.verify import verify as check  # noqa: PLC0415
    from consent.trail_keys import read_public  # noqa: PLC0415

    place = None if folder and trust else open_workspace(workspace)
    trusted, opened = _own_keys(place) if place else (None, None)
    if trust or trusted is None:
        trusted = read_public(trust or Path())
    releases = folder or (place.state / "releases" if place else Path())
    spent = ledger_at_hand(place.registry_url) if place and not folder else None
    found = check(releases, trusted, release, _read_key(key) if key else opened, spent)
    if as_json:
        checks = [asdict(part) for part in found.checks]
        print_json({"release_id": found.release_id, "passed": found.passed, "checks": checks})
    else:
        table(["check", "passed", ""], [[part.name, part.passed, part.detail] for part in found.checks])
        say(f"{found.release_id}: {'verified' if found.passed else 'NOT verified; do not use it'}")
    raise typer.Exit(0 if found.passed else 1)


def auditor_key(
    out: Annotated[Path, typer.Option(help="File to write it to, which must not exist yet.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write the key that opens the annexes of releases, and nothing else, to hand to the auditor. It goes on record."""
    from assets.release.manifest import AUDITOR_KEY  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    place = open_workspace(workspace)
    with noted(place, "key", "release auditor-key"):
        text = base64.b64encode(KeyRing.load(place.keys).derive(AUDITOR_KEY)) + b"\n"
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text)
    say(f"Wrote {out}. It opens the hidden numbers of every release: hand it over by a safe way, and keep no copy.")


def _own_keys(place: Workspace) -> tuple[Ed25519PublicKey, bytes]:
    """Return the public key that signs a workspace's releases, and the key of their annexes."""
    from assets.release.manifest import AUDITOR_KEY  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    ring = KeyRing.load(place.keys)
    return ring.signing_key.public_key(), ring.derive(AUDITOR_KEY)


def _read_key(file: Path) -> bytes:
    """Return the auditor's key. Raises ReleaseError when the file holds something else."""
    from assets.release.policy import ReleaseError  # noqa: PLC0415

    try:
        key = base64.b64decode(file.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise ReleaseError(
            f"{file.name} holds no auditor's key, expected one line that `cradlepath release auditor-key` wrote"
        )
    return key
