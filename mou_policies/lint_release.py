"""What is wrong with the release that a licence is for: its name, its safeguards, and the claims it makes.

Claims are judged here over every field that the licence takes, as its agreements grant them. Of a release of records
all of them leave. Of a release of aggregates only some do, and which is known only when it is made: what speaks against
a field is then a warning, and the release is judged again, over what leaves, when it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from mou_policies import vocabulary
from mou_policies.agreement import Agreement, granted_fields
from mou_policies.claims import exceptions_of, judge, objections
from mou_policies.findings import WARNING, Finding, finding, line_of
from mou_policies.licence import RELEASE
from mou_policies.provisions import ReleaseTerms
from mou_policies.reading_release import PRIVATE
from mou_policies.verdict import REFUSED, ReleasedField
from mou_policies.vocabulary import Claim

Known = Mapping[str, Agreement]


def check_release(agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """FLD-005 to FLD-008, REL-002, REL-003, REL-005 to REL-008: the release of a licence, on a date."""
    release = agreement.provisions.release
    if release is None:
        return
    safeguards = list(_safeguards(agreement, release))
    yield from safeguards
    said = {found.rule for found in safeguards}
    for claim in (vocabulary.claims()[name] for name in release.claims):
        yield from (found for found in _conditions(claim, agreement, known, on) if found.rule not in said)
        yield from _fields(claim, agreement, release, known, on)


def _safeguards(agreement: Agreement, release: ReleaseTerms) -> Iterator[Finding]:
    """REL-002, REL-003, REL-006 to REL-008: small groups, earlier releases, and a release that something publishes."""
    place = agreement.place("release")
    if release.minimum_cell is None:
        yield finding("REL-002", agreement.file, place, "the release states no minimum_cell")
    if release.earlier_releases != "considered":
        yield finding("REL-003", agreement.file, place, "earlier_releases is not `considered`")
    if release.name != RELEASE:
        says = f"it is for the release {release.name}, and what is published here is the release {RELEASE}"
        yield finding("REL-006", agreement.file, place, says)
    if release.mode == PRIVATE and release.minimum_cell is not None:
        says = f"the mode is {PRIVATE} and minimum_cell is {release.minimum_cell}"
        yield finding("REL-008", agreement.file, place, says)
    yield from (finding("REL-007", agreement.file, place, says) for says in _rows(release))


def _rows(release: ReleaseTerms) -> Iterator[str]:
    """Yield what a release of rows leaves unsaid; returns to an owner are no such release."""
    if release.records is not None and release.level != "records":
        yield f"rows are asked for, and the level is {release.level}"
    if release.level == "records" and release.name == RELEASE and release.records is None:
        yield "the level is records, and no `records` says which columns, and with which k"
    if release.records is not None and not release.quasi_identifiers:
        yield "rows are asked for, and no quasi_identifiers are named"


def _conditions(claim: Claim, agreement: Agreement, known: Known, on: date) -> Iterator[Finding]:
    """REL-002, REL-003, REL-005: what a claim asks of the whole release."""
    for line in judge(claim, (), agreement, exceptions_of(agreement, known), on).conditions:
        if line.outcome == REFUSED:
            says = f"{claim.name} is claimed: {line.says}"
            yield finding(line.rule, agreement.file, agreement.place("release"), says)


def _fields(claim: Claim, agreement: Agreement, release: ReleaseTerms, known: Known, on: date) -> Iterator[Finding]:
    """FLD-005 to FLD-008, REL-005: the fields of the licence that speak against a claim."""
    for line, field in _licensed(agreement, known):
        for item in objections(claim, field, release.level, on):
            says = f"{claim.name} is claimed: {field}, kept as {field.column}: {item} ({field.clause})"
            found = finding(item.rule, agreement.file, (line, 1), says, about=str(field))
            if release.level != "records":
                says += "; the release is refused if a table of it shows this"
                found = replace(found, severity=WARNING, says=says)
            yield found


def _licensed(agreement: Agreement, known: Known) -> Iterator[tuple[int, ReleasedField]]:
    """Yield each grant of the use publish for each field that a licence takes, with the line that takes it."""
    for share in (known[name] for name in agreement.under if name in known):
        for ref, field in granted_fields(share):
            licensed = agreement.provisions.licensed.get(ref)
            if licensed is not None and field.is_publish:
                released = ReleasedField(ref, field.name, field.cls, field.treatment, field.clause)
                yield line_of(licensed.clause), released
