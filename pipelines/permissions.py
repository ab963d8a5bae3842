"""Who may do what, read from `permissions.yaml`: every command and every page, default deny.

What belongs here: reading and checking that file, and the one question it answers. What does not: who is asking
(`asking`), refusing (`admission`, `web`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

FILE: Final = Path(__file__).with_name("permissions.yaml")
ANYONE: Final = "anyone"
ROLES: Final = ("steward", "data_lead", "auditor", "administrator")
"""As `consent.people.ROLES`, which is not imported because it needs SQLAlchemy; a test holds them together."""
UNLISTED: Final = frozenset({"administrator"})
"""Who may do what the file does not list."""


class PermissionsError(Exception):
    """`permissions.yaml` says something that it cannot; one line: which entry, what was found, what was expected."""


@dataclass(frozen=True)
class Permissions:
    """Roles by command (`release verify`) and by page (`loads`), None for anyone; `roles` says what each does."""

    roles: Mapping[str, str]
    commands: Mapping[str, frozenset[str] | None]
    pages: Mapping[str, frozenset[str] | None]

    def of_command(self, command: str) -> frozenset[str] | None:
        """Return the roles that may run a command; None where nobody is asked who they are."""
        return self.commands.get(command, UNLISTED)

    def of_page(self, page: str) -> frozenset[str] | None:
        """Return the roles that may open a page; None where nobody is asked who they are."""
        return self.pages.get(page, UNLISTED)

    def may_open(self, role: str | None, page: str) -> bool:
        """Say whether somebody of a role, or nobody (None), may open a page."""
        allowed = self.of_page(page)
        return allowed is None or role in allowed


@cache
def permissions() -> Permissions:
    """Read `permissions.yaml` once. Raises PermissionsError."""
    data: dict[str, Any] = YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))
    if tuple(data["roles"]) != ROLES:
        raise PermissionsError(f"permissions.yaml: roles: expected {', '.join(ROLES)}")
    return Permissions(data["roles"], _parsed(data, "commands"), _parsed(data, "pages"))


def _parsed(data: Mapping[str, Any], part: str) -> dict[str, frozenset[str] | None]:
    return {name: _roles(f"{part}: {name}", said) for name, said in data[part].items()}


def _roles(where: str, said: object) -> frozenset[str] | None:
    if said == ANYONE:
        return None
    if not isinstance(said, list) or not said or not set(said) <= set(ROLES):
        raise PermissionsError(f"permissions.yaml: {where}: expected anyone, or a list of {', '.join(ROLES)}")
    return frozenset(said)
