"""`audit anchor`, `countersign` and `public-key`: what others keep so that the trail can be proven later."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, print_json, say
from pipelines.workspace import open_workspace

OutOption = Annotated[Path | None, typer.Option("--out", help="File to write; it must not exist yet.")]


def add(group: typer.Typer) -> None:
    """Add this module's commands to the group `audit`."""
    group.command("anchor")(anchor)
    group.command("countersign")(countersign)
    group.command("public-key")(public_key)


def anchor(out: OutOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Sign the newest event, and print the line to keep where nobody at the hub can change it.

    It is added to the anchor file that the settings name, if they name one; --out writes the signed form, which a
    second party can countersign.
    """
    from consent.anchor_file import append_anchor  # noqa: PLC0415
    from consent.anchors import document  # noqa: PLC0415
    from consent.registry import open_registry  # noqa: PLC0415
    from consent.trail import AuditTrail  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    place = open_workspace(workspace)
    key = KeyRing.load(place.keys).signing_key
    made = AuditTrail(open_registry(place.registry_url)).checkpoint(key)
    if made is None:
        print_json(None) if as_json else say("The trail is empty: there is no event to anchor yet.")
        return
    said = document(made, key.public_key())
    if place.anchor_file is not None:
        append_anchor(place.anchor_file, made, key.public_key(), state=place.state)
    if out is not None:
        _write(out, said)
    if as_json:
        print_json(said)
        return
    say(said["line"])
    say("Keep that line where nobody at the hub can change it: on paper, or read out to the auditor.")
    if out is not None:
        say(f"The signed form is in {out}; a second party confirms it with `cradlepath audit countersign`.")


def countersign(
    anchor: Annotated[Path, typer.Argument(help="File that `audit anchor --out` wrote.")],
    key: Annotated[Path, typer.Option(help="The second party's private key (Ed25519, PEM).")],
    out: OutOption = None,
) -> None:
    """Confirm an anchor with a second party's key, so that it proves the trail wherever it is kept.

    Without --out the file itself gets the countersignature. To be run on the second party's own machine.
    """
    from consent.anchors import countersign as confirm  # noqa: PLC0415
    from consent.anchors import read_document  # noqa: PLC0415
    from consent.trail import fingerprint  # noqa: PLC0415
    from consent.trail_keys import read_private  # noqa: PLC0415

    secret = read_private(key)
    said = confirm(read_document(anchor), secret)
    if out is not None:
        _write(out, said)
    else:
        aside = anchor.with_name(anchor.name + ".new")
        _write(aside, said)
        aside.replace(anchor)
    say(f"{out or anchor}: event {said['sequence']:,} confirmed by the key {fingerprint(secret.public_key())[:16]}.")


def public_key(
    key: Annotated[Path | None, typer.Option(help="A second party's private key (PEM); else the workspace's.")] = None,
    out: OutOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Print the public key with which checkpoints are verified; an auditor keeps it for `audit verify --trust`."""
    from consent.trail_keys import public_pem, read_private  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    secret = read_private(key) if key else KeyRing.load(open_workspace(workspace).keys).signing_key
    pem = public_pem(secret.public_key())
    if out is None:
        say(pem.strip())
    else:
        _write_text(out, pem)
        say(f"Wrote {out}.")


def _write(file: Path, said: dict[str, Any]) -> None:
    _write_text(file, json.dumps(said, indent=2) + "\n")


def _write_text(file: Path, text: str) -> None:
    """Write a new file, and have it on the disk; raises FileExistsError, which says so in one line."""
    with file.open("x", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
