"""The commands `mou new-signer`, `mou sign` and `mou verify`: who may sign, signing, and what was signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.screen import JsonOption, OnOption, WorkspaceOption, day_of, err, print_json, say, table
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from mou_policies.signatures import SignatureStatus
    from mou_policies.verifying import Link, Verified


def register(group: typer.Typer) -> None:
    """Add this module's commands to the group `mou`."""
    group.command("new-signer")(new_signer)
    group.command("sign")(sign)
    group.command("verify")(verify)


def new_signer(
    name: Annotated[str, typer.Argument(help="Person who signs.")],
    role: Annotated[str, typer.Option(help="provider, hub or recipient.")],
    agency: Annotated[str, typer.Option(help="Agency they sign for, as in the agreement's parties.")],
    key_folder: Annotated[Path, typer.Option(help="Where the private key goes: the signer's own machine.")],
    office: Annotated[str | None, typer.Option(help="Office they hold, as in the agreement's signatories.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a signer: a private key for them, and their public key in agreements/signers.yaml."""
    from mou_policies import signing  # noqa: PLC0415

    folder = open_workspace(workspace).agreements
    key = signing.new_signer(folder, name, role, agency, office=office, key_folder=key_folder)
    say(f"Made {key} (private; keep it with the signer) and listed the public key in {folder / 'signers.yaml'}.")


def sign(
    agreement: Annotated[str, typer.Argument(help="Name of the agreement file in the workspace's agreements folder.")],
    key: Annotated[Path, typer.Option(help="The signer's private key.")],
    workspace: WorkspaceOption = None,
    on: OnOption = None,
) -> None:
    """Sign an agreement as it stands; it is in force from the day of the last signature, within its term.

    One that would not be in force once everybody had signed is not signed: what to mend is said, and the exit status
    is 1.
    """
    from mou_policies import signing  # noqa: PLC0415
    from mou_policies.language import load_agreement  # noqa: PLC0415
    from mou_policies.trials import against_signing  # noqa: PLC0415

    file, day = open_workspace(workspace).agreements / agreement, day_of(on)
    loaded = load_agreement(file)
    against = against_signing(file, day)
    if against:
        for line in against:
            err.print(f"cradlepath: {line}", markup=False)
        err.print(
            f"cradlepath: {agreement} was not signed: signatures alone would not bring it into force", markup=False
        )
        raise typer.Exit(1)
    status = signing.sign(file, key, day)
    for caution in signing.cautions(loaded, day, date.today()):
        say(f"Note: {caution}.")
    say(_status_line(agreement, status))


def verify(
    agreement: Annotated[str | None, typer.Argument(help="Name of the agreement file; all if not given.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether an agreement is what every party signed, which clause is not, and what it amends.

    Without a name, every agreement of the folder, a line each. Exit status 1 unless all asked about are signed.
    """
    from mou_policies.verifying import verify_file, verify_folder  # noqa: PLC0415

    folder = open_workspace(workspace).agreements
    found = verify_folder(folder) if agreement is None else [verify_file(folder / agreement)]
    if as_json:
        print_json([_plain(one) for one in found])
    elif agreement is None:
        _table(found)
    else:
        _show(found[0])
    raise typer.Exit(0 if all(one.holds for one in found) else 1)


def _show(found: Verified) -> None:
    """Print one agreement: its state and digest, every signature, and the chain of what it amends."""
    first, *older = found.links
    say(_status_line(found.file, first.status))
    say(f"  {first.agreement.agreement_id}  sha256 {first.agreement.sha256}")
    for signature in first.status.signatures:
        say(f"  {signature}")
    for why in first.status.not_counted:
        say(f"  not counted: {why}")
    for link in older:
        say(f"  amends {link.agreement.agreement_id}  sha256 {link.agreement.sha256}")
        say(f"    {_status_line(link.agreement.file, link.status)}")
    for why in found.broken:
        say(f"  the chain is broken: {why}")


def _table(found: Sequence[Verified]) -> None:
    columns = ["file", "agreement", "kind", "state", "in force from", "amends", "says"]
    table(columns, [_row(one) for one in found])


def _row(found: Verified) -> list[Any]:
    if found.error is not None:
        return [found.file, "–", "–", "unreadable", None, "–", str(found.error)]
    first, *older = found.links
    says = "; ".join([*([first.status.reason] if first.status.missing else []), *found.broken])
    amends = ", ".join(link.agreement.agreement_id for link in older) or "–"
    about = first.agreement
    return [found.file, about.agreement_id, about.kind, first.status.state, found.since, amends, says]


def _plain(found: Verified) -> dict[str, Any]:
    """Return everything known of one file as plain data."""
    said = {"file": found.file, "holds": found.holds, "since": found.since, "broken": list(found.broken)}
    return said | {"error": found.error and str(found.error), "chain": [_plain_link(link) for link in found.links]}


def _plain_link(link: Link) -> dict[str, Any]:
    status = link.status
    return {
        "agreement": link.agreement.agreement_id,
        "file": link.agreement.file,
        "sha256": link.agreement.sha256,
        "state": status.state,
        "reason": status.reason,
        "changed": list(status.changed),
        "missing": [str(need) for need in status.missing],
        "not_counted": list(status.not_counted),
        "signatures": [
            {"name": s.name, "office": s.office, "role": s.role, "agency": s.agency, "signed_on": s.signed_on}
            for s in status.signatures
        ],
    }


def _status_line(file: str, status: SignatureStatus) -> str:
    return f"{file}: {status.state}" + (f" – {status.reason}; {status.remedy}" if status.remedy else "")
