"""The trail as it lies in the database, read once in the order of its numbers, whatever somebody has put into it.

What belongs here: queries, and reading that no stored value can stop. What does not: judging what was read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import methodcaller
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DatabaseError

from consent.trail import digest_of
from consent.trail_errors import TrailError

CHUNK = 5_000
"""Events read at a time."""

_EVENTS = """
    select
        coalesce(cast(e.sequence as bigint), 0),
        e.previous, e.kind, e.actor, e.recorded_at, e.subject, e.commitment, e.digest,
        p.salt, p.payload, cast(x.erased_by as bigint)
    from audit_event as e
    left join audit_payload as p on p.sequence = e.sequence
    left join audit_erasure as x on x.sequence = e.sequence
    order by e.sequence
"""

NAMED_BY: dict[str, tuple[str, tuple[str, ...]]] = {
    "audit_payload": ("sequence", ()),
    "audit_erasure": ("sequence", ()),
    "disclosure": ("audit_sequence", ("disclosure", "release", "query", "return")),
    "person_event": ("audit_sequence", ("person", "key", "sign_in")),
    "destruction": ("audit_sequence", ("destruction",)),
}
"""Tables of the registry whose rows name events, the column that does, and which kinds of event that can be (any).

A row that names an event is evidence that there was one.
"""


class Row(NamedTuple):
    """One event with what is kept of its payload and of its erasure; types as they should be."""

    sequence: int
    previous: str
    kind: str
    actor: str
    recorded_at: str
    subject: str
    commitment: str
    digest: str
    salt: bytes | None
    payload: str | None
    erased_by: int | None

    def digest_as(self, sequence: int) -> str | None:
        """Return the digest that the event would have under a number, None for what no writer wrote."""
        public = dict(zip(self._fields[:7], self[:7], strict=True))
        try:
            return digest_of(public | {"sequence": sequence})
        except (TypeError, ValueError):
            return None


@contextmanager
def reading(registry: Engine | Connection) -> Iterator[Connection]:
    """Open a transaction that sees one state of the registry and cannot write; a connection is used as it is.

    Raises TrailError for a registry without a trail, and for one that cannot be read.
    """
    try:
        with _connected(registry) as connection:
            if not inspect(connection).has_table("audit_event"):
                raise TrailError(
                    "found no audit trail in the registry, expected its tables; run a night with this version first, "
                    "or name the registry that holds the trail"
                )
            with _any_text(connection):
                yield connection
    except DatabaseError as error:
        raise TrailError(
            f"the registry cannot be read whole ({type(error).__name__}), expected the tables that this version makes; "
            "it may be damaged or somebody may have changed its tables: keep it as it is, and read a backup"
        ) from None


def _connected(registry: Engine | Connection) -> AbstractContextManager[Connection]:
    if isinstance(registry, Connection):
        return nullcontext(registry)
    if registry.dialect.name == "postgresql":
        registry = registry.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return registry.connect()


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Let SQLite hand out text that is no UTF-8, as only another program can have written it."""
    driver: Any = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    before = driver.text_factory
    driver.text_factory = methodcaller("decode", "utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


def events(connection: Connection) -> Iterator[Row]:
    """Yield every event in the order of its number."""
    found = connection.execute(text(_EVENTS), execution_options={"yield_per": CHUNK})
    for chunk in found.partitions():
        yield from map(Row._make, chunk)


def place_of(connection: Connection, digest: str) -> int | None:
    """Return the number of the event that has a digest."""
    query = text("select min(cast(sequence as bigint)) from audit_event where digest = :digest")
    found = connection.execute(query, {"digest": digest}).scalar()
    return None if found is None else int(found)


def committed_as(connection: Connection, commitment: str) -> int | None:
    """Return the number of the event that holds a commitment."""
    query = text("select min(cast(sequence as bigint)) from audit_event where commitment = :commitment")
    found = connection.execute(query, {"commitment": commitment}).scalar()
    return None if found is None else int(found)


def erasures(connection: Connection) -> list[tuple[int, str, bytes | None, str | None]]:
    """Return number, commitment, salt and payload of every event of kind `erasure`."""
    query = """
        select coalesce(cast(e.sequence as bigint), 0), e.commitment, p.salt, p.payload
        from audit_event as e
        left join audit_payload as p on p.sequence = e.sequence
        where e.kind = 'erasure'
        order by e.sequence
    """
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(text(query))]


def checkpoints(connection: Connection) -> list[Any]:
    """Return every row of `audit_checkpoint` in the order of its number."""
    query = """
        select coalesce(cast(sequence as bigint), 0), digest, signed_at, key, signature
        from audit_checkpoint
        order by sequence
    """
    return list(connection.execute(text(query)))


class Naming(NamedTuple):
    """Rows of a table that name events which are not there, or are of a kind they cannot be of (`kind` says which)."""

    table: str
    first: int
    last: int
    rows: int
    kind: str | None = None


def naming_no_event(connection: Connection, end: int) -> list[Naming]:
    """Return the rows that name an event after the last one, `end`, or a number that no event can have."""
    found = []
    for table, (column, _) in NAMED_BY.items():
        number = f"cast({column} as bigint)"
        for where in (f"{number} > :end", f"{number} < 1 and :end >= 0"):
            query = f"select min({number}), max({number}), count(*) from {table} where {where}"  # noqa: S608
            first, last, rows = connection.execute(text(query), {"end": end}).one()
            if rows:
                found.append(Naming(table, first, last, rows))
    return found


def naming_another_kind(connection: Connection) -> list[Naming]:
    """Return, event by event, the rows that name an event of a kind that their table cannot come from."""
    found: list[Naming] = []
    for table, (column, kinds) in NAMED_BY.items():
        if kinds:
            query = f"""
                select coalesce(cast(e.sequence as bigint), 0), e.kind, count(*)
                from {table} as t
                join audit_event as e on e.sequence = t.{column}
                where e.kind not in ({", ".join(f"'{kind}'" for kind in kinds)})
                group by e.sequence, e.kind
                order by e.sequence
                limit {CHUNK}
            """  # noqa: S608  (names are literals above)
            found += [Naming(table, row[0], row[0], row[2], row[1]) for row in connection.execute(text(query))]
    return found


def recorded_after(connection: Connection, number: int) -> str:
    """Return the time of the first event after a number, nothing if there is none."""
    query = "select recorded_at from audit_event where sequence > :number order by sequence limit 1"
    return connection.execute(text(query), {"number": number}).scalar() or ""


def size(connection: Connection) -> tuple[int, int]:
    """Return how many events there are, and the highest number."""
    query = "select count(*), coalesce(max(cast(sequence as bigint)), 0) from audit_event"
    count, highest = connection.execute(text(query)).one()
    return count, highest
