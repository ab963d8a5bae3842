"""From an agreement file to an `Agreement`: strict, and exact about what is wrong and where.

Everything that is not understood is an error, so that no word of an agreement is silently without effect.
Whether an agreement is in force (term, signatures) is decided in `policy`.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.canonical import clauses, digest_of
from mou_policies.errors import AgreementError
from mou_policies.model import Agreement, Authority, Destruction, Party, Redisclosure
from mou_policies.nodes import Node, parse_yaml, read_text
from mou_policies.sources import Heading, read_sources

SIGNERS_FILE = "signers.yaml"

__all__ = ["AgreementError", "agreement_files", "load_agreement", "load_agreements"]

_ID = re.compile(r"[a-z][a-z0-9-]{2,60}")
_AGENCY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REQUIRED = [
    "agreement",
    "title",
    "parties",
    "term",
    "authority",
    "purposes",
    "destruction",
    "redisclosure",
    "sources",
]
_OPTIONAL = ["terms"]


def agreement_files(folder: Path) -> list[Path]:
    """Return the agreement files of a folder in name order (the trust store is not one)."""
    found = [*folder.glob("*.yaml"), *folder.glob("*.yml")]
    return sorted(p for p in found if p.name != SIGNERS_FILE and not p.name.startswith("."))


def load_agreements(folder: Path) -> list[Agreement]:
    """Load every agreement of a folder. Raises AgreementError at the first that is malformed."""
    return [load_agreement(file) for file in agreement_files(folder)]


def load_agreement(file: Path) -> Agreement:
    """Load one agreement file. Raises AgreementError with line and column of whatever is wrong.

    The same text is parsed once: an agreement is asked for several times a night.
    """
    return _load(file, read_text(file))


@lru_cache(maxsize=128)
def _load(file: Path, text: str) -> Agreement:
    root = parse_yaml(file, text)
    keys = _headings(root)
    provider, hub = _parties(keys["parties"])
    starts, ends = _term(keys["term"])
    authority = _authority(keys["authority"])
    digests, lines = clauses(root)
    heading = Heading(
        agreement=keys["agreement"].matching(_ID, "agreement id", "write it like vital-records-2025"),
        file=file.name,
        sha256=digest_of(digests),
        agency=provider.agency,
        contact=provider.contact,
        exceptions=frozenset(a.exception for a in authority),
    )
    return Agreement(
        agreement_id=heading.agreement,
        file=file.name,
        title=keys["title"].text(),
        provider=provider,
        hub=hub,
        starts=starts,
        ends=ends,
        authority=authority,
        purposes=_purposes(keys["purposes"]),
        destruction=_destruction(keys["destruction"]),
        redisclosure=_redisclosure(keys["redisclosure"]),
        terms=_terms(keys["terms"]) if "terms" in keys else {},
        sources=read_sources(keys["sources"], heading),
        sha256=heading.sha256,
        clauses=digests,
        lines=lines,
    )


def _headings(root: Node) -> dict[str, Node]:
    present = {name for name, _, _ in root.entries()}
    if "agreement" in present:
        if "authority" not in present:
            remedy = "name the legal exception: authority: [{exception: ..., cite: ..., elements: {...}}]"
            raise root.error("the agreement names no authority", remedy, "AGR-001")
        if "destruction" not in present:
            remedy = "state the period: destruction: {period_days: 180, ...}"
            raise root.error("the agreement has no destruction period", remedy, "AGR-003")
    return root.keys_of(_REQUIRED, _OPTIONAL)


def _parties(node: Node) -> tuple[Party, Party]:
    keys = node.keys_of(["provider", "hub"])
    return _party(keys["provider"]), _party(keys["hub"])


def _party(node: Node) -> Party:
    keys = node.keys_of(["agency", "name", "represented_by", "contact"])
    remedy = "use the name of its landing folder: lower case, digits, _"
    agency = keys["agency"].matching(_AGENCY, "agency name", remedy)
    return Party(agency, keys["name"].text(), keys["represented_by"].text(), keys["contact"].text())


def _term(node: Node) -> tuple[date, date]:
    keys = node.keys_of(["from", "to"])
    starts, ends = keys["from"].day(), keys["to"].day()
    if ends < starts:
        raise keys["to"].error("the term ends before it starts", "mend the dates")
    return starts, ends


def _authority(node: Node) -> tuple[Authority, ...]:
    if node.is_list and not node.items(empty=True):
        raise node.error("the agreement names no authority", "name at least one exception", "AGR-001")
    return tuple(_exception(item) for item in node.items())


def _exception(node: Node) -> Authority:
    keys = node.keys_of(["exception", "cite", "elements"])
    name = keys["exception"].word(vocabulary.exceptions(), "exception", "AGR-001")
    rule = vocabulary.exceptions()[name]
    given = keys["elements"].keys_of([], rule.elements)
    for element, asked in rule.elements.items():
        if element not in given:
            what = f"{name} requires the element {element!r} ({asked.cite} [{asked.mark}])"
            raise keys["elements"].error(what, f"state {asked.asks}: {element}: ...", "AGR-002")
    return Authority(name, keys["cite"].text(), {k: v.text() for k, v in given.items()}, node.line)


def _purposes(node: Node) -> dict[str, str]:
    found = {key_node.word(vocabulary.purposes(), "purpose"): v.text() for _, key_node, v in node.entries()}
    if not found:
        raise node.error("the agreement names no purpose", "name at least one")
    return found


def _destruction(node: Node) -> Destruction:
    given = {name for name, _, _ in node.entries()}
    if "period_days" not in given:
        raise node.error("the destruction period is not stated", "add period_days: 180", "AGR-003")
    keys = node.keys_of(["period_days", "starts", "method", "certificate"])
    days = keys["period_days"].integer(0, 36_600)
    return Destruction(days, keys["starts"].text(), keys["method"].text(), keys["certificate"].text())


def _redisclosure(node: Node) -> Redisclosure:
    keys = node.keys_of(["allowed", "text"])
    return Redisclosure(keys["allowed"].flag(), keys["text"].text())


def _terms(node: Node) -> dict[str, str]:
    return {name: value.text() for name, _, value in node.entries()}
