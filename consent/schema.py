"""Bring a registry database to the newest revision.

What belongs here: calling Alembic from code. What does not: the revisions (`migrations/versions`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from consent.database_errors import place_of
from consent.errors import RegistryError

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "cradlepath_registry_version"
"""Alembic's own table, named so that it cannot meet another program's in a shared PostgreSQL database."""

HEAD = "0003"
"""The newest revision; a database that is there already is left alone."""

_LOCK = 7_246_511_903  # any constant: the advisory lock that two starting processes take in turn


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for the packaged revisions, bound to `connection`."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Run the missing revisions inside the connection's transaction; two processes at once wait in turn.

    Raises `RegistryError` for a database at a revision that this version does not know: it would not know its rules
    either.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
    # A third of a second to import: only a change of revision needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config, found = alembic_config(connection), revision_of(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise RegistryError(
            f"{place_of(connection.engine.url)}: found revision {found}, made by a newer version of Cradlepath; this "
            f"one knows revisions up to {HEAD}; nothing was changed; install the newer version"
        )
    command.upgrade(config, revision)


def revision_of(connection: Connection) -> str | None:
    """Return the revision a registry is at, None for a database without one."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"select version_num from {VERSION_TABLE}")).scalar()  # noqa: S608
    return str(found) if found is not None else None
