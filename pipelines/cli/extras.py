"""Which commands work with which extra installed, and the one line that is said where it is not.

An agency installs `cradlepath[agency]`, a hub `cradlepath[hub]`. A command of the hub that is started at an agency is
refused before its options are read; the list of commands there shows only what an agency can run.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

from typer.core import TyperGroup

AT_AN_AGENCY: Final = frozenset(
    {
        "tokenise",
        "mou",
        "keys new-k1",
        "keys show-fingerprint",
        "keys escrow",
        "keys restore",
        "return new-key",
        "return open",
    }
)
"""Commands, and one group with all its commands, for which the extra `agency` is enough."""

_MARKS: Final = {"agency": "pyarrow", "hub": "dagster"}
"""One module by which it is known that an extra is installed."""
_PAGES: Final = {"agency": "docs/agency.md", "hub": "docs/operator.md"}


class ExtraMissingError(Exception):
    """The packages of a command are not installed: one line that says what to install."""


class Commands(TyperGroup):
    """The top of the command line, which knows which of its commands can run in this environment."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names that `--help` shows: without the hub's packages, those that work at an agency."""
        names = super().list_commands(ctx)
        if is_installed("hub"):
            return names
        return [name for name in names if any(name == allowed.split()[0] for allowed in AT_AN_AGENCY)]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that `args` begin with; raises ExtraMissingError where its extra is not installed."""
        name, command, rest = super().resolve_command(ctx, args)
        words = [name, *rest[:1]] if isinstance(command, TyperGroup) else [name]
        group_alone = isinstance(command, TyperGroup) and not rest
        if not group_alone and "--help" not in rest:
            require_extra(" ".join(map(str, words)))
        return name, command, rest


def require_extra(command: str) -> None:
    """Raise ExtraMissingError unless the extra is installed that serves `command` (`tokenise`, `keys new-k1`)."""
    extra = "agency" if {command, command.split(maxsplit=1)[0]} & AT_AN_AGENCY else "hub"
    if not is_installed(extra):
        raise ExtraMissingError(
            f"`cradlepath {command}` needs packages that are not installed here; install cradlepath[{extra}] "
            f"({_PAGES[extra]})"
        )


def is_installed(extra: str) -> bool:
    """Say whether the packages of an extra are there, by one of them."""
    try:
        return find_spec(_MARKS[extra]) is not None
    except ImportError:
        return False
