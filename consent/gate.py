"""The gate between the child-ID ledger and the spine: which children and which sources of theirs are refused.

What belongs here: joining forms in effect with children, the rule of precedence, and the relations that say
who is refused. What does not: keeping decisions (`ledger`), taking the rows out and counting them
(`assets.spine`, which owns the tables).

Precedence, for one child and one scope: the latest effective month wins, at equal month the most restrictive
decision. Scopes are judged apart, so a grant lifts a refusal of its own scope only. After two children's
records are merged, all their forms speak about the one child, and the same rule holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from consent.vocabulary import vocabulary

_FORM_CHILD = """
    create or replace temp table consent_form_child as
    with child_of_another_source as (
        -- a form that matched nobody has a child ID of its own, which is no child of the city yet
        select distinct child_id from record_child where source <> $form_source
    ),
    by_link as (
        select form.record_key, link.child_id
        from consent_form as form
        join record_child as link on link.source = $form_source and link.record_key = form.record_key
    ),
    by_named_record as (
        select form.record_key, link.child_id
        from consent_form as form
        left join consent_namespace as shared on shared.source = form.about_source
        join record_child as link
            on link.source = coalesce(shared.namespace, form.about_source)
            and link.record_key = form.about_record
    ),
    reached as (
        select * from by_link union select * from by_named_record
    )
    select reached.record_key, child_id, form.scope, form.decision, form.effective_month
    from reached
    join child_of_another_source using (child_id)
    join consent_form as form using (record_key)
"""

_REFUSED_CHILD = """
    create or replace temp table refused_child as
    with latest as (
        select child_id, scope, decision
        from consent_form_child
        join consent_decision using (decision)
        qualify row_number() over (
            partition by child_id, scope order by effective_month desc, consent_decision.rank desc
        ) = 1
    )
    select child_id, scope
    from latest
    join consent_decision using (decision)
    where restricts
    order by child_id, scope
"""

_REFUSED_SOURCE = """
    create or replace temp table refused_source as
    -- each child and source once, under the widest scope that takes it out, so that drops partition
    with reach as (
        select child_id, scope, scope_order, scope_source.source
        from refused_child
        join consent_scope_source as scope_source using (scope)
    )
    select child_id, source, arg_min(scope, scope_order) as scope
    from reach
    group by child_id, source
"""

_PENDING = """
    select scope, decision, count(*) as forms
    from consent_form
    where not exists (
        select 1 from consent_form_child where consent_form_child.record_key = consent_form.record_key
    )
    group by scope, decision
    order by scope, decision
"""


@dataclass(frozen=True)
class Pending:
    """Forms of one scope and decision that reach no child yet; they are kept and tried again every night."""

    scope: str
    decision: str
    forms: int


def decide(
    connection: duckdb.DuckDBPyConnection,
    forms: pa.Table,
    form_source: str,
    namespaces: Mapping[str, str],
) -> list[Pending]:
    """Leave `refused_child` and `refused_source` in `connection`, and return the forms that reach no child.

    `connection` has a relation `record_child(source, record_key, child_id)`; `forms` is what
    `ConsentLedger.active` returns; `form_source` the source id of the forms themselves; `namespaces` maps
    every content source of the night to the source whose record keys it uses (often itself).

    `refused_child(child_id, scope)`: every refusal in effect. `refused_source(child_id, source, scope)`: the
    content that must not reach the spine, for a refusal of the whole child under every source.
    """
    _register(connection, forms, namespaces)
    connection.execute(_FORM_CHILD, {"form_source": form_source})
    connection.execute(_REFUSED_CHILD)
    connection.execute(_REFUSED_SOURCE)
    pending = [Pending(*row) for row in connection.execute(_PENDING).fetchall()]
    connection.unregister("consent_form")
    return pending


def _register(connection: duckdb.DuckDBPyConnection, forms: pa.Table, namespaces: Mapping[str, str]) -> None:
    """Make forms and vocabulary known to the connection as relations."""
    words = vocabulary()
    connection.register("consent_form", forms)
    _table(
        connection,
        "consent_namespace (source varchar, namespace varchar)",
        sorted(namespaces.items()),
    )
    _table(
        connection,
        "consent_decision (decision varchar, rank integer, restricts boolean)",
        [(word.name, word.rank, word.restricts) for word in words.decisions.values()],
    )
    _table(
        connection,
        "consent_scope_source (scope varchar, scope_order integer, source varchar)",
        [
            (scope.name, scope.order, source)
            for scope in words.scopes.values()
            for source in sorted(namespaces)
            if scope.effect == "child" or scope.name in words.areas_of(source)
        ],
    )


def _table(connection: duckdb.DuckDBPyConnection, declaration: str, rows: list[tuple[object, ...]]) -> None:
    """Create a small temporary table from literal rows."""
    name = declaration.split(" ", 1)[0]
    connection.execute(f"create or replace temp table {declaration}")
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        connection.executemany(f"insert into {name} values ({marks})", rows)  # noqa: S608 - names are literals
