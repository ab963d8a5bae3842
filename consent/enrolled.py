"""Whether anybody is enrolled in a registry: asked before every command, so without SQLAlchemy where it can be.

What belongs here: this one question, which fails closed. What does not: who it is (`people`).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_SQLITE = "sqlite:///"
_ASKED = "select 1 from person_event limit 1"


class RegistryUnreadableError(Exception):
    """The registry is there and does not say who is enrolled: nothing is opened; one line."""


def anybody_enrolled(url: str) -> bool:
    """Say whether anybody was ever enrolled in the registry at `url`; False where there is none yet.

    Raises RegistryUnreadableError when it cannot be told.
    """
    if url.startswith(_SQLITE):
        return _in_file(Path(url.removeprefix(_SQLITE).partition("?")[0]))
    return _on_server(url)


def _in_file(file: Path) -> bool:
    if not file.exists():
        return False
    try:
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            made = connection.execute("select 1 from sqlite_master where name = 'person_event'").fetchone()
            return made is not None and connection.execute(_ASKED).fetchone() is not None
    except sqlite3.Error as error:
        raise _unreadable(f"{file} cannot be read ({type(error).__name__})") from None


def _on_server(url: str) -> bool:
    from sqlalchemy import inspect, text  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from consent.errors import RegistryError  # noqa: PLC0415
    from consent.registry import engine_of  # noqa: PLC0415

    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            made = inspect(connection).has_table("person_event")
            return made and connection.execute(text(_ASKED)).first() is not None
    except (SQLAlchemyError, RegistryError) as error:
        raise _unreadable(f"its server does not answer ({type(error).__name__})") from None
    finally:
        engine.dispose()


def _unreadable(found: str) -> RegistryUnreadableError:
    return RegistryUnreadableError(
        f"the registry does not say who may use this workspace: {found}; mend that, or restore a backup"
    )
