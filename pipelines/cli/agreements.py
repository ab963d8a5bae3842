"""Commands for agreements: `mou show`, `mou explain`, `mou new-signer`, `mou sign`, `mou verify`.

More commands of the group are in modules of their own: `mou_lint`, `mou_views`, `mou_interchange` and others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import mou_interchange, mou_lint, mou_new, mou_render, mou_views
from pipelines.cli.screen import JsonOption, OnOption, WorkspaceOption, day_of, print_json, say, table
from pipelines.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the group `mou` to the command line."""
    group = typer.Typer(help="Agreements (memoranda of understanding): write, check, read, sign.", no_args_is_help=True)
    mou_new.register(group)
    mou_lint.register(group)
    mou_views.register(group)
    group.command("show")(show)
    group.command("explain")(explain_field)
    group.command("new-signer")(new_signer)
    group.command("sign")(sign)
    group.command("verify")(verify)
    mou_interchange.register(group)
    mou_render.register(group)
    app.add_typer(group, name="mou")


def show(
    source: Annotated[str, typer.Argument(help="Id of the source, as in the agreement.")],
    workspace: WorkspaceOption = None,
    on: OnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what an agreement allows for one source, field by field."""
    from mou_policies.policy import compile_policy  # noqa: PLC0415
    from mou_policies.summary import summary  # noqa: PLC0415

    policy = compile_policy(open_workspace(workspace).agreements, day_of(on))
    if source not in policy.agreed:
        refusal = next((r for r in policy.refusals if source in r.sources), None)
        known = ", ".join(sorted(policy.agreed))
        raise typer.BadParameter(
            str(refusal) if refusal else f"no agreement in force names {source!r}; there are: {known}"
        )
    rows = summary(policy.agreed[source])
    if as_json:
        print_json(rows)
    else:
        table(list(rows[0]), [list(row.values()) for row in rows])


def explain_field(
    field: Annotated[str, typer.Argument(help="source.table.field, as in the agreement.")],
    use: Annotated[str, typer.Option("--for", help="link, content or publish.")] = "publish",
    purpose: Annotated[str | None, typer.Option(help="Purpose, as in the agreement; any if not given.")] = None,
    workspace: WorkspaceOption = None,
    on: OnOption = None,
) -> None:
    """Say whether a field may be used so on a date: by which clause, under which exception, through which parent."""
    from mou_policies.explain import USES, Question, explain  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415

    if use not in USES:
        raise typer.BadParameter(f"expected one of {', '.join(USES)}, found {use!r}")
    source, _, rest = field.partition(".")
    table_name, _, column = rest.partition(".")
    if not column:
        raise typer.BadParameter(f"expected source.table.field, found {field!r}; for instance birth.births.BWG")
    policy = compile_policy(open_workspace(workspace).agreements, day_of(on))
    say(str(explain(policy, Question((source, table_name, column), use, policy.on, purpose))))


def new_signer(
    name: Annotated[str, typer.Argument(help="Person or office who signs.")],
    role: Annotated[str, typer.Option(help="provider or hub.")],
    agency: Annotated[str, typer.Option(help="Agency they sign for, as in the agreement's parties.")],
    key_folder: Annotated[Path, typer.Option(help="Where the private key goes: the signer's own machine.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Make a signer: a private key for them, and their public key in agreements/signers.yaml."""
    from mou_policies import signing  # noqa: PLC0415

    folder = open_workspace(workspace).agreements
    key = signing.new_signer(folder, name, role, agency, key_folder=key_folder)
    say(f"Made {key} (private; keep it with the signer) and listed the public key in {folder / 'signers.yaml'}.")


def sign(
    agreement: Annotated[str, typer.Argument(help="Name of the agreement file in the workspace's agreements folder.")],
    key: Annotated[Path, typer.Option(help="The signer's private key.")],
    workspace: WorkspaceOption = None,
    on: OnOption = None,
) -> None:
    """Sign an agreement as it stands; it is in force from the day of the last signature, within its term."""
    from mou_policies import signing  # noqa: PLC0415

    status = signing.sign(open_workspace(workspace).agreements / agreement, key, day_of(on))
    say(_status_line(agreement, status.state, status.reason, status.remedy))


def verify(
    agreement: Annotated[str, typer.Argument(help="Name of the agreement file.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Say whether an agreement is what both parties signed, and which clause is not. Exit status 1 if changed."""
    from mou_policies import signing  # noqa: PLC0415

    status = signing.verify(open_workspace(workspace).agreements / agreement)
    say(_status_line(agreement, status.state, status.reason, status.remedy))
    for signature in status.signatures:
        say(f"  {signature.signed_on}  {signature.name} for {signature.agency} ({signature.role})")
    raise typer.Exit(0 if status.state == signing.SIGNED else 1)


def _status_line(agreement: str, state: str, reason: str, remedy: str) -> str:
    return f"{agreement}: {state}" + (f" – {reason}; {remedy}" if reason else "")
