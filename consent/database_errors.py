"""What a database says when it fails, in words for people: which registry, what is wrong, what to do.

What belongs here: which codes of SQLite and PostgreSQL stand for which trouble of a disk, a server or a lock. What does
not: errors of a statement (a refused change, a value twice), which are faults of a program and pass unchanged.

Codes: https://sqlite.org/rescode.html and PostgreSQL's appendix A, which names classes by their first two letters.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import ExceptionContext

from consent.errors import ConnectionLostError, RegistryError

_NOTHING_KEPT = "nothing of what was being written was kept"
_SPACE = f"there is no space left on its disk; {_NOTHING_KEPT}; free space, then run the same command again"
_LOCKED = (
    f"another one held it for longer than this one waits; {_NOTHING_KEPT}; run the same command again when the "
    "other one has ended"
)
_CROSSED = f"two writers waited for each other; {_NOTHING_KEPT}; run the same command again"
_READ_ONLY = f"it may only be read; {_NOTHING_KEPT}; let this user write to it, then run the same command again"
_MOVED = (
    f"its file was moved or removed while it was open; {_NOTHING_KEPT}; put it back or restore a backup, then run the "
    "same command again"
)
_DISK = f"its disk cannot be read or written; {_NOTHING_KEPT}; check the disk, then run the same command again"
_CORRUPT = (
    f"it is damaged or no database at all; {_NOTHING_KEPT}; keep the file as it is for inquiry and restore the newest "
    "backup"
)
_CLOSED = "it cannot be opened; check that it is there and that this user may open it"
_UNREACHED = (
    "the server cannot be reached, or refuses who asks; see that it runs and that address and sign-in are right"
)
_BUSY = f"the server is out of memory or connections; {_NOTHING_KEPT}; run the same command again when it has room"
_LOST = (
    "the connection broke; what was being written is there whole or not at all; see that the server runs, then run the "
    "same command again"
)

_SQLITE = {
    "SQLITE_FULL": _SPACE,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_READONLY_DBMOVED": _MOVED,
    "SQLITE_IOERR": _DISK,
    "SQLITE_CORRUPT": _CORRUPT,
    "SQLITE_NOTADB": _CORRUPT,
    "SQLITE_CANTOPEN": _CLOSED,
    "SQLITE_PERM": _CLOSED,
}
"""By the name of an extended code, else of the code it extends."""

_POSTGRESQL = {
    "08": _LOST,
    "25006": _READ_ONLY,
    "28": _UNREACHED,
    "3D000": _UNREACHED,
    "40001": _CROSSED,
    "40P01": _CROSSED,
    "42501": _READ_ONLY,
    "53100": _SPACE,
    "53": _BUSY,
    "55P03": _LOCKED,
    "57P": _LOST,
    "58": _DISK,
    "XX001": _CORRUPT,
    "XX002": _CORRUPT,
}
"""By SQLSTATE, else by its first three or two letters."""


def speak_for_people(engine: Engine) -> None:
    """Let every trouble of this engine's database be raised as a `RegistryError`."""

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> None:
        trouble = _trouble(context)
        if trouble is not None and not context.is_pre_ping:
            kind = ConnectionLostError if trouble == _LOST else RegistryError
            raise kind(f"{place_of(engine.url)}: {trouble}")


def place_of(url: URL) -> str:
    """Return which registry `url` means, without user and password."""
    if url.get_backend_name() == "sqlite":
        return f"registry {url.database}"
    return f"registry {url.database or url.username} on {url.host or 'this machine'}"


def moved(url: URL) -> RegistryError:
    """Return the error for a SQLite file that is not there any more."""
    return RegistryError(f"{place_of(url)}: {_MOVED}")


def _trouble(context: ExceptionContext) -> str | None:
    """Return what is wrong with the database, None where nothing is."""
    error: Any = context.original_exception
    if context.dialect.name == "sqlite":
        name = getattr(error, "sqlite_errorname", None) or ""
        return _SQLITE.get(name) or _SQLITE.get("_".join(name.split("_")[:2]))
    if context.sqlalchemy_exception is None:
        return None
    if context.connection is None and not context.is_pre_ping:
        return _UNREACHED
    code = getattr(error, "sqlstate", None) or ""
    found = next((_POSTGRESQL[part] for part in (code, code[:3], code[:2]) if part in _POSTGRESQL), None)
    return _LOST if context.is_disconnect else found
