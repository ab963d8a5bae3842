"""The ledger for people: which forms are not valid for a basis they claim, and what was decided about one child.

What belongs here: counts and lists to be shown to the hub's own staff. What does not: which decision wins (`gate`), a
screen (`pipelines`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, RowMapping, or_, select

from consent.tables import consent_event
from consent.terms import Terms, stored_terms


@dataclass(frozen=True)
class Lack:
    """How many forms lack one element for a basis that they claim; `basis_forms` are all that lack any for it."""

    basis: str
    basis_forms: int
    element: str
    asks: str
    cite: str
    mark: str
    forms: int


@dataclass(frozen=True)
class Said:
    """One event about a child: what was decided, for which months, on what terms, and what it is valid for.

    `by` is `hub` for the hub's own record and `form` for a form; `lacks` names the missing elements by basis.
    """

    recorded_night: str
    by: str
    decision: str
    scope: str
    effective_month: str | None
    expiry_month: str | None
    readable: bool
    terms: Terms | None
    bases: tuple[str, ...]
    lacks: dict[str, tuple[str, ...]]
    newest: bool


def in_effect(active: pa.Table) -> list[dict[str, Any]]:
    """Count the forms in effect (`ConsentLedger.active`): decision, scope, forms, not readable in full."""
    counted = active.group_by(["decision", "scope"]).aggregate([("unreadable", "count"), ("unreadable", "sum")])
    rows = counted.sort_by([("scope", "ascending"), ("decision", "ascending")]).to_pylist()
    names = {"decision": "decision", "scope": "scope", "forms": "unreadable_count", "unreadable": "unreadable_sum"}
    return [{name: row[column] for name, column in names.items()} for row in rows]


def lacks(engine: Engine, active: pa.Table) -> list[Lack]:
    """Return what the forms in effect (`ConsentLedger.active`) lack for the bases they claim, by basis and element."""
    named = select(consent_event.c.event_id, consent_event.c.terms_id).where(consent_event.c.terms_id.is_not(None))
    with engine.connect() as connection:
        terms, rows = stored_terms(connection), connection.execute(named).all()
    events, ids = zip(*rows, strict=True) if rows else ((), ())
    in_effect = pc.is_in(pa.array(events, pa.string()), value_set=active["event_id"].combine_chunks())
    forms = pc.value_counts(pa.array(ids, pa.string()).filter(in_effect)).to_pylist()
    by_basis: Counter[str] = Counter()
    by_element: Counter[tuple[str, str, str, str, str]] = Counter()
    for one in forms:
        for basis, missing in terms[one["values"]].lacking().items():
            by_basis[basis] += one["counts"] if missing else 0
            for item in missing:
                by_element[basis, item.name, item.asks, item.cite, item.mark] += one["counts"]
    return [
        Lack(basis, by_basis[basis], element, asks, cite, mark, count)
        for (basis, element, asks, cite, mark), count in sorted(by_element.items())
    ]


def about_child(engine: Engine, child_ids: Collection[str], records: Collection[bytes]) -> list[Said]:
    """Return every event about a child, oldest first: by its child IDs, or by the record keys (16 bytes) it has.

    `records` are those of its forms and of the records that forms name.
    """
    columns = consent_event.c
    query = (
        select(consent_event)
        .where(
            or_(
                columns.child_id.in_(sorted(child_ids)),
                columns.record_key.in_(sorted(records)),
                columns.about_record.in_(sorted(records)),
            )
        )
        .order_by(columns.sequence)
    )
    with engine.connect() as connection:
        terms, rows = stored_terms(connection), connection.execute(query).mappings().all()
    newest = {row["record_key"]: row["sequence"] for row in rows}
    return list(_said(rows, terms, set(newest.values())))


def _said(rows: Sequence[RowMapping], terms: dict[str, Terms], newest: Collection[int]) -> Iterator[Said]:
    for row in rows:
        held = terms.get(row["terms_id"] or "")
        lacking = held.lacking() if held else {}
        yield Said(
            recorded_night=row["recorded_night"],
            by="hub" if row["child_id"] else "form",
            decision=row["decision"],
            scope=row["scope"],
            effective_month=row["effective_month"] or row["signed_month"],
            expiry_month=row["expiry_month"],
            readable=not row["unreadable"],
            terms=held,
            bases=tuple(basis for basis, items in lacking.items() if not items),
            lacks={basis: tuple(item.name for item in items) for basis, items in lacking.items() if items},
            newest=row["sequence"] in newest,
        )
