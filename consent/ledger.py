"""The consent ledger: every decision a family ever sent, in a table that only grows.

What belongs here: the door to the ledger, and reading it as of a night. What does not: how decisions are written
(`recording`), which children one takes out (`gate`, which needs the child-ID ledger), how forms are tokenised (they
are records like any other).

A decision is known from the night it was recorded and in effect from the first day of its effective month
(months are all the hub keeps). A form without an effective month is in effect from the month it was signed;
without either, a refusal is in effect from the night it arrived and a grant never is.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, Select, case, func, select

from consent.forms import FORM_COLUMNS
from consent.recording import ChildDecision, DecisionError, RecordReport, record_decision, record_forms
from consent.registry import open_registry
from consent.tables import consent_event
from consent.terms import terms_table
from consent.vocabulary import vocabulary

RECORD_KEY = pa.binary(16)

EVENT_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("record_key", pa.binary()),
        ("decision", pa.string()),
        ("scope", pa.string()),
        ("about_source", pa.string()),
        ("about_record", pa.binary()),
        ("signed_month", pa.string()),
        ("effective_month", pa.string()),
        ("unreadable", pa.int32()),
        ("recorded_night", pa.string()),
    ]
)
"""An event as the ledger returns it: `consent_event` without `sequence`."""


class ConsentLedger:
    """The ledger in the database at `url` (SQLite or PostgreSQL), brought to its newest revision."""

    def __init__(self, url: str) -> None:
        self._engine = open_registry(url)

    def __enter__(self) -> ConsentLedger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection of the pool."""
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for the rooms that share the registry database."""
        return self._engine

    def record(self, forms: pa.Table, night: date, *, actor: str = "night") -> RecordReport:
        """Add what `forms` (`forms.FORM_SCHEMA`, one row a form) say that the ledger does not hold yet.

        All or nothing, and safe to repeat: the same forms again add no decision. Each call is an event of the trail.
        """
        return record_forms(self._engine, forms, night, actor)

    def record_for_child(self, given: ChildDecision, night: date, *, by: str) -> bool:
        """Add a decision that the hub itself records about a child ID; return False if it is recorded already.

        Raises DecisionError for a word that no list knows. Whether the child ID is in use is for the caller to ask.
        """
        return record_decision(self._engine, given, night, by)

    def terms(self) -> pa.Table:
        """Return every terms that decisions name (`terms.TERMS_SCHEMA`), with the bases that each is valid for."""
        with self._engine.connect() as connection:
            return terms_table(connection)

    def active(self, on: date) -> pa.Table:
        """Return the newest event of every form, as known and in effect on the night `on` (EVENT_SCHEMA).

        `effective_month` is filled in for a form without one, so that decisions of one child can be ordered.
        """
        with self._engine.connect() as connection:
            return _arrow(connection, _in_effect(on))

    def linkage_optouts(self, source: str | Collection[str], on: date) -> pa.Array:
        """Return the record keys (binary(16)) of `source` whose tokens must not be stored on the night `on`.

        These are the agency's own records that forms of scope `linkage` name. Where several forms name one
        record the latest wins, at equal time the most restrictive. `source` may be several ids that share
        record keys.
        """
        sources = {source} if isinstance(source, str) else set(source)
        current = _in_effect(on).subquery()
        ranks = {name: decision.rank for name, decision in vocabulary().decisions.items()}
        place = func.row_number().over(
            partition_by=current.c.about_record,
            order_by=(current.c.effective_month.desc(), case(ranks, value=current.c.decision).desc()),
        )
        named = (
            select(current.c.about_record, current.c.decision, place.label("place"))
            .where(current.c.scope == "linkage", current.c.about_source.in_(sorted(sources)))
            .where(current.c.about_record.is_not(None))
            .subquery()
        )
        restricting = [name for name, decision in vocabulary().decisions.items() if decision.restricts]
        refused = (
            select(named.c.about_record)
            .where(named.c.place == 1, named.c.decision.in_(restricting))
            .order_by(named.c.about_record)
        )
        with self._engine.connect() as connection:
            return pa.array(connection.execute(refused).scalars().all(), RECORD_KEY)

    def state(self, on: date) -> pa.Table:
        """Return how many forms are in effect on the night `on`: scope, decision, forms, unreadable."""
        current = _in_effect(on).subquery()
        query = (
            select(current.c.scope, current.c.decision, func.count(), func.sum(current.c.unreadable))
            .group_by(current.c.scope, current.c.decision)
            .order_by(current.c.scope, current.c.decision)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        names = ("scope", "decision", "forms", "unreadable")
        types = (pa.string(), pa.string(), pa.int64(), pa.int64())
        return _columns(rows, pa.schema(list(zip(names, types, strict=True))))


def _latest(known_by: str | None = None) -> Select[Any]:
    """Select the newest event of every form, as known on the night `known_by` ('YYYY-MM-DD')."""
    newest = select(func.max(consent_event.c.sequence).label("sequence")).group_by(consent_event.c.record_key)
    if known_by is not None:
        newest = newest.where(consent_event.c.recorded_night <= known_by)
    newest_event = newest.subquery()
    columns = [consent_event.c[name] for name in EVENT_SCHEMA.names]
    return select(*columns).join(newest_event, newest_event.c.sequence == consent_event.c.sequence)


def _in_effect(on: date) -> Select[Any]:
    """Select the newest event of every form in effect on the night `on`, its effective month filled in."""
    night = on.isoformat()
    latest = _latest(night).subquery()
    lifting = [name for name, decision in vocabulary().decisions.items() if not decision.restricts]
    arrived = func.substr(latest.c.recorded_night, 1, 7)
    written = func.coalesce(latest.c.effective_month, latest.c.signed_month)
    columns = [
        func.coalesce(written, arrived).label(name) if name == "effective_month" else latest.c[name]
        for name in EVENT_SCHEMA.names
    ]
    return (
        select(*columns)
        .where(func.coalesce(written, arrived) <= night[:7])
        .where(written.is_not(None) | latest.c.decision.not_in(lifting))
    )


def _arrow(connection: Connection, query: Select[Any]) -> pa.Table:
    """Run a query whose columns are those of EVENT_SCHEMA."""
    return _columns(connection.execute(query).all(), EVENT_SCHEMA)


def _columns(rows: Any, schema: pa.Schema) -> pa.Table:
    """Turn rows into an Arrow table, column by column."""
    values = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(column, item.type) for column, item in zip(values, schema, strict=True)], schema=schema)


__all__ = ["EVENT_SCHEMA", "FORM_COLUMNS", "ChildDecision", "ConsentLedger", "DecisionError", "RecordReport"]
