"""Forms as they come from the content store, made into events of the ledger: set-based, in memory.

What belongs here: cleaning decision and scope, finding what is new about a form, an event's id. What does
not: the database that keeps events (`recording`), what the cells beside the scope mean (`form_terms`).

A form is identified by its own record key. Its first event and every later change are chained: an event's id
is the digest of its content and of the form's event before it, so recording the same forms again adds
nothing, and a form that is corrected back to what it said before is still a new event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from consent.form_terms import CELLS, terms_of
from consent.terms import Terms
from consent.vocabulary import vocabulary

FORM_SCHEMA = pa.schema(
    [
        ("record_key", pa.binary()),
        ("decision", pa.string()),
        ("scope", pa.string()),
        ("about_source", pa.string()),
        ("about_record", pa.binary()),
        ("signed_month", pa.string()),
        ("effective_month", pa.string()),
        ("expiry_month", pa.string()),
        *((name, pa.string()) for name in CELLS),
        ("evidence", pa.binary()),
    ]
)
"""A table of forms. Keys are 16 bytes, `evidence` is a keyed digest of at most 16, months are text 'YYYY-MM'.

The cells of `form_terms.CELLS` hold lists as one text. What a table lacks from `expiry_month` on is null.
"""

FORM_COLUMNS = tuple(FORM_SCHEMA.names)
"""Columns of a table of forms, as an agreement names them (`as:`)."""

LATEST = pa.schema(
    [
        ("event_id", pa.string()),
        ("record_key", pa.binary()),
        ("decision", pa.string()),
        ("scope", pa.string()),
        ("about_source", pa.string()),
        ("about_record", pa.binary()),
        ("signed_month", pa.string()),
        ("effective_month", pa.string()),
        ("expiry_month", pa.string()),
        ("unreadable", pa.int32()),
        ("terms_id", pa.string()),
        ("evidence", pa.binary()),
    ]
)
"""What must be known of the newest event of a form to tell what is new about it."""

CORRECT = "correct"
"""A decision that leaves its form's decision as it was and replaces the rest; without an earlier one it is unread."""

_READABLE = f"""
    create temp table readable as
    with cleaned as (
        select
            * replace (
                replace(replace(lower(trim(decision)), '-', '_'), ' ', '_') as decision,
                replace(replace(lower(trim(scope)), '-', '_'), ' ', '_') as scope,
                nullif(lower(trim(about_source)), '') as about_source
            )
        from form
        where record_key is not null
    ),
    corrected as (
        select cleaned.* replace (
            case
                when cleaned.decision is distinct from '{CORRECT}' then cleaned.decision
                -- what could not be read before is no decision to go on from
                when latest.unreadable = 0 or (latest.decision, latest.scope) <> ($safe_decision, $safe_scope)
                    then latest.decision
            end as decision
        )
        from cleaned left join latest using (record_key)
    ),
    judged as (
        select
            *,
            coalesce(list_contains($decisions, decision) and list_contains($scopes, scope), false) as known,
            case when coalesce({", ".join(f"nullif(trim({name}), '')" for name in CELLS)}) is not null then
                to_json(struct_pack({", ".join(f"{name} := {name}" for name in CELLS)}))::varchar
            end as said
        from corrected
    ),
    safe as (
        select
            * replace (
                case when known then decision else $safe_decision end as decision,
                case when known then scope else $safe_scope end as scope
            )
        from judged
    )
    -- of a form that comes twice the later month has the last word, then the harsher decision
    select * from safe
    qualify row_number() over (
        partition by record_key
        order by
            coalesce(effective_month, signed_month) desc nulls last,
            list_position($decisions, decision) desc,
            list_position($scopes, scope),
            about_source, about_record, signed_month, effective_month, expiry_month, said, evidence, known
    ) = 1
"""  # noqa: S608 - names of columns

_SAID = """
    select distinct said, decision, signed_month is not null as signed, expiry_month is not null as expires
    from readable
    where said is not null
"""

_NEW_EVENTS = """
    with forms as (
        select readable.*, terms.terms_id, coalesce(terms.clear, true) as clear
        from readable
        left join terms on
            terms.said = readable.said
            and terms.decision = readable.decision
            and terms.signed = (readable.signed_month is not null)
            and terms.expires = (readable.expiry_month is not null)
    ),
    changed as (
        select new.*, old.event_id as previous
        from forms as new
        left join latest as old using (record_key)
        where
            old.record_key is null
            or (new.decision, new.scope) is distinct from (old.decision, old.scope)
            or new.about_source is distinct from old.about_source
            or new.about_record is distinct from old.about_record
            or new.signed_month is distinct from old.signed_month
            or new.effective_month is distinct from old.effective_month
            or new.expiry_month is distinct from old.expiry_month
            or new.terms_id is distinct from old.terms_id
            or new.evidence is distinct from old.evidence
    )
    select
        -- what a form does not have leaves no trace in the id
        sha256(
            concat_ws(
                '|',
                coalesce(previous, ''), hex(record_key), decision, scope, coalesce(about_source, ''),
                coalesce(hex(about_record), ''), coalesce(signed_month, ''), coalesce(effective_month, ''),
                'expires ' || expiry_month, 'terms ' || terms_id, 'evidence ' || hex(evidence)
            )
        ) as event_id,
        record_key, decision, scope, about_source, about_record, signed_month, effective_month,
        (not (known and clear))::integer as unreadable,
        $night as recorded_night,
        terms_id, null::varchar as child_id, expiry_month, evidence
    from changed
    order by event_id
"""


@dataclass(frozen=True)
class NewEvents:
    """What forms add to a ledger: `events` has the columns of `consent_event` but `sequence`; the terms they name."""

    events: pa.Table
    terms: tuple[Terms, ...]


def new_events(forms: pa.Table, latest: pa.Table, night: str) -> NewEvents:
    """Return what `forms` add to a ledger whose newest event of each form is `latest`.

    `forms` is as FORM_SCHEMA says; `latest` is as LATEST says; `night`
    is 'YYYY-MM-DD'. Events come in the order of `event_id`, which says nothing about arrival.
    """
    words = vocabulary()
    with duckdb.connect() as connection:
        connection.register("form", _whole(forms))
        connection.register("latest", latest)
        connection.execute(
            _READABLE,
            {
                "decisions": list(words.decisions),
                "scopes": list(words.scopes),
                "safe_decision": words.unreadable_decision,
                "safe_scope": words.unreadable_scope,
            },
        )
        table, terms = _terms(connection.sql(_SAID).to_arrow_table())
        connection.register("terms", table)
        events = connection.sql(_NEW_EVENTS, params={"night": night}).to_arrow_table()
    used = set(events["terms_id"].to_pylist())
    return NewEvents(events, tuple(terms[name] for name in sorted(terms) if name in used))


def _whole(forms: pa.Table) -> pa.Table:
    """Return forms with every column of FORM_SCHEMA, null where a table has none."""
    columns = [
        forms[item.name].cast(item.type) if item.name in forms.column_names else pa.nulls(forms.num_rows, item.type)
        for item in FORM_SCHEMA
    ]
    return pa.table(columns, schema=FORM_SCHEMA)


def _terms(said: pa.Table) -> tuple[pa.Table, dict[str, Terms]]:
    """Read each distinct combination of cells once: the combinations with their terms' ids, and the terms by id."""
    found: dict[str, Terms] = {}
    ids, clear = [], []
    for row in said.to_pylist():
        shown = {"signed_month": row["signed"], "expiry_month": row["expires"]}
        permits = vocabulary().decisions[row["decision"]].effect in {"grant", "exception"}
        terms, readable = terms_of(
            json.loads(row["said"]), frozenset(name for name, is_there in shown.items() if is_there), permits=permits
        )
        ids.append(terms.terms_id if terms else None)
        clear.append(readable)
        found |= {terms.terms_id: terms} if terms else {}
    columns = {"terms_id": pa.array(ids, pa.string()), "clear": pa.array(clear, pa.bool_())}
    for name, column in columns.items():
        said = said.append_column(name, column)
    return said, found
