"""What agreements say against each other, as findings: sources that are stopped, and fields on which one clause wins.

What wins is worked out in `enforce`; here it is said at the clause that loses, with the one that wins cited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mou_policies.agreement import Agreement, granted_fields
from mou_policies.enforce import Denial, Stopped, United
from mou_policies.fields import IMPLIED
from mou_policies.findings import Finding, finding
from mou_policies.model import FieldPolicy
from mou_policies.provisions import FieldRef

DISAGREEMENTS = ("AGR-013", "REL-001")
"""The rules by which agreements are judged against each other here."""


@dataclass(frozen=True)
class Grant:
    """One field as one agreement grants it, before anything is taken away."""

    agreement: Agreement
    ref: FieldRef
    field: FieldPolicy


Grants = Mapping[str, Sequence[Grant]]
"""Grants by clause: those that are denied or narrowed, and those that narrow them."""


def conflict(stop: Stopped, agreement: Agreement) -> Finding:
    """Return AGR-013 for one of the agreements by which a source is stopped."""
    place = agreement.place(f"sources.{stop.source}")
    remedy = "leave it in one of them, or have them say the same"
    return finding("AGR-013", agreement.file, place, stop.because, remedy, stop.source)


def disagreements(united: United, agreements: Mapping[str, Agreement]) -> Iterator[Finding]:
    """Yield AGR-013 for each source that is stopped, and REL-001 for each grant that another clause narrows.

    `agreements` are those that were united, by id.
    """
    for stop in united.stopped:
        for name in stop.agreements:
            yield conflict(stop, agreements[name])
    tables = [table for source in united.sources.values() for table in source.tables.values()]
    narrowed = [field for table in tables for field in table.fields if field.bounds]
    named = {denial.granted_by for denial in united.denials}
    named |= {clause for field in narrowed for clause in (field.clause, *field.bounds)}
    grants: dict[str, list[Grant]] = defaultdict(list)
    for agreement in agreements.values():
        for ref, field in granted_fields(agreement):
            if field.clause in named:
                grants[field.clause].append(Grant(agreement, ref, field))
    for denial in united.denials:
        yield from _denied(denial, grants[denial.granted_by])
    for field in narrowed:
        yield from _narrowed(field, grants)


def _denied(denial: Denial, granted: Sequence[Grant]) -> Iterator[Finding]:
    """Yield REL-001 for a use that is lost; without a clause that takes it, it is not a matter between two clauses."""
    by = [clause for clause in denial.by if clause != denial.granted_by]
    grant = next(g for g in granted if denial.use in IMPLIED[g.field.use])
    if by:
        because = denial.because.removesuffix(" (REL-001)")
        says = f"{denial.ref[2]} is granted the use {denial.use} here, and not by {_and(by)}: {because}"
        yield _of(grant, says)


def _narrowed(field: FieldPolicy, grants: Grants) -> Iterator[Finding]:
    """Yield REL-001 for each grant of a field that holds with a coarser treatment, or fewer purposes, than it says."""
    clauses = (field.clause, *field.bounds)
    provisions = [clause for clause in field.bounds if clause not in grants]
    for clause in clauses:
        for grant in grants.get(clause, ()):
            own = grant.field
            if (own.use == "link", own.name) != (field.use == "link", field.name):
                continue
            others = _and([other for other in clauses if other != clause])
            lost = {purpose for use, purpose in own.pairs - field.pairs if field.may(use)}
            if own.treatment != field.treatment:
                says = f"{own.field} is treated {own.treatment} here and not in {others}: {field.treatment} holds"
                yield _of(grant, says)
            elif lost and provisions:
                says = f"{own.field} is granted for {', '.join(sorted(lost))} here, and not by {_and(provisions)}"
                yield _of(grant, says)


def _of(grant: Grant, says: str) -> Finding:
    return finding("REL-001", grant.agreement.file, grant.field.place, says, about=".".join(grant.ref))


def _and(clauses: Sequence[str]) -> str:
    return " and ".join(clauses)
