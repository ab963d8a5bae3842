"""From an agreement file to an `Agreement`: strict, and exact about what is wrong and where.

Everything that is not understood is an error, so that no word of an agreement is silently without effect, and one
reading shows every error. What a well-formed agreement lacks in law is in `lint`; whether it is in force, in `policy`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.agreement import (
    HUB,
    MEMBER,
    MEMBERS,
    OTHER_PARTY,
    Agreement,
    Authority,
    Destruction,
    Party,
    Redisclosure,
)
from mou_policies.canonical import clauses, digest_of
from mou_policies.errors import AgreementError
from mou_policies.findings import Finding, Findings, of_error
from mou_policies.nodes import Node, parse_yaml, read_text, without_collection
from mou_policies.placeholders import PLACEHOLDER, placeholders
from mou_policies.provisions import DSA, Provisions
from mou_policies.reading import Context, read_provisions
from mou_policies.sources import Heading, read_sources

SIGNERS_FILE = "signers.yaml"

__all__ = ["AgreementError", "Reading", "agreement_files", "load_agreement", "load_agreements", "read_agreement"]

_ID = re.compile(r"[a-z][a-z0-9-]{2,60}")
_AGENCY = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Reading:
    """What a file says: the agreement, or None and the errors for which there is none."""

    file: Path
    agreement: Agreement | None
    errors: tuple[AgreementError, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The errors as findings of lint, in the order of the file."""
        return tuple(of_error(e) for e in sorted(self.errors, key=lambda e: (e.line, e.column)))


def agreement_files(folder: Path) -> list[Path]:
    """Return the agreement files of a folder in name order (the trust store is not one)."""
    found = [*folder.glob("*.yaml"), *folder.glob("*.yml")]
    return sorted(p for p in found if p.name != SIGNERS_FILE and not p.name.startswith("."))


def load_agreements(folder: Path) -> list[Agreement]:
    """Load every agreement of a folder. Raises AgreementError at the first that is malformed."""
    return [load_agreement(file) for file in agreement_files(folder)]


def load_agreement(file: Path) -> Agreement:
    """Load one agreement file. Raises AgreementError with line and column of the first thing that is wrong."""
    reading = read_agreement(file)
    if reading.agreement is None:
        raise reading.errors[0]
    return reading.agreement


def read_agreement(file: Path) -> Reading:
    """Read one agreement file, and everything that is wrong with it.

    The same text is parsed once: an agreement is asked for several times a night. Within `reading_by`, texts are read
    as that says.
    """
    try:
        text = read_text(file)
    except AgreementError as error:
        return Reading(file, None, (error,))
    return _reader.get()(file, text)


@contextmanager
def reading_by(read: Callable[[Path, str], Reading]) -> Iterator[None]:
    """Have `read_agreement` read texts by this function within the context: for commands that show (see `kept`)."""
    before = _reader.set(read)
    try:
        yield
    finally:
        _reader.reset(before)


@lru_cache(maxsize=256)
def read_afresh(file: Path, text: str) -> Reading:
    """Read the text of an agreement file, and everything that is wrong with it."""
    found = Findings()
    agreement: Agreement | None = None
    left: list[AgreementError] = []
    with found.catch(), without_collection():
        root = parse_yaml(file, text)
        left = placeholders(root) if PLACEHOLDER in text else []
        agreement = _agreement(file, root, found)
    places = {(error.line, error.column) for error in left}
    errors = (*left, *(error for error in found.errors if (error.line, error.column) not in places))
    return Reading(file, None if errors else agreement, errors)


_reader: ContextVar[Callable[[Path, str], Reading]] = ContextVar("reader", default=read_afresh)


def _agreement(file: Path, root: Node, found: Findings) -> Agreement:
    kind, keys = _headings(root)
    agreement_id = keys["agreement"].matching(_ID, "agreement id", "write it like vital-records-2025")
    parties = _parties(keys["parties"], kind)
    starts, ends = _term(keys["term"])
    authority = _authority(keys["authority"], found) if "authority" in keys else ()
    purposes = _purposes(keys["purposes"])
    digests, lines = clauses(root)
    other = next((p for p in parties if p.role != HUB), parties[0])
    heading = Heading(
        agreement=agreement_id,
        file=file.name,
        sha256=digest_of(digests),
        agency=other.agency,
        contact=other.contact,
        exceptions=tuple(a.exception for a in authority),
        purposes=tuple(purposes),
        findings=found,
    )
    return Agreement(
        agreement_id=agreement_id,
        kind=kind,
        file=file.name,
        title=keys["title"].text(),
        under=_parents(keys["under"]) if "under" in keys else (),
        parties=parties,
        starts=starts,
        ends=ends,
        authority=authority,
        purposes=purposes,
        destruction=_destruction(keys["destruction"]) if "destruction" in keys else None,
        redisclosure=_redisclosure(keys["redisclosure"]) if "redisclosure" in keys else None,
        terms=_terms(keys["terms"]) if "terms" in keys else {},
        provisions=_provisions(keys, Context(file.name, agreement_id, found)),
        sources=read_sources(keys["sources"], heading) if "sources" in keys else {},
        sha256=heading.sha256,
        clauses=digests,
        lines=lines,
    )


def _headings(root: Node) -> tuple[str, dict[str, Node]]:
    """Return the kind of an agreement and its top-level keys, which depend on the kind."""
    present = {name: value for name, _, value in root.entries()}
    kind = present["kind"].word(vocabulary.kinds(), "kind of agreement") if "kind" in present else DSA
    if "agreement" in present:
        if "authority" not in present and kind == DSA:
            remedy = "name the legal exception: authority: [{exception: ..., cite: ..., elements: {...}}]"
            raise root.error("the agreement names no authority", remedy, "AGR-001")
        if "destruction" not in present and kind == DSA:
            remedy = "state the period: destruction: {period_days: 180, ...}"
            raise root.error("the agreement has no destruction period", remedy, "AGR-003")
    rule = vocabulary.kinds()[kind]
    return kind, root.keys_of(rule.required, rule.optional)


def _parties(node: Node, kind: str) -> tuple[Party, ...]:
    other = OTHER_PARTY[kind]
    plural = other == MEMBER
    keys = node.keys_of([HUB, MEMBERS if plural else other])
    bodies = keys[MEMBERS].items() if plural else [keys[other]]
    parties = (_party(keys[HUB], HUB), *(_party(body, other) for body in bodies))
    agencies = [party.agency for party in parties]
    for party, body in zip(parties[1:], bodies, strict=True):
        if agencies.count(party.agency) > 1:
            raise body.error(f"agency {party.agency} is a party twice", "name each party once")
    return parties


def _party(node: Node, role: str) -> Party:
    keys = node.keys_of(["agency", "name", "represented_by", "contact"])
    remedy = "use the name of its landing folder: lower case, digits, _"
    agency = keys["agency"].matching(_AGENCY, "agency name", remedy)
    return Party(agency, keys["name"].text(), keys["represented_by"].text(), keys["contact"].text(), role)


def _parents(node: Node) -> tuple[str, ...]:
    for item in node.items():
        item.matching(_ID, "agreement id", "write the id of the agreement this one stands under")
    return node.texts()


def _term(node: Node) -> tuple[date, date]:
    keys = node.keys_of(["from", "to"])
    starts, ends = keys["from"].day(), keys["to"].day()
    if ends < starts:
        raise keys["to"].error("the term ends before it starts", "mend the dates")
    return starts, ends


def _authority(node: Node, found: Findings) -> tuple[Authority, ...]:
    if node.is_list and not node.items(empty=True):
        raise node.error("the agreement names no authority", "name at least one exception", "AGR-001")
    doors: list[Authority] = []
    for item in node.items():
        with found.catch():
            doors.append(_exception(item))
    return tuple(doors)


def _exception(node: Node) -> Authority:
    keys = node.keys_of(["exception", "cite", "elements"], ["population"])
    name = keys["exception"].word(vocabulary.exceptions(), "exception", "AGR-001")
    rule = vocabulary.exceptions()[name]
    given = keys["elements"].keys_of([], rule.elements)
    for element, asked in rule.elements.items():
        if element not in given:
            what = f"{name} requires the element {element!r} ({asked.cite} [{asked.mark}])"
            raise keys["elements"].error(what, f"state {asked.asks}: {element}: ...", "AGR-002")
    population = keys["population"].word(vocabulary.populations(), "population") if "population" in keys else None
    if rule.population and population != rule.population:
        stated = population or "no population"
        what = f"{name} is for the population {rule.population}, and the agreement states {stated}"
        remedy = f"state population: {rule.population}, or use another exception"
        raise keys.get("population", keys["exception"]).error(f"{what} ({rule.cite} [{rule.mark}])", remedy, "AGR-008")
    elements = {k: v.text() for k, v in given.items()}
    return Authority(name, keys["cite"].text(), elements, node.line, population, (node.line, node.column))


def _purposes(node: Node) -> dict[str, str]:
    found = {key_node.word(vocabulary.purposes(), "purpose"): v.text() for _, key_node, v in node.entries()}
    if not found:
        raise node.error("the agreement names no purpose", "name at least one")
    return found


def _destruction(node: Node) -> Destruction:
    if node.is_table and not node.has("period_days"):
        raise node.error("the destruction period is not stated", "add period_days: 180", "AGR-003")
    keys = node.keys_of(["period_days", "starts", "method", "certificate"])
    days = keys["period_days"].integer(0, 36_600)
    return Destruction(days, keys["starts"].text(), keys["method"].text(), keys["certificate"].text())


def _redisclosure(node: Node) -> Redisclosure:
    keys = node.keys_of(["allowed", "text"])
    return Redisclosure(keys["allowed"].flag(), keys["text"].text())


def _terms(node: Node) -> dict[str, str]:
    return {name: value.text() for name, _, value in node.entries()}


def _provisions(keys: Mapping[str, Node], context: Context) -> Provisions:
    if "signatories" in keys:
        with context.findings.catch():
            keys["signatories"].keys_of([], [name for name, _, _ in keys["parties"].entries()])
    return read_provisions(keys, context)
