"""Who is asking: the person of the command or of the request, for what they may see and for the trail.

What belongs here: holding that person while they are served. What does not: finding out who it is (`admission`, `web`).
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consent.people import Person

_PERSON: ContextVar[Person | None] = ContextVar("person", default=None)


def who() -> Person | None:
    """Return the person who signed in, None in a workspace that asks nobody."""
    return _PERSON.get()


def actor() -> str:
    """Return the name under which an act is written into the trail: the person's, else `os:` and the login."""
    person = who()
    return person.name if person else f"os:{_login()}"[:64]


def agency() -> str | None:
    """Return the one agency whose loads may be seen, None for all: a steward's."""
    person = who()
    return person.agency if person else None


@contextmanager
def asking(person: Person | None) -> Iterator[None]:
    """Serve a person: within this context `who` is they."""
    token = _PERSON.set(person)
    try:
        yield
    finally:
        _PERSON.reset(token)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
