"""Apply the consent gate between ledger and spine, and count every row that it takes out.

What belongs here: marking refused children and sources, counting rows and children into `nights.duckdb`. What does not:
what the gate is told about the night (`told`), what was taken out since last night (`revoked`), precedence
(`consent.decisions`), keeping decisions (`consent.ledger`).

The counts are the hub's own: a reader of releases never sees how many families refused in a small source.
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from assets.night import Night
from assets.spine.declared import snake
from assets.spine.revoked import Revoked, note_newly_refused
from assets.spine.told import find_birth_years, find_former_children, namespaces, night_questions
from consent.gate import OPT_IN, Pending, decide, keep_namespaces
from consent.ledger import ConsentLedger
from mou_policies.policy import Policy


@dataclass(frozen=True)
class Drop:
    """Rows of one source that one scope took out of the spine, and the children they belong to."""

    scope: str
    source: str
    rows: int
    children: int


@dataclass(frozen=True)
class TableCount:
    """Reconciliation of one content table: rows = kept + refused + unlinked."""

    source: str
    table: str
    rows: int
    kept: int
    refused: int
    unlinked: int


@dataclass(frozen=True)
class Gate:
    """What the gate did tonight: drops by scope and source, rows by table, forms that reach no child yet.

    `revoked` counts the children that it took out of what was last night's spine.
    """

    drops: tuple[Drop, ...] = ()
    tables: tuple[TableCount, ...] = ()
    pending: tuple[Pending, ...] = ()
    revoked: tuple[Revoked, ...] = ()

    @property
    def children(self) -> int:
        """Largest number of children that one scope takes out of one source."""
        return max((drop.children for drop in self.drops), default=0)


def apply_gate(connection: duckdb.DuckDBPyConnection, night: Night) -> Gate:
    """Leave `refused_child`, `refused_source` and `spine.main.spine_member` behind; return the counts.

    The connection has `record_child` and the attached databases `content` and `spine`.
    """
    spaces = namespaces(night.policy)
    form_sources, pending = judge_night(connection, night)
    _make_members(connection, form_sources, sorted(set(spaces.values())))
    tables, drops = _count(connection, night.policy, spaces)
    return Gate(tuple(drops), tuple(tables), tuple(pending), tuple(note_newly_refused(connection, night)))


def judge_night(connection: duckdb.DuckDBPyConnection, night: Night) -> tuple[list[str], list[Pending]]:
    """Leave what `consent.gate.decide` does in `connection`; return the sources of forms, and what reaches nobody.

    The connection has `record_child` and the attached database `content`.
    """
    policy = night.policy
    spaces = namespaces(policy)
    form_sources = _form_sources(connection, sorted(set(spaces.values())))
    with ConsentLedger(night.paths.registry_url) as ledger:
        ledger.load_standing(connection, night.date)
    keep_namespaces(connection, spaces)
    find_birth_years(connection, policy, spaces)
    find_former_children(connection, night, form_sources)
    return form_sources, decide(connection, form_sources, night_questions(policy), night.date)


def _form_sources(connection: duckdb.DuckDBPyConnection, content: list[str]) -> list[str]:
    """Return every source of the child-ID ledger that no content in force comes from: forms are of one of them.

    So a refusal holds after the agreement has ended under which its form came.
    """
    found = connection.execute(
        "select distinct source from record_child where not list_contains($content, source) order by source",
        {"content": content},
    ).fetchall()
    return [source for (source,) in found]


def _make_members(connection: duckdb.DuckDBPyConnection, form_sources: list[str], sources: list[str]) -> None:
    """Create `spine_member(child_id)`: children of a source in force, none refused entirely.

    A source that is opt-in makes nobody a member who did not opt in.
    """
    connection.execute(
        """
        create table spine.main.spine_member as
        with opted_out as (
            select child_id, namespace
            from consent_namespace
            join refused_source using (source)
            group by child_id, namespace
            having bool_and(scope = $opt_in)
        )
        select distinct child_id
        from record_child as link
        where
            not list_contains($form_sources, source)
            and list_contains($sources, source)
            and child_id not in (select child_id from refused_child)
            and not exists (
                select 1 from opted_out
                where opted_out.child_id = link.child_id and opted_out.namespace = link.source
            )
        order by child_id
        """,
        {"form_sources": form_sources, "sources": sources, "opt_in": OPT_IN},
    )


def _count(
    connection: duckdb.DuckDBPyConnection, policy: Policy, spaces: dict[str, str]
) -> tuple[list[TableCount], list[Drop]]:
    """Count rows of every content table that has record keys: kept, refused by scope, not linked."""
    held = dict(
        connection.execute(
            "select table_name, true from duckdb_columns() "
            "where database_name = 'content' and column_name = 'record_key' order by table_name"
        ).fetchall()
    )
    connection.execute("create temp table gate_row (source varchar, scope varchar, child_id varchar, rows bigint)")
    tables: list[TableCount] = []
    for source, namespace in spaces.items():
        for table in policy.sources[source].tables:
            name = f"{source}__{snake(table)}"
            if name in held:
                tables.append(_count_table(connection, name, source, table, namespace))
    drops = connection.execute(
        """
        select scope, source, sum(rows)::bigint, count(distinct child_id)
        from gate_row group by scope, source order by scope, source
        """
    ).fetchall()
    return tables, [Drop(*row) for row in drops]


def _count_table(
    connection: duckdb.DuckDBPyConnection, name: str, source: str, table: str, namespace: str
) -> TableCount:
    connection.execute(
        f"""
        insert into gate_row
        select $source, refused.scope, refused.child_id, count(*)
        from content.main.{name} as c
        join record_child as link on link.source = $namespace and link.record_key = c.record_key
        join refused_source as refused on refused.child_id = link.child_id and refused.source = $source
        group by all
        """,
        {"source": source, "namespace": namespace},
    )
    rows, linked, refused = connection.execute(
        f"""
        select count(*), count(link.child_id), count(refused.child_id)
        from content.main.{name} as c
        left join record_child as link on link.source = $namespace and link.record_key = c.record_key
        left join refused_source as refused on refused.child_id = link.child_id and refused.source = $source
        """,
        {"source": source, "namespace": namespace},
    ).fetchall()[0]
    return TableCount(source, table, rows, linked - refused, refused, rows - linked)


@dataclass(frozen=True)
class Taken:
    """What families' decisions did on a night: children newly refused entirely, forms that reach no child, rows out."""

    newly_refused: int
    pending: int
    rows: int


def taken_on(nights: Path, night: date) -> Taken:
    """Return what the gate did on a night, from the book of nights; nothing for a night that it has no page of."""
    if not nights.is_file():
        return Taken(0, 0, 0)
    sums = (("consent_revoked", "children"), ("consent_pending", "forms"), ("consent_drops", "rows"))
    with duckdb.connect(str(nights), read_only=True) as connection:
        held = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        found = [
            connection.execute(f"select sum({column}) from {table} where night = $night", {"night": night}).fetchall()
            for table, column in sums
            if table in held
        ]
    return Taken(*(int(rows[0][0] or 0) for rows in found)) if len(found) == len(sums) else Taken(0, 0, 0)


def record_gate(nights: Path, night: date, gate: Gate) -> None:
    """Write the night's counts into `nights.duckdb`, replacing those of an earlier run of the same night."""
    with duckdb.connect(str(nights)) as connection:
        connection.execute(
            """
            create table if not exists consent_drops (
                night date, scope varchar, source varchar, rows bigint, children bigint
            );
            create table if not exists consent_pending (night date, scope varchar, decision varchar, forms bigint);
            create table if not exists consent_revoked (night date, scope varchar, children bigint);
            create table if not exists spine_counts (
                night date, source varchar, table_name varchar, rows bigint, kept bigint, refused bigint,
                unlinked bigint
            );
            begin
            """
        )
        for table, rows in (
            ("consent_drops", [(night, d.scope, d.source, d.rows, d.children) for d in gate.drops]),
            ("consent_pending", [(night, p.scope, p.decision, p.forms) for p in gate.pending]),
            ("consent_revoked", [(night, r.scope, r.children) for r in gate.revoked]),
            (
                "spine_counts",
                [(night, t.source, t.table, t.rows, t.kept, t.refused, t.unlinked) for t in gate.tables],
            ),
        ):
            connection.execute(f"delete from {table} where night = $night", {"night": night})
            if rows:
                marks = ", ".join("?" for _ in rows[0])
                connection.executemany(f"insert into {table} values ({marks})", rows)
        connection.execute("commit")
