"""The door of the command line: before a command acts on a workspace, who is asking and may they.

A workspace in which nobody is enrolled is open to whoever holds its folder. From the first enrolment on every command
that is not for anyone needs an access key, from CRADLEPATH_ACCESS_KEY or from the file that CRADLEPATH_ACCESS_KEY_FILE
names. What does not belong here: what a role may do (`permissions`), the pages (`web`).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consent.enrolled import anybody_enrolled
from pipelines.permissions import permissions
from pipelines.workspace import Workspace, WorkspaceError, find, load

if TYPE_CHECKING:
    from consent.people import Person

KEY: Final = "CRADLEPATH_ACCESS_KEY"
KEY_FILE: Final = "CRADLEPATH_ACCESS_KEY_FILE"
OPEN_TO_ALL: Final = (
    "Nobody is enrolled here: whoever can reach this workspace's folder can do everything in it "
    "(`cradlepath people enrol` changes that)."
)
_LONGEST_FILE = 4096


class NotPermittedError(Exception):
    """Somebody may not do what they asked for; one line: who may, and how to sign in. Exit status 4."""


def admit(command: str, named: Path | None) -> Person | None:
    """Return who runs a command on a workspace; None where nobody is asked. Raises NotPermittedError.

    `command` is its path (`release verify`), `named` the folder the command line names, if it does. Without a
    workspace there is nothing to guard, and the command itself says what is missing.
    """
    allowed = permissions().of_command(command)
    if allowed is None:
        return None
    try:
        root = find(named)
    except WorkspaceError:
        return None
    place = load(root)
    if not is_guarded(place):
        return None
    key = _key_given()
    if key is None:
        raise NotPermittedError(
            f"`cradlepath {command}` here is for {_listed(allowed)}; sign in with an access key in {KEY}, "
            f"or in a file of your own named by {KEY_FILE} (docs/people.md)"
        )
    return _signed_in(place, key, command, allowed)


def is_guarded(place: Workspace) -> bool:
    """Say whether a workspace asks who is there: whether anybody was ever enrolled."""
    return anybody_enrolled(place.registry_url)


def _signed_in(place: Workspace, key: str, command: str, allowed: frozenset[str]) -> Person:
    from consent.people import People  # noqa: PLC0415
    from consent.registry import open_registry  # noqa: PLC0415
    from consent.trail import AuditTrail  # noqa: PLC0415

    engine = open_registry(place.registry_url)
    try:
        person = People(engine).authenticate(key, f"command {command}")
        if person is None:
            raise NotPermittedError(
                "this access key opens nothing here; look for a typing error, or ask an administrator for a new one"
            )
        if person.role not in allowed:
            said = {"role": person.role, "allowed": sorted(allowed)}
            AuditTrail(engine).append("refusal", f"command {command}", said, actor=person.name)
            raise NotPermittedError(
                f"`cradlepath {command}` is for {_listed(allowed)}, and {person.name} is enrolled as "
                f"{_word(person.role)}; ask one of them"
            )
        return person
    finally:
        engine.dispose()


def _key_given() -> str | None:
    """Return the access key of the environment and take it out, so that no process started from here inherits it."""
    key, file = os.environ.pop(KEY, None), os.environ.get(KEY_FILE)
    if key:
        return key
    return _key_in(Path(file)) if file else None


def _key_in(file: Path) -> str:
    """Return the access key in a file that only its owner can read. Raises NotPermittedError for any other."""
    try:
        with file.open("rb") as handle:
            found = os.fstat(handle.fileno())
            if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
                raise NotPermittedError(
                    f"{file} can be read by others (mode {stat.S_IMODE(found.st_mode):o}); `chmod 600` it"
                )
            return handle.read(_LONGEST_FILE).decode("ascii", "replace")
    except OSError as error:
        raise NotPermittedError(f"{KEY_FILE} names {file}: {error.strerror}") from None


def _listed(roles: frozenset[str]) -> str:
    *others, last = [_word(role) for role in sorted(roles)]
    return f"{', '.join(others)} or {last}" if others else last


def _word(role: str) -> str:
    article = "an" if role[0] in "aeiou" else "a"
    return f"{article} {role.replace('_', ' ')}"
