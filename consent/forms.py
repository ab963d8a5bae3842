"""Forms as they come from the content store, made into events of the ledger: set-based, in memory.

What belongs here: cleaning decision and scope, finding what is new about a form, an event's id. What does
not: the database that keeps events (`ledger`).

A form is identified by its own record key. Its first event and every later change are chained: an event's id
is the digest of its content and of the form's event before it, so recording the same forms again adds
nothing, and a form that is corrected back to what it said before is still a new event.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from consent.vocabulary import vocabulary

FORM_COLUMNS = (
    "record_key",
    "decision",
    "scope",
    "about_source",
    "about_record",
    "signed_month",
    "effective_month",
)
"""Columns of a table of forms; `record_key` and `about_record` are 16 bytes, months are text 'YYYY-MM'."""

FORM_SCHEMA = pa.schema(
    [
        ("record_key", pa.binary()),
        ("decision", pa.string()),
        ("scope", pa.string()),
        ("about_source", pa.string()),
        ("about_record", pa.binary()),
        ("signed_month", pa.string()),
        ("effective_month", pa.string()),
    ]
)

_NEW_EVENTS = """
    with cleaned as (
        select
            record_key,
            replace(replace(lower(trim(decision)), '-', '_'), ' ', '_') as decision,
            replace(replace(lower(trim(scope)), '-', '_'), ' ', '_') as scope,
            nullif(lower(trim(about_source)), '') as about_source,
            about_record,
            signed_month,
            effective_month
        from form
        where record_key is not null
    ),
    readable as (
        select
            * replace (
                case when known then decision else $safe_decision end as decision,
                case when known then scope else $safe_scope end as scope
            )
        from (
            select
                *,
                coalesce(list_contains($decisions, decision) and list_contains($scopes, scope), false) as
                known
            from cleaned
        )
    ),
    one_a_form as (
        -- of a form that comes twice the later month has the last word, then the harsher decision
        select * from readable
        qualify row_number() over (
            partition by record_key
            order by
                coalesce(effective_month, signed_month) desc nulls last,
                list_position($decisions, decision) desc,
                list_position($scopes, scope),
                about_source, about_record, signed_month, effective_month, known
        ) = 1
    ),
    changed as (
        select new.*, old.event_id as previous
        from one_a_form as new
        left join latest as old using (record_key)
        where
            old.record_key is null
            or (new.decision, new.scope) is distinct from (old.decision, old.scope)
            or new.about_source is distinct from old.about_source
            or new.about_record is distinct from old.about_record
            or new.signed_month is distinct from old.signed_month
            or new.effective_month is distinct from old.effective_month
    )
    select
        sha256(
            concat_ws(
                '|',
                coalesce(previous, ''), hex(record_key), decision, scope, coalesce(about_source, ''),
                coalesce(hex(about_record), ''), coalesce(signed_month, ''), coalesce(effective_month, '')
            )
        ) as event_id,
        record_key, decision, scope, about_source, about_record, signed_month, effective_month,
        (not known)::integer as unreadable,
        $night as recorded_night
    from changed
    order by event_id
"""


def new_events(forms: pa.Table, latest: pa.Table, night: str) -> pa.Table:
    """Return the events that `forms` add to a ledger whose newest event of each form is `latest`.

    `forms` has FORM_COLUMNS; `latest` has them and `event_id`; `night` is 'YYYY-MM-DD'. The result has the
    columns of `consent_event` but `sequence`, in the order of `event_id`, which says nothing about arrival.
    """
    words = vocabulary()
    with duckdb.connect() as connection:
        connection.register("form", forms.select(list(FORM_COLUMNS)).cast(FORM_SCHEMA))
        connection.register("latest", latest)
        return connection.sql(
            _NEW_EVENTS,
            params={
                "decisions": list(words.decisions),
                "scopes": list(words.scopes),
                "safe_decision": words.unreadable_decision,
                "safe_scope": words.unreadable_scope,
                "night": night,
            },
        ).to_arrow_table()
