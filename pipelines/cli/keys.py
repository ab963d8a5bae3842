"""Commands for keys: the hub's ring, an agency's K1 and kit, rotation, shares in escrow.

No command prints a key: they are written to files that only their owner may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, print_json, progress, say
from pipelines.noting import noted
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from mou_policies.policy import Policy, SourcePolicy

OutOption = Annotated[Path, typer.Option("--out", help="File to write; it must not exist yet.")]
K1Option = Annotated[
    Path | None, typer.Option("--k1", help="A K1 file: act on it instead of the hub's ring (for agencies).")
]


def register(app: typer.Typer) -> None:
    """Add the group `keys` to the command line."""
    group = typer.Typer(help="Keys: make, name, rotate, share in escrow, restore.", no_args_is_help=True)
    commands = (init, show_fingerprint, new_k1, accept_k1, hand_over_k1, agency_kit, escrow, restore)
    for command in commands:
        group.command(command.__name__.replace("_", "-"))(command)
    rotation = typer.Typer(
        help="Replace K1, K2 or the key that agencies seal to; child IDs stay.", no_args_is_help=True
    )
    rotation.command("k1")(rotate_k1)
    rotation.command("k2")(rotate_k2)
    rotation.command("seal")(rotate_seal)
    group.add_typer(rotation, name="rotate")
    app.add_typer(group, name="keys")


def init(
    mode: Annotated[
        str | None,
        typer.Option(help="hub-tokenised (the hub holds K1) or agency-tokenised (it never does); else as in settings."),
    ] = None,
    city: Annotated[str | None, typer.Option(help="City id, 16 hex digits, if the city has one already.")] = None,
    k1_fingerprint: Annotated[
        str | None, typer.Option(help="agency-tokenised: fingerprint of the agencies' K1, if it is made already.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make the hub's keys in the folder the settings name. Keys that exist are never overwritten."""
    from linkage.keys import MODES, KeyRing  # noqa: PLC0415

    place = open_workspace(workspace)
    if mode is not None and mode not in MODES:
        raise typer.BadParameter(f"expected {' or '.join(MODES)}", param_hint="--mode")
    with noted(place, "key", "keys init") as facts:
        ring = KeyRing.create(place.keys, mode or place.settings.linkage.mode, city, k1_fingerprint)
        facts |= {"keys": ring.fingerprint, "mode": ring.mode}
    say(f"Made the keys of city {ring.city} in {place.keys} (readable by you alone), fingerprint {ring.fingerprint}.")
    say(f"Tokens are made {ring.mode}.")
    if ring.k1_fingerprint is None:
        say(f"Next, at one agency: `cradlepath keys new-k1 --city {ring.city} --out k1.key`; then accept-k1 here.")
    say("Back that folder up apart from the state: without it no record links again; with both, all can be attacked.")


def show_fingerprint(k1: K1Option = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Print what names the keys and reveals nothing of them: fingerprints, the city id, and who makes tokens."""
    from linkage.key_files import fingerprint_of, read_key  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    if k1 is not None:
        city, key = read_key(k1, "k1")
        found: dict[str, str | None] = {"city": city, "k1": fingerprint_of(key)}
    else:
        ring = KeyRing.load(open_workspace(workspace).keys)
        found = {"fingerprint": ring.fingerprint, "mode": ring.mode, "city": ring.city}
        found |= {"k1": ring.k1_fingerprint, "k1_next": ring.k1_next_fingerprint, "k2": ring.k2_fingerprint}
    if as_json:
        print_json(found)
    else:
        for name, value in found.items():
            say(f"{name:12} {value or '–'}")


def new_k1(
    city: Annotated[str, typer.Option(help="The city id, which the hub prints with `keys show-fingerprint`.")],
    out: OutOption,
    as_json: JsonOption = False,
) -> None:
    """Make the agencies' token key, K1, at one agency. The others get a copy of the file; the hub never does."""
    from linkage.agency_keys import new_k1 as make  # noqa: PLC0415

    fingerprint = make(out, city)
    if as_json:
        print_json({"city": city, "k1": fingerprint, "file": out})
        return
    say(f"Made K1 {fingerprint} in {out}. Give the file to the other agencies in person; never to the hub or by mail.")
    say(f"Tell the hub its fingerprint: `cradlepath keys accept-k1 {fingerprint}` there.")


def accept_k1(
    fingerprint: Annotated[str, typer.Argument(help="What `keys new-k1` printed at the agency, 16 hex digits.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Record at the hub with which K1 the agencies make tokens; token files made with another are refused."""
    from linkage.rotation import accept_k1 as accept  # noqa: PLC0415

    place = open_workspace(workspace)
    with noted(place, "key", "keys accept-k1", k1=fingerprint):
        accept(place.keys, fingerprint)
    say(f"From now on token files made with K1 {fingerprint} are accepted, and no others.")


def hand_over_k1(out: OutOption, workspace: WorkspaceOption = None) -> None:
    """Make a hub-tokenised city agency-tokenised: move K1 out of the hub's ring into a file for the agencies."""
    from linkage.rotation import hand_over_k1 as hand_over  # noqa: PLC0415
    from pipelines.resources import workspace_lock  # noqa: PLC0415

    place = open_workspace(workspace)
    with workspace_lock(place), noted(place, "key", "keys hand-over-k1") as facts:
        fingerprint = hand_over(place.keys, out)
        facts["k1"] = fingerprint
    say(f"K1 {fingerprint} is in {out} and no longer in {place.keys}. Take it to the agencies and delete it here.")
    say("Delete the hub's backups and shares that hold it, make new shares, and set linkage.mode: agency-tokenised.")
    say("Whoever copied K1 while the hub held it still can; rotate it at an agency to be rid of that.")


def agency_kit(
    sources: Annotated[list[str], typer.Argument(help="The agency's sources, as the agreements name them.")],
    out: OutOption,
    use: Annotated[list[str] | None, typer.Option(help="One more use that the kit shall hold, e.g. record.x.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write what one agency's machine needs of the hub: its public key, the layout, keys for these sources alone."""
    from linkage.keys import KeyRing  # noqa: PLC0415
    from linkage.rules import layout  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415

    place = open_workspace(workspace)
    uses = [*_uses(compile_policy(place.agreements, date.today()), sources), *(use or [])]
    with noted(place, "key", "keys agency-kit", sources=list(sources)):
        KeyRing.load(place.keys).export_kit(out, uses, layout())
    say(f"Wrote the kit for {', '.join(sources)} to {out}. It is secret: hand it to that agency alone.")


def _uses(policy: Policy, sources: Sequence[str]) -> list[str]:
    """Return the uses of keys that loading these sources needs; an unknown source is an error."""
    if unknown := [source for source in sources if source not in policy.sources]:
        known = ", ".join(sorted(policy.sources)) or "none"
        raise typer.BadParameter(f"no agreement in force names {', '.join(unknown)}; in force today: {known}")
    held = [policy.sources[source] for source in sources]
    named = list(policy.sources.values()) if any(map(_names_records_of_others, held)) else held
    return ["content.rows", *(f"record.{s.namespace}" for s in named), *(f"pseudonym:{s.agency}" for s in held)]


def _names_records_of_others(source: SourcePolicy) -> bool:
    """Say whether rows of a source name records of whichever source a column says, as consent forms do."""
    fields = (field for table in source.tables.values() for field in table.fields)
    return any(field.treatment.namespace_column for field in fields)


def rotate_k2(workspace: WorkspaceOption = None) -> None:
    """Replace K2 under the vault: nothing is linked again. A rotation that was stopped goes on where it was."""
    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.rotation import STEPS  # noqa: PLC0415
    from linkage.rotation import rotate_k2 as rotate  # noqa: PLC0415
    from linkage.vault import Vault  # noqa: PLC0415
    from pipelines.resources import workspace_lock  # noqa: PLC0415

    place = open_workspace(workspace)
    vault = StatePaths.under(place.state).vault
    with (
        workspace_lock(place),
        noted(place, "key", "keys rotate k2"),
        progress(len(STEPS), "Rotating K2") as advance,
    ):
        ending = rotate(place.keys, vault, Vault, lambda step: advance(step, STEPS.index(step) + 1))
    if ending == "resumed":
        say("A rotation of K2 that had been stopped is complete.")
    say("K2 is new and the vault is under it. Delete backups of the old one; make new shares with `keys escrow`.")


def rotate_k1(
    begin: Annotated[bool, typer.Option("--begin", help="From now on new tokens are made with the new one.")] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Every source has come in full since: drop the old one.")
    ] = False,
    fingerprint: Annotated[
        str | None, typer.Option(help="agency-tokenised, with --begin: what names the agencies' next K1.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Replace K1 while every source comes in full once, on one night or several; child IDs stay as they are."""
    from linkage import rotation  # noqa: PLC0415
    from pipelines.resources import workspace_lock  # noqa: PLC0415

    if begin == finish:
        raise typer.BadParameter("say either --begin or --finish")
    if finish and fingerprint is not None:
        raise typer.BadParameter("--fingerprint belongs to --begin")
    place = open_workspace(workspace)
    step = "begin" if begin else "finish"
    with workspace_lock(place), noted(place, "key", f"keys rotate k1 --{step}") as facts:
        named = rotation.begin_k1(place.keys, fingerprint) if begin else rotation.finish_k1(place.keys)
        facts["k1"] = named
    if begin:
        say(
            f"The next K1 is {named}. Load full files of every source, on one night or several, and only when all "
            "have come end it with `cradlepath keys rotate k1 --finish`: whoever comes later may part from their child."
        )
    else:
        say(f"K1 is {named}; the old one is gone. Delete its backups; make new shares with `keys escrow`.")


def rotate_seal(workspace: WorkspaceOption = None) -> None:
    """Replace the key pair to which agencies seal their token files; every agency needs a new kit."""
    from linkage.rotation import new_seal  # noqa: PLC0415

    place = open_workspace(workspace)
    with noted(place, "key", "keys rotate seal"):
        new_seal(place.keys)
    say("Token files sealed to the old key are refused from now on. Give every agency a new kit (`keys agency-kit`).")
    say("Make new shares with `keys escrow`.")


def escrow(
    out: Annotated[Path, typer.Option("--out", help="Folder for the files of the shares.")],
    shares: Annotated[int, typer.Option(help="How many shares to make (n).")] = 5,
    threshold: Annotated[int, typer.Option(help="How many of them restore the keys (k).")] = 3,
    k1: K1Option = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every root key as n shares, of which any k restore all keys and fewer tell nothing."""
    from linkage.escrow import share_k1, share_ring, write_shares  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415

    if k1 is not None:
        paths = write_shares(out, share_k1(k1, shares, threshold))
    else:
        place = open_workspace(workspace)
        with noted(place, "key", "keys escrow", shares=shares, threshold=threshold):
            paths = write_shares(out, share_ring(KeyRing.load(place.keys), shares, threshold))
    if as_json:
        print_json({"shares": shares, "threshold": threshold, "files": paths})
        return
    say(f"Wrote {shares} shares to {out}; any {threshold} of them restore the keys with `cradlepath keys restore`.")
    say("Give each to another keeper, on paper or on a medium of its own, and delete the files here. See docs/keys.md.")


def restore(
    shares: Annotated[list[Path], typer.Argument(help="Files of the shares, at least as many as the threshold.")],
    into: Annotated[Path, typer.Option("--into", help="Folder for the keys; it must not hold any.")],
    as_json: JsonOption = False,
) -> None:
    """Restore keys from shares; refused, and nothing written, unless they give back what was shared."""
    from linkage.escrow import restore as from_shares  # noqa: PLC0415

    fingerprint = from_shares(shares, into)
    if as_json:
        print_json({"fingerprint": fingerprint, "folder": into})
    else:
        say(f"Restored the keys into {into}, fingerprint {fingerprint}: the same as when they were shared.")
