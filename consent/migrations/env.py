"""Alembic's door: run the revisions on the connection that `consent.schema.upgrade` hands over.

No `alembic.ini`: the script folder and the connection come from the code, so a workspace needs no second
file.
"""

from __future__ import annotations

from alembic import context

from consent.schema import VERSION_TABLE
from consent.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
