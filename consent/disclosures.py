"""The book of disclosures: who received which field classes about which children, when, why and under what.

What belongs here: writing an act of disclosure with its event of the audit trail, and finding acts by child, recipient
or date. What does not: which law asks for which of them (`accounting`), what a release discloses (whoever publishes).

An act (a release, an answer to a query, a return file) is recorded before it becomes visible, so that nothing is ever
disclosed without its account; one that was recorded and never appeared is told from the others by whoever reads.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Engine, insert, select

from consent.child_sets import ChildSets, DisclosureError, SealedSet, keep
from consent.registry import lock, writing
from consent.tables import audit_event, audit_payload, disclosure, disclosure_set
from consent.trail import AuditTrail, Kind
from mou_policies.canonical import sha256

Form = Literal["identifiable", "limited", "de-identified", "aggregate"]

EVENTS: Mapping[str, Kind] = {"release": "disclosure", "query": "query", "return": "return"}
"""The kind of an act, and the kind of its event in the audit trail."""


@dataclass(frozen=True)
class Act:
    """One act of disclosure: its kind (release, query, return), public id, and day."""

    kind: str
    id: str
    on: date


@dataclass(frozen=True)
class Disclosed:
    """One source's data going to one recipient, for one purpose, through one exception of one agreement.

    `recipient` and `contact` are names for people; `agreement_digest` is the SHA-256 of what was signed; `set_id` names
    the children.
    """

    source: str
    owner: str
    recipient: str
    purpose: str
    agreement: str
    agreement_digest: str
    exception: str
    cite: str
    classes: tuple[str, ...]
    form: Form
    set_id: str
    contact: str = ""


@dataclass(frozen=True)
class Entry:
    """A recorded row of an act; `children` is how many are in its set, `audit_sequence` its event in the trail."""

    act: Act
    row: Disclosed
    children: int
    audit_sequence: int
    actor: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


class Disclosures:
    """The disclosures in the registry of `engine`; without `sets`, which opens them, no child can be asked about."""

    def __init__(self, engine: Engine, sets: ChildSets | None = None) -> None:
        self._engine, self._sets = engine, sets

    @property
    def sets(self) -> ChildSets:
        """The sets of children. Raises DisclosureError where the keys were not given."""
        if self._sets is None:
            raise DisclosureError("found no keys to open sets of children with; give those of the key ring")
        return self._sets

    @property
    def engine(self) -> Engine:
        """The engine of the registry."""
        return self._engine

    def record(
        self,
        act: Act,
        rows: Sequence[Disclosed],
        *,
        sets: Collection[SealedSet] = (),
        actor: str,
        about: Mapping[str, Any] | None = None,
        connection: Connection | None = None,
    ) -> bool:
        """Write an act with its sets and its event of the audit trail; all or nothing. False when it is there already.

        An act without rows disclosed nothing about a child; it leaves its event.
        `about` is further plain data for the event's payload. `connection`, if given, was opened by `registry.writing`.
        Raises DisclosureError for a kind or form that is not known, or a row whose set is not kept.
        """
        _check(act, rows)
        opened = nullcontext(connection) if connection else writing(self._engine, audit_event, disclosure)
        with opened as found:
            lock(found, audit_event, disclosure)
            if _is_recorded(found, act):
                return False
            keep(found, sets)
            _require_sets(found, {row.set_id for row in rows})
            values = [row_values(act, row) for row in rows]
            payload = {**(about or {}), "on": act.on.isoformat(), "contacts": _contacts(rows), **digest_of_rows(values)}
            event = AuditTrail(self._engine).append(EVENTS[act.kind], act.id, payload, actor=actor, connection=found)
            if rows:
                found.execute(insert(disclosure), [{**one, "audit_sequence": event.sequence} for one in values])
        return True

    def of_act(self, kind: str, act_id: str) -> list[Entry]:
        """Return the rows of one act."""
        return self._find(disclosure.c.kind == kind, disclosure.c.act == act_id)

    def about_child(self, child_ids: Collection[str]) -> list[Entry]:
        """Return every row whose set holds any of the IDs that one child ever had."""
        return self.find(child_ids=child_ids)

    def between(self, first: date | None = None, last: date | None = None) -> list[Entry]:
        """Return every row of acts from one day to another, both included; None is no bound."""
        return self.find(first=first, last=last)

    def find(
        self,
        *,
        child_ids: Collection[str] | None = None,
        recipient: str | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> list[Entry]:
        """Return the rows that meet every condition given, in the order in which they were recorded."""
        conditions: list[ColumnElement[bool]] = []
        if child_ids is not None:
            conditions.append(disclosure.c.set_id.in_(self.sets.holding(self._engine, child_ids)))
        if recipient is not None:
            conditions.append(disclosure.c.recipient == recipient)
        if first is not None:
            conditions.append(disclosure.c.disclosed_on >= first.isoformat())
        if last is not None:
            conditions.append(disclosure.c.disclosed_on <= last.isoformat())
        return self._find(*conditions)

    def recipients(self) -> list[str]:
        """Return the names of all who received anything."""
        with self._engine.connect() as connection:
            query = select(disclosure.c.recipient).distinct().order_by(disclosure.c.recipient)
            return list(connection.execute(query).scalars())

    def _find(self, *conditions: ColumnElement[bool]) -> list[Entry]:
        query = (
            select(disclosure, disclosure_set.c.children, audit_event.c.actor, audit_payload.c.payload)
            # What a row refers to may be gone (a payload by destruction, the rest by a hostile hand): the row is shown.
            .outerjoin(disclosure_set, disclosure_set.c.set_id == disclosure.c.set_id)
            .outerjoin(audit_event, audit_event.c.sequence == disclosure.c.audit_sequence)
            .outerjoin(audit_payload, audit_payload.c.sequence == disclosure.c.audit_sequence)
            .where(*conditions)
            .order_by(disclosure.c.disclosed_on, disclosure.c.sequence)
        )
        with self._engine.connect() as connection:
            return [_entry(row) for row in connection.execute(query).mappings()]


def _check(act: Act, rows: Sequence[Disclosed]) -> None:
    if act.kind not in EVENTS:
        raise DisclosureError(f"found an act of kind {act.kind!r}, expected {', '.join(EVENTS)}")
    if strange := sorted({row.form for row in rows} - set(get_args(Form))):
        raise DisclosureError(f"found the form {strange[0]!r}, expected {', '.join(get_args(Form))}")


def _is_recorded(connection: Connection, act: Act) -> bool:
    query = select(disclosure.c.sequence).where(disclosure.c.kind == act.kind, disclosure.c.act == act.id)
    return connection.execute(query.limit(1)).first() is not None


def _require_sets(connection: Connection, wanted: set[str]) -> None:
    query = select(disclosure_set.c.set_id).where(disclosure_set.c.set_id.in_(wanted))
    if missing := wanted - set(connection.execute(query).scalars()):
        raise DisclosureError(f"{len(missing)} sets of children are not kept; give them with the act they belong to")


def _contacts(rows: Sequence[Disclosed]) -> dict[str, str]:
    return {row.recipient: row.contact for row in rows if row.contact}


def digest_of_rows(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many rows an act has and the SHA-256 over them: what its event commits to."""
    return {"rows": len(values), "rows_sha256": sha256(list(values))}


def row_values(act: Act, row: Disclosed) -> dict[str, Any]:
    """Return a row of the table; names longer than their column end in an ellipsis."""
    values = {
        **{name: value for name, value in vars(row).items() if name != "contact"},
        "classes": json.dumps(sorted(row.classes), separators=(",", ":")),
        "kind": act.kind,
        "act": act.id,
        "disclosed_on": act.on.isoformat(),
    }
    return {name: _fitted(name, value) for name, value in values.items()}


def _fitted(name: str, value: Any) -> Any:
    length = getattr(disclosure.c[name].type, "length", None)
    return f"{value[: length - 1]}…" if length and len(value) > length else value


def _entry(row: Mapping[Any, Any]) -> Entry:
    about = json.loads(row["payload"]) if row["payload"] else {}
    return Entry(
        act=Act(row["kind"], row["act"], date.fromisoformat(row["disclosed_on"])),
        row=Disclosed(
            **{name: row[name] for name in _PLAIN},
            classes=tuple(json.loads(row["classes"])),
            contact=about.get("contacts", {}).get(row["recipient"], ""),
        ),
        children=row["children"] or 0,
        audit_sequence=row["audit_sequence"],
        actor=row["actor"] or "",
        about=about,
    )


_PLAIN = (
    "source",
    "owner",
    "recipient",
    "purpose",
    "agreement",
    "agreement_digest",
    "exception",
    "cite",
    "form",
    "set_id",
)
