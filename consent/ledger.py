"""The consent ledger: every decision a family ever sent, in a table that only grows.

What belongs here: the door to the ledger. What does not: how decisions are written (`recording`), which of them stand
on a night (`standing`), which children one takes out (`gate`, which needs the child-ID ledger), how forms are tokenised
(they are records like any other).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import duckdb
import pyarrow as pa
from sqlalchemy import Engine

from consent import standing
from consent.forms import FORM_COLUMNS
from consent.recording import ChildDecision, DecisionError, RecordReport, record_decision, record_forms
from consent.registry import open_registry
from consent.streaming import EVENT_SCHEMA
from consent.terms import terms_table


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
        return standing.active(self._engine, on)

    def load_standing(self, connection: duckdb.DuckDBPyConnection, on: date) -> None:
        """Leave the same and the terms as relations in a DuckDB connection, ready to decide (`standing`)."""
        standing.load_standing(connection, self._engine, on, self.terms())

    def linkage_optouts(self, source: str | Collection[str], on: date) -> pa.Array:
        """Return the record keys (binary(16)) of `source` whose tokens must not be stored on the night `on`."""
        return standing.linkage_optouts(self._engine, source, on)

    def state(self, on: date) -> pa.Table:
        """Return how many forms are in effect on the night `on`: scope, decision, forms, unreadable."""
        return standing.state(self._engine, on)


__all__ = ["EVENT_SCHEMA", "FORM_COLUMNS", "ChildDecision", "ConsentLedger", "DecisionError", "RecordReport"]
