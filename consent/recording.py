"""Writing decisions into the registry: what forms say, and what the hub itself records about a child ID.

What belongs here: the transaction that finds what is new, adds it with its terms and its event of the audit trail, all
or nothing. What does not: what a form means (`forms`), which decisions hold on a night (`ledger`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Engine, Row, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite

from consent.form_terms import CELLS, terms_of
from consent.forms import CORRECT, FORM_SCHEMA, LATEST, NewEvents, new_events
from consent.registry import writing
from consent.tables import audit_event, consent_event, consent_terms
from consent.terms import UNREADABLE, Terms, write_terms
from consent.trail import AuditTrail
from consent.vocabulary import vocabulary

_CHUNK = 50_000
"""Rows that are rows of Python at once."""

_ACTOR_LETTERS = 64
_CHILD_ID = re.compile(r"c-[a-z2-7]{26}")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class DecisionError(Exception):
    """A decision that cannot be recorded as it was given: one line saying what was found and what was expected."""


@dataclass(frozen=True)
class RecordReport:
    """What one call of `record` did, in forms: read, new, already known, and new but not readable in full."""

    forms: int
    recorded: int
    unchanged: int
    unreadable: int


@dataclass(frozen=True)
class ChildDecision:
    """A decision that the hub itself records about a child ID: a court's order, an emergency, a call by telephone.

    `says` holds cells of a form (`form_terms.CELLS`), lists as one text; months are 'YYYY-MM'; `evidence` is a keyed
    digest (16 bytes) of the reference to the paper, never the reference.
    """

    child_id: str
    decision: str
    scope: str
    effective_month: str
    says: Mapping[str, str] = field(default_factory=dict)
    signed_month: str | None = None
    expiry_month: str | None = None
    evidence: bytes | None = None


def record_forms(engine: Engine, forms: pa.Table, night: date, actor: str) -> RecordReport:
    """Add what `forms` (`forms.FORM_SCHEMA`, one row a form) say that the registry does not hold yet, and audit it.

    All or nothing, and safe to repeat: the same forms again add no event of a decision.
    """
    with writing(engine, audit_event, consent_event, consent_terms) as connection:
        fresh = new_events(forms, _latest(connection, _newest()), night.isoformat())
        _add(connection, fresh)
        events = fresh.events
        unreadable = sum(events["unreadable"].to_pylist())
        report = RecordReport(forms.num_rows, events.num_rows, forms.num_rows - events.num_rows, unreadable)
        payload = vars(report) | {"decisions": _counted(events)}
        AuditTrail(engine).append(
            "consent", f"forms of the night {night.isoformat()}", payload, actor=actor, connection=connection
        )
    return report


def record_decision(engine: Engine, given: ChildDecision, night: date, actor: str) -> bool:
    """Add a decision that the hub itself records; return False if the newest one of its thread says the same.

    Decisions about one child with the same scope and terms are one thread, in which the newest counts. Raises
    DecisionError for words that are not those of the vocabulary.
    """
    if not 0 < len(actor.strip()) <= _ACTOR_LETTERS:
        raise DecisionError(f"found no name of 1 to {_ACTOR_LETTERS} letters for who records it; say who it is")
    form = _form(given)
    thread = form["record_key"]
    with writing(engine, audit_event, consent_event, consent_terms) as connection:
        newest = _newest().where(consent_event.c.record_key == thread)
        table = pa.Table.from_pylist([form], schema=FORM_SCHEMA)
        fresh = new_events(table, _latest(connection, newest), night.isoformat())
        if not fresh.events.num_rows:
            return False
        child = pa.array([given.child_id], pa.string())
        events = fresh.events.set_column(fresh.events.column_names.index("child_id"), "child_id", child)
        _add(connection, NewEvents(events, fresh.terms))
        event = events.to_pylist()[0]
        payload = {name: event[name] for name in ("event_id", "child_id", "decision", "scope", "terms_id")}
        AuditTrail(engine).append(
            "consent", f"the hub's own record of {night.isoformat()}", payload, actor=actor, connection=connection
        )
    return True


def revocations(whole: ChildDecision, granted: Iterable[Terms | None]) -> list[ChildDecision]:
    """Return the decisions that take back what was granted: `whole`, and one for each narrower cover of a grant.

    A narrower grant is the more specific word, which a revocation of the scope alone would leave standing.
    """
    covers = {tuple(sorted(terms.limits.items())) for terms in granted if terms and any(terms.limits.values())}
    said = [
        {name: " ".join(word for word in words if word != UNREADABLE) for name, words in cover}
        for cover in sorted(covers)
    ]
    return [whole, *(replace(whole, says={k: v for k, v in one.items() if v}) for one in said if any(one.values()))]


def terms_for(given: ChildDecision) -> Terms | None:
    """Return the terms of a decision, None where it says no more than its scope. Raises DecisionError."""
    shown = frozenset(name for name in ("signed_month", "expiry_month") if getattr(given, name) is not None)
    terms, readable = terms_of(given.says, shown, permits=True)
    if not readable:
        raise DecisionError(
            f"found a word in {', '.join(sorted(given.says))} that no list knows; see `cradlepath consent words`"
        )
    return terms


def _form(given: ChildDecision) -> dict[str, Any]:
    """Return a decision as a row of forms, its thread as record key. Raises DecisionError."""
    if not _CHILD_ID.fullmatch(given.child_id):
        raise DecisionError(
            "found no child ID, expected c- and 26 letters, as in the spine; look for a slip of the pen"
        )
    words = vocabulary()
    _one_of("decision", given.decision, [name for name in words.decisions if name != CORRECT])
    _one_of("scope", given.scope, words.scopes)
    for month in (given.effective_month, given.signed_month, given.expiry_month):
        if month is not None and not _MONTH.fullmatch(month):
            raise DecisionError(f"found the month {month!r}, expected YYYY-MM; write it so")
    terms = terms_for(given)
    thread = hashlib.sha256(f"{given.child_id}|{given.scope}|{terms.terms_id if terms else ''}".encode()).digest()[:16]
    months = {name: getattr(given, name) for name in ("effective_month", "signed_month", "expiry_month")}
    cells = {name: given.says.get(name) for name in CELLS}
    said = {"decision": given.decision, "scope": given.scope, "evidence": given.evidence}
    return {"record_key": thread, **said, **months, **cells}


def _one_of(kind: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        raise DecisionError(f"found the {kind} {word!r}, expected one of {', '.join(known)}; name one of them")


def _newest() -> Select[Any]:
    """Select the newest event of every form, under the lock that keeps it the newest."""
    last = select(func.max(consent_event.c.sequence)).group_by(consent_event.c.record_key)
    return select(*(consent_event.c[name] for name in LATEST.names)).where(consent_event.c.sequence.in_(last))


def _latest(connection: Connection, query: Select[Any]) -> pa.Table:
    """Return the newest events as a table, read in chunks: rows of Python are many times the size of columns."""
    parts = connection.execute(query, execution_options={"yield_per": _CHUNK}).partitions()
    return pa.Table.from_batches(map(_batch, parts), LATEST)


def _batch(rows: Sequence[Row[Any]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.record_batch([pa.array(c, item.type) for c, item in zip(columns, LATEST, strict=True)], schema=LATEST)


def _add(connection: Connection, fresh: NewEvents) -> None:
    """Add events, skipping those that the table holds already, and the terms they name."""
    write_terms(connection, fresh.terms)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(consent_event).on_conflict_do_nothing(index_elements=["event_id"])
    for batch in fresh.events.to_batches(max_chunksize=_CHUNK):
        connection.execute(insert, batch.to_pylist())


def _counted(events: pa.Table) -> dict[str, int]:
    """Return how many events there are of each decision."""
    return {row["values"]: row["counts"] for row in pc.value_counts(events["decision"]).to_pylist()}
