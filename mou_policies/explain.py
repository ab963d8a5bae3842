"""Why a field may be used so, or may not: one question, one answer, clause by clause.

The answer is found point by point from the agreements, without the compiled policy, so that the two can be held
against each other. What is enforced comes from `enforce`, `grants` and `licence`; here is only what people ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.coarseness import coarsest
from mou_policies.fields import IMPLIED
from mou_policies.model import FieldPolicy, Treatment
from mou_policies.provisions import DSA, EMOU, FieldRef, Limit, Prohibition, class_covered

if TYPE_CHECKING:
    from mou_policies.policy import Policy

USES = ("link", "content", "publish")

BARRED_BY: Mapping[str, tuple[str, ...]] = {
    "link": ("link",),
    "content": ("content",),
    "publish": ("publish", "content"),
}
"""The uses of which each must be free for a use: what may not be kept may not be published either."""


@dataclass(frozen=True)
class Question:
    """Whether a field (source, table, field) may have a use, for a purpose (None: for any), on a date."""

    ref: FieldRef
    use: str
    on: date
    purpose: str | None = None

    def __str__(self) -> str:
        serving = f" for {self.purpose}" if self.purpose else ""
        return f"{'.'.join(self.ref)}: {self.use}{serving}"


@dataclass(frozen=True)
class Entry:
    """One clause on the field: the agreement it stands in, and whether that grants (else it only takes away)."""

    agreement: Agreement
    field: FieldPolicy
    grants: bool

    @property
    def output(self) -> tuple[str, str]:
        """What it gives: the column it is kept in, or tokens, which are one output of a field."""
        return self.field.field, "" if self.field.use == "link" else self.field.name


@dataclass(frozen=True)
class Ground:
    """One grant that reaches the field for a purpose, its treatment and limits, and what stops it (none: it holds)."""

    entry: Entry
    purpose: str
    treatment: Treatment | None
    limits: tuple[str, ...]
    stopped_by: tuple[str, ...]
    because: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to a question: the clauses that decided it, and the words for people.

    `outputs` are the treatments by column where it is allowed; tokens are the output "". What is allowed rests on
    `exceptions` too, and on the clauses `beside`: ceilings, limits and licences it is within.
    """

    question: Question
    allowed: bool
    says: str
    clauses: tuple[str, ...] = ()
    rule: str = ""
    outputs: Mapping[str, Treatment] = field(default_factory=dict)
    exceptions: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def treatment(self) -> Treatment | None:
        """The treatment of the first output, None where it is denied."""
        return next(iter(self.outputs.values()), None)

    def __str__(self) -> str:
        return f"{self.question} {'allowed' if self.allowed else 'denied'} on {self.question.on}: {self.says}"


def explain(policy: Policy, question: Question) -> Answer:
    """Answer a question from the agreements that bind on the policy's date."""
    case = _Case(policy, question)
    absent = case.not_named()
    if absent is not None:
        return absent
    grounds = list(case.grounds())
    holding = [ground for ground in grounds if not ground.stopped_by]
    return _allowed(policy, question, holding) if holding else _denied(question, case, grounds)


class _Case:
    """The agreements that one question is about, and their clauses on the table that it names."""

    def __init__(self, policy: Policy, question: Question) -> None:
        self.policy = policy
        self.question = question
        self.source, self.table, self.name = question.ref
        inforce = sorted(policy.agreements.values(), key=lambda a: a.agreement_id)
        self.binding = [*inforce, *policy.bound]
        self.shares = [a for a in inforce if a.kind == DSA and self.source in a.sources]
        silent = [a for a in policy.bound if a.kind == DSA and self.source in a.sources]
        self.beside = [Entry(a, f, a in self.shares) for a in (*self.shares, *silent) for f in self._fields(a)]
        self.entries = [entry for entry in self.beside if entry.field.field == self.name]

    def _fields(self, agreement: Agreement) -> tuple[FieldPolicy, ...]:
        table = agreement.sources[self.source].tables.get(self.table)
        return table.fields if table else ()

    def not_named(self) -> Answer | None:
        """Answer for a source or field that no agreement in force grants anything about."""
        if self.source not in self.policy.agreed:
            stopped = next((r for r in self.policy.refusals if self.source in r.sources), None)
            if stopped is None:
                return Answer(self.question, False, "no agreement names this source")
            named = re.search(r"\(([A-Z]{3}-\d{3})\)", stopped.reason)
            return Answer(self.question, False, str(stopped), rule=named[1] if named else "")
        held = [a.sources[self.source] for a in self.shares]
        if not any(self.table in source.tables for source in held):
            return Answer(self.question, False, f"{held[0].clause} names no table {self.table}", (held[0].clause,))
        if not self.entries:
            clause = held[0].tables[self.table].clause
            says = f"{clause} does not name it, and what is not named is not read"
            return Answer(self.question, False, says, (clause,))
        return None

    def grounds(self) -> Iterator[Ground]:
        """Yield each grant of the use for each purpose asked about, with what stops it."""
        for entry in self.entries:
            for use, purpose in sorted(entry.field.pairs) if entry.grants else ():
                if use == self.question.use and self.question.purpose in {None, purpose}:
                    treatment, limits = self.treatment(entry)
                    stops = [*self._against(entry, treatment), *self._stops(entry, purpose)]
                    if use == "publish" and treatment is not None:
                        stops += self._unlicensed(entry, purpose, treatment)
                    by, why = tuple(s[0] for s in stops), tuple(s[1] for s in stops)
                    yield Ground(entry, purpose, treatment, limits, by, why)

    def treatment(self, entry: Entry) -> tuple[Treatment | None, tuple[str, ...]]:
        """Return the coarsest treatment that grants of an output and limits on them ask for, and those limits."""
        same = [other for other in self.entries if other.output == entry.output and other.field.use != "none"]
        limits = list(dict.fromkeys(limit for other in same for limit in self._limits(other)))
        treatment = coarsest([*(other.field.treatment for other in same), *(limit.treatment for limit in limits)])
        return treatment, tuple(limit.clause for limit in limits)

    def _limits(self, entry: Entry) -> Iterator[Limit]:
        for other in self._acting(entry.agreement):
            for limit in other.provisions.limits:
                wanted = set(IMPLIED[entry.field.use]) & set(limit.scope.uses)
                if wanted and limit.scope.covers(self.question.ref, entry.field.cls):
                    yield limit

    def _parents(self, agreement: Agreement) -> list[Agreement]:
        return [a for a in self.binding if a.kind == EMOU and a.agreement_id in agreement.under]

    def _acting(self, agreement: Agreement) -> list[Agreement]:
        """Return the agreements that can take from a grant: those of its owner, and its parents."""
        owner = [a for a in self.binding if a.kind == DSA and a.owner == agreement.owner]
        return [*owner, *self._parents(agreement)]

    def _against(self, entry: Entry, treatment: Treatment | None) -> Iterator[tuple[str, str]]:
        """Yield (clause, why) of what the owner's agreements say against the field or the output altogether."""
        mine = {column for other in self.entries if other.output == entry.output for column in other.field.columns}
        for other in self.beside:
            clause, says = other.field.clause, other.field
            same = other.output == entry.output
            if says.use == "none":
                if says.field == self.name:
                    yield clause, f"it denies the field: {says.reason}"
            elif says.field == self.name and says.cls != entry.field.cls:
                yield clause, f"it calls the field {says.cls}, not {entry.field.cls} (REL-001)"
            elif same and says.date_format != entry.field.date_format:
                yield clause, "it reads the field in another date form (REL-001)"
            elif not same and entry.output[1] and other.output[1] and mine & set(says.columns):
                yield clause, f"it gives the column {entry.output[1]} too (REL-001)"
            elif same and treatment is None:
                yield clause, f"of {says.treatment} and what else is asked for, none is the coarser (REL-001)"

    def _stops(self, entry: Entry, purpose: str) -> Iterator[tuple[str, str]]:
        """Yield (clause, why) of the ceilings and prohibitions that stop one grant for one purpose."""
        cls, barring = entry.field.cls, BARRED_BY[self.question.use]
        for parent in self._parents(entry.agreement):
            permits = parent.provisions.permits
            clause = permits.clause if permits else parent.file
            if purpose not in parent.purposes:
                yield clause, f"{parent.agreement_id} does not name the purpose {purpose}"
            elif permits is None or not all(class_covered(cls, permits.classes[use]) for use in barring):
                yield clause, f"{parent.agreement_id} does not permit it for {cls}"
        for other in self._acting(entry.agreement):
            for rule in other.provisions.prohibits:
                if not rule.together and self._forbids(rule, cls, purpose):
                    yield rule.clause, f"{rule.because} ({rule.cite})"

    def _forbids(self, rule: Prohibition, cls: str, purpose: str) -> bool:
        scope = rule.scope
        applies = not scope.purposes or purpose in scope.purposes
        return (
            applies and bool({*BARRED_BY[self.question.use]} & {*scope.uses}) and scope.covers(self.question.ref, cls)
        )

    def _unlicensed(self, entry: Entry, purpose: str, treatment: Treatment) -> Iterator[tuple[str, str]]:
        """Yield why no licence lets the output into the release for a purpose, where the release needs one."""
        published = frozenset({(entry.agreement.agreement_id, purpose)})
        granted = replace(entry.field, treatment=treatment, published_by=published)
        why = self.policy.licence.refuses(self.question.ref, granted, purpose)
        if why is not None:
            yield why.partition(" forbids")[0], why


def _denied(question: Question, case: _Case, grounds: Sequence[Ground]) -> Answer:
    if grounds:
        first = grounds[0]
        against = "; ".join(f"{c}: {w}" for c, w in zip(first.stopped_by, first.because, strict=True))
        says = f"{first.entry.field.clause} grants it, but {against}"
        return Answer(question, False, says, (first.entry.field.clause, *first.stopped_by), "REL-001")
    entries = [entry.field for entry in case.entries]
    clauses = tuple(dict.fromkeys(entry.clause for entry in entries))
    denial = next((entry for entry in entries if entry.use == "none"), None)
    cls = vocabulary.field_classes()[entries[0].cls]
    rule = "" if question.use in cls.uses else "FLD-003"
    never = f"; class {cls.name} may never have it (FLD-003, {cls.cite} [{cls.mark}])" if rule else ""
    if denial is not None:
        return Answer(question, False, f"{denial.clause} denies it ({denial.reason}){never}", clauses, rule)
    uses = " and ".join(dict.fromkeys(entry.use for entry in entries))
    if any(question.use in IMPLIED[entry.use] for entry in entries):
        why = f"grants it for other purposes than {question.purpose}" if question.purpose else "has no purpose for it"
        return Answer(question, False, f"{clauses[0]} {why}{never}", clauses, rule)
    return Answer(question, False, f"{clauses[0]} grants only {uses}{never}", clauses, rule)


def _allowed(policy: Policy, question: Question, holding: Sequence[Ground]) -> Answer:
    first = holding[0].entry
    doors = [vocabulary.exceptions()[name] for name in first.field.doors]
    under = "; ".join(f"{d.name}, {d.title} ({d.cite} [{d.mark}])" for d in doors) or "no exception"
    parents = [policy.agreements[name] for name in first.agreement.under]
    ceilings = {p.agreement_id: p.provisions.permits.clause for p in parents if p.provisions.permits}
    through = ", ".join(f"{name} ({clause})" for name, clause in ceilings.items())
    purposes = ", ".join(dict.fromkeys(g.purpose for g in holding))
    clauses = tuple(dict.fromkeys(g.entry.field.clause for g in holding))
    outputs = {g.entry.output[1]: g.treatment for g in holding if g.treatment is not None}
    treated = " and ".join(f"{t} as {name}" if len(outputs) > 1 else str(t) for name, t in outputs.items())
    says = (
        f"{' and '.join(clauses)} grants it with treatment {treated}, because {first.field.reason!r}, "
        f"for {purposes}, under {under}" + (f", through {through}" if through else "")
    )
    beside = [*ceilings.values(), *(limit for g in holding for limit in g.limits)]
    if question.use == "publish" and policy.licence.needs(question.ref[0]):
        licensed = [x.provisions.licensed for x in policy.licence.licences if question.ref in x.provisions.licensed]
        says += f", licensed by {licensed[0][question.ref].clause}" if licensed else ""
        beside += [held[question.ref].clause for held in licensed]
    exceptions = tuple(dict.fromkeys(door for g in holding for door in g.entry.field.doors))
    return Answer(question, True, says, clauses, "", outputs, exceptions, tuple(dict.fromkeys(beside)))
