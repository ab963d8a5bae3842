"""What is wrong with a well-formed agreement: in law, beside its parents, and in what it promises.

Each check is a small function that yields findings of the rules in `vocabulary/rules.yaml`. What a file cannot say at
all is refused where it is read (`language`, `sources`, `fields`, `reading`); term and signatures are in `inforce`, what
a licence's release promises in `lint_release`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from mou_policies import amendments, expiry, vocabulary
from mou_policies.agreement import Agreement, granted_fields
from mou_policies.fields import IMPLIED
from mou_policies.findings import Finding, finding, line_of
from mou_policies.lint_release import check_release
from mou_policies.provisions import DSA, DUL, EMOU, class_covered

DISCLOSURE_LOG = "disclosure-log"

Known = Mapping[str, Agreement]
Check = Callable[[Agreement, Known, date], Iterator[Finding]]


def check(agreement: Agreement, known: Known, on: date) -> list[Finding]:
    """Return what is wrong with an agreement on a date, in the order of its lines.

    `known` are the well-formed agreements of the folder by id. A finding that a named person accepts on that date is a
    note.
    """
    found = [item for rule in CHECKS for item in rule(agreement, known, on)]
    return sorted((taken(agreement, item, on) for item in found), key=lambda f: (f.line, f.column, f.rule))


def taken(agreement: Agreement, found: Finding, on: date) -> Finding:
    """Return the finding, or the note it becomes where somebody accepts it."""
    if not vocabulary.rules()[found.rule].acceptable:
        return found
    for risk in agreement.provisions.accepts:
        if risk.rule == found.rule and risk.holds(on) and risk.covers(found.about):
            return found.taken_on(f"{risk.by}, {risk.role}, until {risk.until}: {risk.because}")
    return found


# -- the agreement itself ------------------------------------------------------------------------------------------


def _doors(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """AGR-006, AGR-007: an exception is used for purposes that cannot rest on it."""
    for door in agreement.authority:
        rule = vocabulary.exceptions()[door.exception]
        if rule.purposes and not set(rule.purposes) & set(agreement.purposes):
            code = _PURPOSE_RULES.get(rule.name, "AGR-018")
            says = f"{rule.name} may only serve {', '.join(rule.purposes)}, and the agreement names none of them"
            yield finding(code, agreement.file, door.place, says)
    doors = [door.exception for door in agreement.authority]
    for purpose in agreement.purposes if doors else ():
        if not any(vocabulary.admits(door, purpose) for door in doors):
            code = next((_PURPOSE_RULES[door] for door in doors if door in _PURPOSE_RULES), "AGR-018")
            says = f"the purpose {purpose} cannot rest on {' or '.join(doors)}"
            yield finding(code, agreement.file, agreement.place("purposes"), says)


_PURPOSE_RULES = {"ferpa.studies": "AGR-006", "ferpa.audit-evaluation": "AGR-007"}


def _education_program(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """AGR-007: an audit or evaluation whose records are what other exceptions are about, and not this one."""
    classes = {field.cls for _, field in granted_fields(agreement)}
    elsewhere = {cls for rule in vocabulary.exceptions().values() for cls in rule.covers & classes}
    for door in agreement.authority:
        rule = vocabulary.exceptions()[door.exception]
        if _PURPOSE_RULES.get(door.exception) == "AGR-007" and elsewhere and not rule.covers & classes:
            says = f"{rule.name} is for an education program, and no field here is an education record"
            yield finding("AGR-007", agreement.file, door.place, says)


def _served(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """AGR-018: a grant that no purpose of the agreement serves."""
    for ref, field in granted_fields(agreement):
        lacking = [use for use in IMPLIED[field.use][:1] if not field.may(use)]
        if lacking:
            says = f"{ref[2]} is granted the use {field.use}, and no purpose of the agreement serves it"
            serving = [n for n, p in vocabulary.purposes().items() if field.use in p.serves]
            remedy = f"name a purpose that does, where an exception admits it: {', '.join(serving)}"
            yield finding("AGR-018", agreement.file, field.place, says, remedy, ".".join(ref))


def _clauses(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """AGR-011: clauses that agreements of this kind, or a parent in their stead, should hold."""
    above = {name for parent in agreement.under if parent in known for name in known[parent].terms}
    for name, clause in vocabulary.kinds()[agreement.kind].clauses.items():
        if name not in agreement.terms and not (clause.inherits and name in above):
            says = f"the clause {name!r} is missing: {clause.asks} ({clause.cite} [{clause.mark}])"
            remedy = f"add it under terms: {name}: ..."
            yield finding("AGR-011", agreement.file, agreement.place("terms"), says, remedy, f"terms.{name}")


def _expiry(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """AGR-012, AGR-016: what ends soon, and accepted risks and statements that have ended."""
    for notice in expiry.notices([agreement], on):
        if notice.stage != expiry.ENDED:
            yield finding("AGR-012", agreement.file, notice.place, notice.says)
        elif notice.what == expiry.RISK:
            remedy = "decide anew, or mend what it was about"
            yield finding("AGR-016", agreement.file, notice.place, notice.says, remedy)
        elif notice.what == expiry.STATEMENT:
            remedy = "have it stated anew, or make no claim that rests on it"
            yield finding("AGR-012", agreement.file, notice.place, notice.says, remedy)


def _disclosures(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """REL-004: what may be passed on must be logged."""
    if agreement.redisclosure is not None and agreement.redisclosure.allowed and DISCLOSURE_LOG not in agreement.terms:
        says = f"redisclosure is allowed and no clause {DISCLOSURE_LOG!r} says how it is recorded"
        yield finding("REL-004", agreement.file, agreement.place("redisclosure"), says)


# -- beside other agreements ---------------------------------------------------------------------------------------


def _chain(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """AGR-014: the agreement this one amends is there, word for word, of the same parties, and amended once."""
    amends = agreement.provisions.amends
    if amends is None:
        return
    for says, remedy in amendments.faults(agreement, known.values()):
        yield finding("AGR-014", agreement.file, amends.place, says, remedy)
    others = [a.agreement_id for a in known.values() if a is not agreement and _amended(a) == amends.agreement]
    if others:
        says = f"{amends.agreement} is amended by {', '.join(others)} as well"
        yield finding("AGR-014", agreement.file, amends.place, says, "amend the newest of the chain")


def _amended(agreement: Agreement) -> str | None:
    return agreement.provisions.amends.agreement if agreement.provisions.amends else None


def _parents(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """AGR-009, AGR-010, AGR-019: every parent exists, is of the right kind, and is at least as wide."""
    place = agreement.place("under")
    kinds = vocabulary.kinds()[agreement.kind].parents
    for name in agreement.under:
        parent = known.get(name)
        if parent is None:
            yield finding("AGR-009", agreement.file, place, f"its parent {name} is not among the agreements")
        elif parent.kind not in kinds:
            expected = " or ".join(kinds) or "no parent"
            says = f"its parent {name} is of the kind {parent.kind}, expected {expected}"
            yield finding("AGR-009", agreement.file, place, says)
        else:
            yield from _wider(agreement, parent, known)
    if not agreement.under and agreement.kind == DSA:
        yield finding("AGR-019", agreement.file, (1, 1), "it stands alone: no EMOU sets its ceiling")


def _wider(child: Agreement, parent: Agreement, known: Known) -> Iterator[Finding]:
    """AGR-010: in what a child is wider than one parent."""
    for path, says in _wider_heading(child, parent, known):
        yield finding("AGR-010", child.file, child.place(path), says)
    permits = parent.provisions.permits
    for ref, field in granted_fields(child) if permits is not None else ():
        for use in IMPLIED[field.use]:
            if permits is not None and not class_covered(field.cls, permits.classes[use]):
                says = f"{ref[2]} is granted the use {use}, which {parent.agreement_id} does not permit for {field.cls}"
                yield finding("AGR-010", child.file, field.place, says, about=".".join(ref))


def _wider_heading(child: Agreement, parent: Agreement, known: Known) -> Iterator[tuple[str, str]]:
    of = parent.agreement_id
    since = min(a.starts for a in amendments.chain(parent, known.values()))
    if child.starts < since or child.ends > parent.ends:
        yield "term", f"its term is not within that of {of}, {since} to {parent.ends}"
    beyond = [p for p in child.purposes if p not in parent.purposes]
    if beyond and (parent.kind == EMOU):
        yield "purposes", f"{of} does not name the purpose {', '.join(beyond)}"
    if child.redisclosure and child.redisclosure.allowed and parent.redisclosure and not parent.redisclosure.allowed:
        yield "redisclosure", f"{of} does not allow redisclosure"
    kept, most = child.destruction, parent.destruction
    if kept and most and kept.period_days > most.period_days:
        yield "destruction", f"it keeps data {kept.period_days} days, and {of} {most.period_days} days"
    if parent.kind == EMOU and child.owner and parent.party(child.owner) is None:
        yield "parties", f"{child.owner} is not a member of {of}"


def _licence(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """AGR-009, AGR-010: a licence stands under a DSA and takes only what its DSAs grant."""
    shares = [known[name] for name in agreement.under if name in known and known[name].kind == DSA]
    all_known = all(name in known for name in agreement.under)
    if agreement.kind == DUL and all_known and not shares:
        says = "none of its parents is a DSA, so that it licenses nothing"
        yield finding("AGR-009", agreement.file, agreement.place("under"), says)
    granted = {ref for share in shares for ref, field in granted_fields(share) if field.is_publish}
    for ref, licensed in agreement.provisions.licensed.items() if all_known else ():
        if ref not in granted:
            says = f"it licenses {'.'.join(ref)}, which no agreement it stands under lets be published"
            yield finding("AGR-010", agreement.file, (line_of(licensed.clause), 1), says, about=".".join(ref))


CHECKS: tuple[Check, ...] = (
    _doors,
    _education_program,
    _served,
    _clauses,
    _expiry,
    _disclosures,
    _chain,
    _parents,
    _licence,
    check_release,
)
