"""Commands for agreements: `mou show`, `mou explain`.

More commands of the group are in modules of their own: `mou_lint`, `mou_signing`, `mou_interchange` and others.
"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import mou_diff, mou_interchange, mou_lint, mou_new, mou_render, mou_signing, mou_trial, mou_views
from pipelines.cli.kept import kept_agreements
from pipelines.cli.screen import JsonOption, OnOption, WorkspaceOption, day_of, print_json, say, table
from pipelines.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the group `mou` to the command line."""
    group = typer.Typer(help="Agreements (memoranda of understanding): write, check, read, sign.", no_args_is_help=True)
    mou_new.register(group)
    mou_lint.register(group)
    mou_views.register(group)
    mou_diff.register(group)
    group.command("show")(show)
    group.command("explain")(explain_field)
    mou_trial.register(group)
    mou_signing.register(group)
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

    place = open_workspace(workspace)
    with kept_agreements(place):
        policy = compile_policy(place.agreements, day_of(on))
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
    place = open_workspace(workspace)
    with kept_agreements(place):
        policy = compile_policy(place.agreements, day_of(on))
    say(str(explain(policy, Question((source, table_name, column), use, policy.on, purpose))))
