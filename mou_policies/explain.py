"""Why a field may be used so, or may not: one question, one answer, clause by clause.

The answer is found point by point from the agreements in force, without the compiled policy, so that the two can be
held against each other. What is enforced comes from `enforce` and `licence`; here is only what people ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.coarseness import coarsest
from mou_policies.enforce import STOPS
from mou_policies.fields import IMPLIED
from mou_policies.model import FieldPolicy, Treatment
from mou_policies.provisions import DSA, FieldRef, Limit, Prohibition, class_covered

if TYPE_CHECKING:
    from mou_policies.policy import Policy

USES = ("link", "content", "publish")


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
class Ground:
    """One grant that reaches the field, the agreement it stands in, and what stops it (nothing: it holds)."""

    agreement: Agreement
    field: FieldPolicy
    purpose: str
    stopped_by: tuple[str, ...]
    because: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to a question: the clauses that decided it, and the words for people.

    What is allowed rests on `exceptions` too, and on the clauses `beside`: ceilings, limits and licences it is within.
    """

    question: Question
    allowed: bool
    says: str
    clauses: tuple[str, ...] = ()
    rule: str = ""
    treatment: Treatment | None = None
    exceptions: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.question} {'allowed' if self.allowed else 'denied'} on {self.question.on}: {self.says}"


def explain(policy: Policy, question: Question) -> Answer:
    """Answer a question from the agreements in force on the policy's date."""
    shares = [a for a in policy.agreements.values() if a.kind == DSA and question.ref[0] in a.sources]
    absent = _not_named(policy, question, shares)
    if absent is not None:
        return absent
    grounds = list(_grounds(policy, shares, question))
    holding = [ground for ground in grounds if not ground.stopped_by]
    if not holding:
        return _denied(question, shares, grounds)
    treatment, limits = _treatment(policy, shares, question, holding)
    if treatment is None:
        clauses = tuple(dict.fromkeys(g.field.clause for g in holding))
        says = f"{' and '.join(clauses)} ask for treatments of which neither is the coarser (REL-001)"
        return Answer(question, False, says, clauses, "REL-001")
    return _allowed(policy, question, holding, treatment, limits)


def _not_named(policy: Policy, question: Question, shares: Sequence[Agreement]) -> Answer | None:
    """Answer for a source or field that no agreement in force grants anything about."""
    source, table, name = question.ref
    stopped = next((r for r in policy.refusals if source in r.sources), None)
    if source not in policy.sources:
        if stopped is None:
            return Answer(question, False, "no agreement names this source")
        named = re.search(r"\(([A-Z]{3}-\d{3})\)", stopped.reason)
        return Answer(question, False, str(stopped), rule=named[1] if named else "")
    held = [a.sources[source] for a in shares]
    if not any(table in s.tables for s in held):
        return Answer(question, False, f"{held[0].clause} names no table {table}", (held[0].clause,))
    if not any(f.field == name for s in held for f in s.tables[table].fields):
        clause = held[0].tables[table].clause
        return Answer(question, False, f"{clause} does not name it, and what is not named is not read", (clause,))
    return None


def _entries(shares: Sequence[Agreement], ref: FieldRef) -> Iterator[tuple[Agreement, FieldPolicy]]:
    source, table, name = ref
    for agreement in shares:
        for field in agreement.sources[source].tables[table].fields:
            if field.field == name:
                yield agreement, field


def _grounds(policy: Policy, shares: Sequence[Agreement], question: Question) -> Iterator[Ground]:
    """Yield each grant of the use for each purpose asked about, with what stops it."""
    entries = list(_entries(shares, question.ref))
    refused = [field for _, field in entries if field.use == "none"]
    for agreement, field in entries:
        for use, purpose in sorted(field.pairs):
            if use != question.use or question.purpose not in {None, purpose}:
                continue
            stops = [(f.clause, f"it denies the field: {f.reason}") for f in refused]
            stops += _stops(policy, agreement, field, question, purpose)
            yield Ground(agreement, field, purpose, tuple(s[0] for s in stops), tuple(s[1] for s in stops))


def _acting(policy: Policy, agreement: Agreement) -> list[Agreement]:
    """Return the agreements that can take from a grant: those of its owner, and its parents."""
    owner = [a for a in policy.agreements.values() if a.kind == DSA and a.owner == agreement.owner]
    return [*owner, *(policy.agreements[name] for name in agreement.under)]


def _stops(
    policy: Policy, agreement: Agreement, field: FieldPolicy, question: Question, purpose: str
) -> Iterator[tuple[str, str]]:
    """Yield (clause, why) of everything that stops one grant for one purpose: ceilings, prohibitions, the licence."""
    barring = [use for use in STOPS if question.use in STOPS[use]]
    for parent in (policy.agreements[name] for name in agreement.under):
        permits = parent.provisions.permits
        clause = permits.clause if permits else parent.file
        if purpose not in parent.purposes:
            yield clause, f"{parent.agreement_id} does not name the purpose {purpose}"
        elif permits is None or not all(class_covered(field.cls, permits.classes[use]) for use in barring):
            yield clause, f"{parent.agreement_id} does not permit it for {field.cls}"
    for other in _acting(policy, agreement):
        for rule in other.provisions.prohibits:
            if not rule.together and _forbids(rule, question, field, purpose, barring):
                yield rule.clause, f"{rule.because} ({rule.cite})"
    if question.use == "publish":
        yield from _unlicensed(policy, question, field, purpose)


def _forbids(rule: Prohibition, question: Question, field: FieldPolicy, purpose: str, barring: Sequence[str]) -> bool:
    scope = rule.scope
    applies = bool(set(barring) & set(scope.uses)) and (not scope.purposes or purpose in scope.purposes)
    return applies and scope.covers(question.ref, field.cls)


def _unlicensed(policy: Policy, question: Question, field: FieldPolicy, purpose: str) -> Iterator[tuple[str, str]]:
    """Yield why no licence lets the field into the release, where the release needs one."""
    granted = next((f for f in _compiled(policy, question.ref) if f.name == field.name and f.is_publish), None)
    if granted is not None:
        why = policy.licence.refuses(question.ref, granted)
        if why is not None:
            yield why.partition(" forbids")[0], why


def _compiled(policy: Policy, ref: FieldRef) -> list[FieldPolicy]:
    table = policy.sources[ref[0]].tables.get(ref[1])
    return [f for f in table.fields if f.field == ref[2]] if table else []


def _treatment(
    policy: Policy, shares: Sequence[Agreement], question: Question, holding: Sequence[Ground]
) -> tuple[Treatment | None, tuple[str, ...]]:
    """Return the coarsest treatment that the grants of one output and every limit on them ask for, and those limits."""
    name = holding[0].field.name
    same = [(a, f) for a, f in _entries(shares, question.ref) if f.name == name and f.use != "none"]
    same = [(a, f) for a, f in same if (f.use == "link") == (question.use == "link")]
    limits = list(dict.fromkeys(limit for a, f in same for limit in _limits(policy, a, f, question)))
    treatment = coarsest([*(f.treatment for _, f in same), *(limit.treatment for limit in limits)])
    return treatment, tuple(limit.clause for limit in limits)


def _limits(policy: Policy, agreement: Agreement, field: FieldPolicy, question: Question) -> Iterator[Limit]:
    for other in _acting(policy, agreement):
        for limit in other.provisions.limits:
            wanted = set(IMPLIED[field.use]) & set(limit.scope.uses)
            if wanted and limit.scope.covers(question.ref, field.cls):
                yield limit


def _denied(question: Question, shares: Sequence[Agreement], grounds: Sequence[Ground]) -> Answer:
    if grounds:
        first = grounds[0]
        against = "; ".join(f"{c}: {w}" for c, w in zip(first.stopped_by, first.because, strict=True))
        says = f"{first.field.clause} grants it, but {against}"
        return Answer(question, False, says, (first.field.clause, *first.stopped_by), "REL-001")
    entries = [field for _, field in _entries(shares, question.ref)]
    clauses = tuple(dict.fromkeys(field.clause for field in entries))
    denial = next((field for field in entries if field.use == "none"), None)
    cls = vocabulary.field_classes()[entries[0].cls]
    rule = "" if question.use in cls.uses else "FLD-003"
    never = f"; class {cls.name} may never have it (FLD-003, {cls.cite} [{cls.mark}])" if rule else ""
    if denial is not None:
        return Answer(question, False, f"{denial.clause} denies it ({denial.reason}){never}", clauses, rule)
    uses = " and ".join(dict.fromkeys(field.use for field in entries))
    if any(question.use in IMPLIED[field.use] for field in entries):
        why = f"grants it for other purposes than {question.purpose}" if question.purpose else "has no purpose for it"
        return Answer(question, False, f"{clauses[0]} {why}{never}", clauses, rule)
    return Answer(question, False, f"{clauses[0]} grants only {uses}{never}", clauses, rule)


def _allowed(
    policy: Policy, question: Question, holding: Sequence[Ground], treatment: Treatment, limits: tuple[str, ...]
) -> Answer:
    first = holding[0]
    doors = [vocabulary.exceptions()[name] for name in first.field.doors]
    under = "; ".join(f"{d.name}, {d.title} ({d.cite} [{d.mark}])" for d in doors) or "no exception"
    parents = [policy.agreements[name] for name in first.agreement.under]
    ceilings = {p.agreement_id: p.provisions.permits.clause for p in parents if p.provisions.permits}
    through = ", ".join(f"{name} ({clause})" for name, clause in ceilings.items())
    purposes = ", ".join(dict.fromkeys(g.purpose for g in holding))
    clauses = tuple(dict.fromkeys(g.field.clause for g in holding))
    says = (
        f"{' and '.join(clauses)} grants it with treatment {treatment}, because {first.field.reason!r}, "
        f"for {purposes}, under {under}" + (f", through {through}" if through else "")
    )
    beside = [*ceilings.values(), *limits]
    if question.use == "publish" and policy.licence.needs(question.ref[0]):
        licensed = [x.provisions.licensed for x in policy.licence.licences if question.ref in x.provisions.licensed]
        says += f", licensed by {licensed[0][question.ref].clause}" if licensed else ""
        beside += [held[question.ref].clause for held in licensed]
    exceptions = tuple(dict.fromkeys(door for g in holding for door in g.field.doors))
    return Answer(question, True, says, clauses, "", treatment, exceptions, tuple(dict.fromkeys(beside)))
