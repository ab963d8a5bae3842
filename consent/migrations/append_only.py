"""Triggers that refuse a change, for both engines: SQL that revisions share.

Like a revision, what is here is never edited once released; a new rule gets a new function.
"""

# Names in these statements are literals of the revisions.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator


def refuse_changes(dialect: str, table: str) -> Iterator[str]:
    """Yield the statements that make a table refuse UPDATE and DELETE (and TRUNCATE, on PostgreSQL)."""
    refusal = f"{table} is append-only: record a new event instead"
    if dialect == "sqlite":
        for verb in ("update", "delete"):
            yield (
                f"create trigger {table}_no_{verb} before {verb} on {table} begin select raise(abort, '{refusal}'); end"
            )
        return
    yield (
        f"create or replace function {table}_refuse() returns trigger language plpgsql as "
        f"$$ begin raise exception '{refusal}'; end $$"
    )
    yield (
        f"create trigger {table}_no_change before update or delete on {table} "
        f"for each row execute function {table}_refuse()"
    )
    yield from refuse_truncate(table)


def refuse_truncate(table: str) -> Iterator[str]:
    """Yield the statement by which PostgreSQL refuses to empty a table whose function `<table>_refuse` is there."""
    yield (
        f"create trigger {table}_no_truncate before truncate on {table} "
        f"for each statement execute function {table}_refuse()"
    )


def erase_only_what_is_recorded(dialect: str) -> Iterator[str]:
    """Yield the statements by which `audit_payload` refuses a change, and a deletion that no erasure records."""
    changed = "audit_payload is append-only: destroy a payload by recording its erasure"
    if dialect == "sqlite":
        yield (
            "create trigger audit_payload_no_update before update on audit_payload "
            f"begin select raise(abort, '{changed}'); end"
        )
        yield (
            "create trigger audit_payload_no_delete before delete on audit_payload "
            "when not exists (select 1 from audit_erasure where sequence = old.sequence) "
            f"begin select raise(abort, '{changed}'); end"
        )
        return
    yield (
        "create or replace function audit_payload_refuse() returns trigger language plpgsql as $$ begin "
        "if tg_op = 'DELETE' and exists (select 1 from audit_erasure where sequence = old.sequence) "
        f"then return old; end if; raise exception '{changed}'; end $$"
    )
    yield (
        "create trigger audit_payload_no_change before update or delete on audit_payload "
        "for each row execute function audit_payload_refuse()"
    )
    yield from refuse_truncate("audit_payload")
