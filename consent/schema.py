"""Bring a registry database to the newest revision.

What belongs here: calling Alembic from code. What does not: the revisions (`migrations/versions`).
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

VERSION_TABLE = "cradlepath_registry_version"
"""Alembic's own table, named so that it cannot meet another program's in a shared PostgreSQL database."""

_LOCK = 7_246_511_903  # any constant: the advisory lock that two starting processes take in turn


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for the packaged revisions, bound to `connection`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the missing revisions inside the connection's transaction; two processes at once wait in turn."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
    command.upgrade(alembic_config(connection), revision)
