"""An agreement as a whole: its kind, parties, term and authority, with its sources and provisions.

Here are the shapes only. The sources are in `model`, the provisions in `provisions`; which agreements hold on a night
is decided in `policy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from mou_policies.errors import AgreementError
from mou_policies.model import FieldPolicy, SourcePolicy
from mou_policies.provisions import DSA, DUL, EMOU, FieldRef, Provisions

PROVIDER, HUB, MEMBER, RECIPIENT = "provider", "hub", "member", "recipient"
_Clause = TypeVar("_Clause")
MEMBERS = "members"
OTHER_PARTY = {EMOU: MEMBER, DSA: PROVIDER, DUL: RECIPIENT}


@dataclass(frozen=True)
class Party:
    """One party to an agreement; `role` is hub, provider (of a DSA), member (of an EMOU) or recipient (of a DUL)."""

    agency: str
    name: str
    represented_by: str
    contact: str
    role: str


@dataclass(frozen=True)
class Authority:
    """One legal door: an exception of the vocabulary, its citation, how each required element is met, and for whom."""

    exception: str
    cite: str
    elements: Mapping[str, str]
    line: int
    population: str | None = None
    place: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Destruction:
    """How long after the term (in days) what was shared may stay, how it is destroyed and who attests it."""

    period_days: int
    starts: str
    method: str
    certificate: str


@dataclass(frozen=True)
class Redisclosure:
    """Whether the hub may pass identifiable content on, and in whose words."""

    allowed: bool
    text: str


@dataclass(frozen=True)
class Agreement:
    """A well-formed agreement, in force or not.

    `kind` is emou, dsa or dul, `under` the ids of its parents. `clauses` maps each clause path (``term``,
    ``sources.birth.tables.births.fields.IDOB``) to the SHA-256 of its canonical form, `lines` to its line in the file;
    `sha256` is the digest of `clauses`: what is signed. A DSA has `destruction` and `redisclosure`; another kind may
    leave them to the agreements beside it.
    """

    agreement_id: str
    kind: str
    file: str
    title: str
    under: tuple[str, ...]
    parties: tuple[Party, ...]
    starts: date
    ends: date
    authority: tuple[Authority, ...]
    purposes: Mapping[str, str]
    destruction: Destruction | None
    redisclosure: Redisclosure | None
    terms: Mapping[str, str]
    sources: Mapping[str, SourcePolicy]
    provisions: Provisions
    sha256: str
    clauses: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.sha256, self.file))

    @property
    def hub(self) -> Party:
        """The party that holds the data hub."""
        return next(p for p in self.parties if p.role == HUB)

    @property
    def provider(self) -> Party:
        """The agency whose data a DSA shares. Raises StopIteration for another kind."""
        return next(p for p in self.parties if p.role == PROVIDER)

    @property
    def owner(self) -> str | None:
        """The agency that owns the data of a DSA, None for another kind."""
        return self.provider.agency if self.kind == DSA else None

    @property
    def own_destruction(self) -> Destruction:
        """The agreement's clause on destruction. Raises AgreementError where it leaves that to others."""
        return _own(self.destruction, self, "destruction")

    @property
    def own_redisclosure(self) -> Redisclosure:
        """The agreement's clause on redisclosure. Raises AgreementError where it leaves that to others."""
        return _own(self.redisclosure, self, "redisclosure")

    def party(self, agency: str) -> Party | None:
        """Return the party of an agency, if it is one."""
        return next((p for p in self.parties if p.agency == agency), None)

    def place(self, path: str) -> tuple[int, int]:
        """Return line and column of a top-level clause, the first line where the agreement has none."""
        return self.lines.get(path, 1), 1


def _own(clause: _Clause | None, agreement: Agreement, name: str) -> _Clause:
    if clause is None:
        what = f"{agreement.agreement_id} has no {name} of its own"
        raise AgreementError(agreement.file, 1, 1, what, f"ask an agreement that has, or add {name}: ...")
    return clause


def granted_fields(agreement: Agreement) -> Iterator[tuple[FieldRef, FieldPolicy]]:
    """Yield every grant of an agreement's own clauses, in the order of the file."""
    for source in agreement.sources.values():
        for table in source.tables.values():
            for granted in table.fields:
                if granted.use != "none":
                    yield (source.source, table.table, granted.field), granted


@dataclass(frozen=True)
class Refusal:
    """An agreement that grants nothing on this date, the sources it stops, and what would mend it."""

    agreement_file: str
    sources: tuple[str, ...]
    reason: str
    line: int
    remedy: str

    def __str__(self) -> str:
        held = ", ".join(self.sources) or "no source could be named"
        return f"{self.agreement_file}:{self.line}: {self.reason} (stopped: {held}); {self.remedy}"
