"""The consent ledger said again, naively: a list of events and loops over it, from the rules in words alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

DECISIONS = ("grant", "revoke", "refuse", "opt_out")
"""Most restrictive last."""

SCOPES = ("linkage", "outcomes", "research", "health", "human_services", "school")
UNREADABLE = ("refuse", "outcomes")
LATEST = "9999-99"


@dataclass(frozen=True)
class Form:
    """A form as it comes, or, cleaned, what an event holds of it."""

    record_key: bytes | None
    decision: str | None
    scope: str | None
    about_source: str | None
    about_record: bytes | None
    signed_month: str | None
    effective_month: str | None
    unreadable: int = 0

    def cleaned(self) -> Form:
        """A form in the words of the ledger."""
        decision, scope = _word(self.decision), _word(self.scope)
        known = decision in DECISIONS and scope in SCOPES
        source = (self.about_source or "").strip(" ").lower() or None
        if not known:
            decision, scope = UNREADABLE
        return replace(self, decision=decision, scope=scope, about_source=source, unreadable=int(not known))

    def says(self) -> tuple[object, ...]:
        """What makes a form another one than before."""
        return (
            self.decision,
            self.scope,
            self.about_source,
            self.about_record,
            self.signed_month,
            self.effective_month,
        )

    def written(self) -> str | None:
        """The month a form itself gives for its effect."""
        return self.effective_month or self.signed_month

    def last_word(self) -> tuple[object, ...]:
        """Of two of one form in a delivery the smaller one counts: later, then harsher, then wider."""
        when = self.written()
        return (
            (when is None, tuple(-ord(letter) for letter in when or "")),
            -DECISIONS.index(str(self.decision)),
            SCOPES.index(str(self.scope)),
            (self.about_source is None, self.about_source or ""),
            (self.about_record is None, self.about_record or b""),
            (self.signed_month is None, self.signed_month or ""),
            (self.effective_month is None, self.effective_month or ""),
            -self.unreadable,
        )


@dataclass
class Model:
    """Events in the order of their recording, each with its night."""

    events: list[tuple[date, Form]] = field(default_factory=list)

    def record(self, forms: list[Form], night: date) -> list[Form]:
        """Add what is new, and return it."""
        added = []
        for key in {form.record_key for form in forms if form.record_key is not None}:
            said = min((form.cleaned() for form in forms if form.record_key == key), key=Form.last_word)
            before = [event for _, event in self.events if event.record_key == key]
            if not before or before[-1].says() != said.says():
                added.append(said)
        self.events += [(night, form) for form in added]
        return added

    def active(self, on: date) -> list[Form]:
        """The newest event of every form that was known and in effect on a night."""
        newest: dict[bytes | None, tuple[date, Form]] = {}
        for night, event in self.events:
            if night <= on:
                newest[event.record_key] = (night, event)
        return [held for night, event in newest.values() for held in _in_effect(night, event, on)]

    def state(self, on: date) -> dict[tuple[str, str], tuple[int, int]]:
        """How many forms say what: number and unreadable ones by scope and decision."""
        counted: dict[tuple[str, str], tuple[int, int]] = {}
        for form in self.active(on):
            forms, unreadable = counted.get((str(form.scope), str(form.decision)), (0, 0))
            counted[str(form.scope), str(form.decision)] = (forms + 1, unreadable + form.unreadable)
        return counted

    def linkage_optouts(self, sources: set[str], on: date) -> set[bytes]:
        """The records of sources of which the latest decision about linkage, else the harshest, refuses."""
        about: dict[bytes, tuple[tuple[str, int], str]] = {}
        for form in self.active(on):
            if form.scope == "linkage" and form.about_source in sources and form.about_record is not None:
                place = (str(form.effective_month), DECISIONS.index(str(form.decision)))
                about[form.about_record] = max(
                    about.get(form.about_record, (("", -1), "")), (place, str(form.decision))
                )
        return {record for record, (_, decision) in about.items() if decision != "grant"}


def _in_effect(night: date, event: Form, on: date) -> Iterator[Form]:
    month = event.written() or f"{night:%Y-%m}"
    undated_grant = event.written() is None and event.decision == "grant"
    if month <= f"{on:%Y-%m}" and not undated_grant:
        yield replace(event, effective_month=month)


def _word(said: str | None) -> str | None:
    return None if said is None else said.strip(" ").lower().replace("-", "_").replace(" ", "_")
