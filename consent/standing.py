"""What of the ledger stands on a night: the newest event of every form, known by then and in effect.

What belongs here: which events those are. What does not: recording (`ledger`), the drivers (`streaming`), whom an event
is about and what it means for a question (`subjects`, `decisions`).

An event is known from the night it was recorded, in effect from the first day of its effective month to the last day of
its expiry month. A form without an effective month is in effect from the month it was signed; without either, what
opens something (a grant, an exception) never is, and everything else is from the night it arrived.
"""

# Names in these statements are the ledger's own columns, never data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import Engine, Select, case, func, select

from consent.streaming import EVENT_SCHEMA, read_events
from consent.tables import consent_event
from consent.terms import TERMS_SCHEMA
from consent.vocabulary import vocabulary

RECORD_KEY = pa.binary(16)

_NARROW = (
    "sequence",
    "record_key",
    "decision",
    "scope",
    "effective_month",
    "recorded_night",
    "terms_id",
)
_NAMING = ("sequence", "record_key", "about_source", "about_record", "child_id")
_OPTIONAL = ("about_source", "about_record", "signed_month", "terms_id", "child_id", "expiry_month")


_NAMED = """
    create or replace temp table consent_named as
    select
        sequence, nullif(about_source, '') as about_source, nullif(about_record, ''::blob) as about_record,
        nullif(child_id, '') as child_id
    from consent_stream
"""


def load_standing(connection: duckdb.DuckDBPyConnection, engine: Engine, on: date, terms: pa.Table) -> None:
    """Leave the newest event of every form in effect on the night `on` in `connection`, and the terms.

    `consent_form` (sequence, record_key, decision, scope, about_source, about_record, month, night, terms, child_id):
    null for what a form does not say, `terms` 0 for a form without terms; `month` from which it is in effect as
    year * 12 + month, `night` a date on which it was recorded. Narrow columns, because there are millions of rows.
    `consent_terms` is TERMS_SCHEMA with its number, `terms`, from 1. A form with terms that are not there has -1.
    """
    connection.register("consent_given", terms.cast(TERMS_SCHEMA))
    connection.execute(
        """
        create or replace temp table consent_terms as
        select row_number() over (order by terms_id)::integer as terms, * from consent_given
        """
    )
    connection.unregister("consent_given")
    with read_events(engine, on, _NAMING, that_name_somebody=True) as events:
        connection.register("consent_stream", events)
        connection.execute(_NAMED)
        connection.unregister("consent_stream")
    _load(
        connection,
        engine,
        on,
        _NARROW,
        """
        about_source, about_record,
        (effective_month[:4]::integer * 12 + effective_month[6:]::integer)::smallint as month,
        recorded_night::date as night,
        case when coalesce(terms_id, '') = '' then 0 else coalesce(terms, -1) end as terms,
        consent_named.child_id
        """,
        "left join consent_named using (sequence)",
    )


def active(engine: Engine, on: date) -> pa.Table:
    """Return the newest event of every form, as known and in effect on the night `on` (EVENT_SCHEMA)."""
    bare = [f"nullif({name}, ''{'::blob' if name == 'about_record' else ''}) as {name}" for name in _OPTIONAL]
    with duckdb.connect() as connection:
        connection.execute("create temp table consent_terms (terms_id varchar)")
        listed = ", ".join(["event_id", "effective_month", "unreadable", "recorded_night", *bare])
        _load(connection, engine, on, EVENT_SCHEMA.names, listed)
        found = connection.sql(f"select {', '.join(EVENT_SCHEMA.names)} from consent_form order by sequence")
        return found.to_arrow_table().cast(EVENT_SCHEMA)


def state(engine: Engine, on: date) -> pa.Table:
    """Return how many forms are in effect on the night `on`: scope, decision, forms, unreadable."""
    with duckdb.connect() as connection:
        connection.execute("create temp table consent_terms (terms_id varchar)")
        _load(connection, engine, on, (*_NARROW, "unreadable"), "unreadable")
        return connection.sql(
            """
            select scope, decision, count(*) as forms, sum(unreadable)::bigint as unreadable
            from consent_form group by scope, decision order by scope, decision
            """
        ).to_arrow_table()


def _load(
    connection: duckdb.DuckDBPyConnection,
    engine: Engine,
    on: date,
    columns: Sequence[str],
    listed: str,
    joined: str = "",
) -> None:
    """Stream `columns` of the events into `consent_form`, keep `listed` ones, and those that stand."""
    words = vocabulary()
    for name, listing in (("consent_decisions", words.decisions), ("consent_scopes", words.scopes)):
        quoted = ", ".join(f"'{word}'" for word in listing)
        connection.execute(f"create or replace type {name} as enum ({quoted})")
    with read_events(engine, on, columns) as events:
        connection.register("consent_stream", events)
        connection.execute(
            f"""
            create or replace temp table consent_form as
            select
                sequence, record_key, decision::consent_decisions as decision, scope::consent_scopes as scope, stands,
                {listed}
            from consent_stream left join consent_terms using (terms_id) {joined}
            """
        )
        connection.unregister("consent_stream")
    connection.execute(
        """
        with superseded as (
            select record_key, max(sequence) as newest from consent_form group by record_key having count(*) > 1
        )
        delete from consent_form
        using superseded
        where consent_form.record_key = superseded.record_key and sequence < newest
        """
    )
    connection.execute("delete from consent_form where stands = 0")
    connection.execute("alter table consent_form drop stands")


def linkage_optouts(engine: Engine, source: str | Collection[str], on: date) -> pa.Array:
    """Return the record keys (binary(16)) of `source` whose tokens must not be stored on the night `on`.

    These are the agency's own records that forms of scope `linkage` name. Where several forms name one record the
    latest wins, at equal time the most restrictive. `source` may be several ids that share record keys.
    """
    sources = sorted({source} if isinstance(source, str) else set(source))
    events = consent_event.c
    # A night asks this of every source several times: only the forms that ever were about it are looked at.
    about = select(events.record_key).where(events.about_source.in_(sources), events.scope == "linkage")
    current = latest(on.isoformat(), about).subquery()
    arrived = func.substr(current.c.recorded_night, 1, 7)
    written = func.coalesce(current.c.effective_month, current.c.signed_month)
    effective = func.coalesce(written, arrived)
    words = [word for word in vocabulary().decisions.values() if word.effect in {"grant", "refuse"}]
    place = func.row_number().over(
        partition_by=current.c.about_record,
        order_by=(effective.desc(), case({w.name: w.rank for w in words}, value=current.c.decision).desc()),
    )
    month = on.isoformat()[:7]
    named = (
        select(current.c.about_record, current.c.decision, place.label("place"))
        .where(current.c.scope == "linkage", current.c.about_source.in_(sources))
        .where(current.c.about_record.is_not(None), current.c.decision.in_([w.name for w in words]))
        .where(effective <= month, func.coalesce(current.c.expiry_month, month) >= month)
        .where(written.is_not(None) | current.c.decision.in_([w.name for w in words if w.restricts]))
        .subquery()
    )
    refused = (
        select(named.c.about_record)
        .where(named.c.place == 1, named.c.decision.in_([w.name for w in words if w.restricts]))
        .order_by(named.c.about_record)
    )
    with engine.connect() as connection:
        return pa.array(connection.execute(refused).scalars().all(), RECORD_KEY)


def latest(known_by: str | None = None, of_forms: Select[Any] | None = None) -> Select[Any]:
    """Select the newest event of every form (EVENT_SCHEMA), as known on the night `known_by` ('YYYY-MM-DD')."""
    newest = select(func.max(consent_event.c.sequence).label("sequence")).group_by(consent_event.c.record_key)
    if known_by is not None:
        newest = newest.where(consent_event.c.recorded_night <= known_by)
    if of_forms is not None:
        newest = newest.where(consent_event.c.record_key.in_(of_forms))
    newest_event = newest.subquery()
    columns = [consent_event.c[name] for name in EVENT_SCHEMA.names]
    return select(*columns).join(newest_event, newest_event.c.sequence == consent_event.c.sequence)
