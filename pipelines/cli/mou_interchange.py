"""Commands that speak to other systems: `mou export` (ODCS data contracts, ODRL policies) and `mou import` (drafts)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.screen import WorkspaceOption, say
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from mou_policies.agreement import Agreement


class Form(StrEnum):
    """What an agreement can be exported as."""

    odcs = "odcs"
    odrl = "odrl"


OutOption = Annotated[Path | None, typer.Option("--out", help="File to write; the screen if not given.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group `mou`."""
    group.command("export")(export)
    group.command("import")(import_contract)


def export(
    agreement: Annotated[str, typer.Argument(help="Name of the agreement file.")],
    form: Annotated[Form, typer.Option("--as", help="odcs: data contract of a source; odrl: policy of the agreement.")],
    source: Annotated[
        str | None, typer.Option("--source", help="Source whose contract it is, if there are several.")
    ] = None,
    out: OutOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Export an agreement as an ODCS 3.1 data contract (YAML; JSON for a file named .json) or an ODRL 2.2 policy."""
    from mou_policies.language import load_agreement  # noqa: PLC0415

    file = open_workspace(workspace).agreements / agreement
    loaded = load_agreement(file)
    parents = _parents(loaded, file)
    if form is Form.odcs:
        as_json = out is not None and out.suffix == ".json"
        text = _contract(loaded, parents, file, source, as_json=as_json)
    elif source is not None:
        raise typer.BadParameter("a policy is of a whole agreement; leave --source out")
    else:
        from mou_policies import odrl  # noqa: PLC0415

        text = odrl.as_json(odrl.policy(loaded, parents))
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    say(f"Wrote {out}: an extract that grants nothing; {agreement} does, as it is signed.")


def import_contract(
    contract: Annotated[Path, typer.Argument(help="ODCS data contract, YAML or JSON.")],
    out: OutOption = None,
) -> None:
    """Draft an agreement from an ODCS data contract: every field is denied, and each TODO wants a person's answer."""
    from mou_policies.odcs_draft import TODO, draft  # noqa: PLC0415

    text = draft(contract)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        raise typer.BadParameter(f"{out} exists; a draft overwrites nothing, so name another file") from None
    say(f"Wrote {out}: every field is denied; it loads when each {TODO} is answered.")


def _source(agreement: Agreement, named: str | None) -> str:
    known = ", ".join(agreement.sources)
    if named is None and len(agreement.sources) > 1:
        raise typer.BadParameter(f"{agreement.file} has several sources; name one with --source: {known}")
    if named is not None and named not in agreement.sources:
        raise typer.BadParameter(f"{agreement.file} has no source {named!r}; there are: {known}")
    return named or known


def _parents(agreement: Agreement, file: Path) -> list[Agreement]:
    """Return the agreements beside a file under which it stands. Raises AgreementError where an export has no sense."""
    from mou_policies.exports import shared  # noqa: PLC0415
    from mou_policies.language import agreement_files, read_agreement  # noqa: PLC0415

    beside = [read_agreement(other).agreement for other in agreement_files(file.parent)] if agreement.under else []
    return list(shared(agreement, [other for other in beside if other is not None]).parents)


def _contract(agreement: Agreement, parents: list[Agreement], file: Path, named: str | None, *, as_json: bool) -> str:
    from mou_policies import odcs  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415

    today = date.today()
    source = _source(agreement, named)
    policy = compile_policy(file.parent, today)
    held = policy.agreements.get(agreement.agreement_id)
    in_force = held is not None and held.sha256 == agreement.sha256 and source in policy.agreed
    made = odcs.contract(agreement, source, odcs.status_on(agreement, today, in_force=in_force), parents)
    return odcs.as_json(made) if as_json else odcs.as_yaml(made)
