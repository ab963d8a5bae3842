"""How the registry's tables come into being: Alembic revisions, the same for SQLite and PostgreSQL."""
