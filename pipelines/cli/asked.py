"""A command that asks who runs it, before it runs: the one place where the command line is guarded."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

from pipelines.admission import admit
from pipelines.asking import asking
from pipelines.permissions import permissions

_NO_MATTER = frozenset({"--workspace", "--json"})
"""Options that change nothing about who may."""


class Asked(TyperCommand):
    """A command of Cradlepath: `admission.admit` lets it run, and `asking.who` is then the person who runs it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command for whoever may. Raises NotPermittedError."""
        with asking(admit(entry_of(ctx), ctx.params.get("workspace"))):
            return super().invoke(ctx)


def ask_everywhere(app: typer.Typer) -> None:
    """Make every command of `app` and of its groups one that asks."""
    for command in app.registered_commands:
        command.cls = Asked
    for group in app.registered_groups:
        if group.typer_instance is not None:
            ask_everywhere(group.typer_instance)


def entry_of(ctx: Any) -> str:
    """Return the entry of `permissions.yaml` that a command falls under: with its options if they are listed so."""
    given = {parameter.opts[0] for parameter in ctx.command.params if _is_given(ctx, parameter.name)}
    path = path_of(ctx)
    listed = " ".join([path, *sorted(given - _NO_MATTER)])
    return listed if listed in permissions().commands else path


def _is_given(ctx: Any, name: str) -> bool:
    return str(getattr(ctx.get_parameter_source(name), "name", "")) == "COMMANDLINE"


def path_of(ctx: Any) -> str:
    """Return the words by which a command is called, without the program's name: `keys rotate k1`."""
    words: list[str] = []
    while ctx.parent is not None:
        words.append(ctx.info_name)
        ctx = ctx.parent
    return " ".join(reversed(words))
