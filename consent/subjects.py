"""Whom an event is about: the child that its form links to, the record it names, the child ID the hub wrote.

What belongs here: joining events with children, and what a child was before a merge or a split. What does not: which
events stand (`standing`), what they come to (`decisions`).

Children are numbered here (`consent_child`), for the length of one connection: a decision joins millions of them.

A child is judged in parts where it was merged or split. A part is what was one child before that night: decisions
recorded by then speak in their own part alone, later ones in every part, and the most restrictive part wins. So a merge
never lets one child's grant open what the other's family had refused, until that family speaks again.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

_NUMBERED = """
    create or replace temp table consent_child as
    -- a form that matched nobody has a child ID of its own, which is no child of the city yet
    with known as (
        select distinct child_id from record_child where not list_contains($form_sources, source)
    )
    select child_id, row_number() over ()::integer as child from known
"""

_REACHED = """
    create or replace temp table consent_reached as
    with form as (
        select
            sequence, record_key, about_source, about_record, child_id, said, month, night
        from consent_form join consent_said using (decision, scope, terms)
    ),
    by_link as (
        select form.* exclude (child_id), link.child_id
        from form
        join record_child as link
            on list_contains($form_sources, link.source) and link.record_key = form.record_key
        where form.child_id is null
    ),
    by_named_record as (
        select form.* exclude (child_id), link.child_id
        from form
        left join consent_namespace as shared on shared.source = form.about_source
        join record_child as link
            on link.source = coalesce(shared.namespace, form.about_source)
            and link.record_key = form.about_record
        where form.about_record is not null
    ),
    by_child_id as (
        select form.* exclude (child_id), coalesce(child_now.now, form.child_id) as child_id
        from form
        left join child_now on child_now.child_id = form.child_id
        where form.child_id is not null
    ),
    reached as (
        select * from by_link union all select * from by_named_record union all select * from by_child_id
    )
    select sequence, child, said, month, night from reached join consent_child using (child_id)
"""

_PARTS = """
    create or replace temp table consent_part as
    select child, before_night, dense_rank() over (order by child_part.part)::integer as part, child_part.part as name
    from child_part join consent_child using (child_id)
"""

_IN_PARTS = """
    create or replace temp table consent_subject as
    -- `part` 0 is the child as it is now, with everything that reaches it
    with own as (
        select distinct part.part, sequence, said, month
        from consent_part as part
        join child_part_record as held on held.part = part.name
        join consent_form as form
            on form.night < part.before_night
            and (
                (form.child_id is null and form.record_key = held.record_key)
                or form.about_record = held.record_key
                or form.child_id = held.child_id
            )
        join consent_said using (decision, scope, terms)
    )
    select sequence, child, 0 as part, said, month from consent_reached
    union all
    select own.sequence, part.child, part, said, month from own join consent_part as part using (part)
    union all
    select reached.sequence, child, part.part, said, month
    from consent_reached as reached
    join consent_part as part using (child)
    where night >= part.before_night
"""

_OPTIONAL = {
    "child_now": "child_id varchar, now varchar",
    "child_part": "child_id varchar, part varchar, before_night date",
    "child_part_record": "part varchar, record_key blob, child_id varchar",
    "birth_year": "child_id varchar, birth_year integer",
    "consent_namespace": "source varchar, namespace varchar",
}


def resolve_subjects(connection: duckdb.DuckDBPyConnection, form_sources: Sequence[str]) -> None:
    """Say whom every form reaches, as relations in `connection`; `form_sources` are the sources of forms themselves.

    `consent_child` (child_id, child) and `consent_subject` (sequence, child, part, said, month). The connection has
    what `standing.load_standing` and `questions.ask` left, and `record_child` (source, record_key, child_id). It may
    have `consent_namespace` (source, namespace): whose record keys a source uses; `child_now` (child_id, now): which
    ID stands for one that is no longer valid; `child_part` (child_id, part, before_night) and `child_part_record`
    (part, record_key, child_id): what a child was before a night, by the records that were it then (a record key, or
    the child ID it had; the other null).
    """
    optional_relations(connection)
    connection.execute(_NUMBERED, {"form_sources": list(form_sources)})
    connection.execute(_REACHED, {"form_sources": list(form_sources)})
    connection.execute(_PARTS)
    connection.execute(_IN_PARTS)


def optional_relations(connection: duckdb.DuckDBPyConnection) -> None:
    """Make those relations that the caller did not give, empty."""
    held = {row[0] for row in connection.execute("show tables").fetchall()}
    for name, columns in _OPTIONAL.items():
        if name not in held:
            connection.execute(f"create temp table {name} ({columns})")
