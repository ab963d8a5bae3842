"""What an agreement says beyond its fields: ceilings, prohibitions, limits, a project's licence, risks, expectations.

Here are the shapes and what a scope covers. How they come from YAML is in `reading`, how they act in `enforce`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from functools import lru_cache

from mou_policies import vocabulary
from mou_policies.model import Treatment

EMOU, DSA, DUL = "emou", "dsa", "dul"
BY_LICENCE, BY_AGREEMENT = "licence", "agreement"

FieldRef = tuple[str, str, str]


@lru_cache(maxsize=8192)
def class_covered(cls: str, patterns: tuple[str, ...]) -> bool:
    """Say whether a class is named by a pattern: itself, `health.*` or `*`."""
    return any(vocabulary.matches(pattern, cls) for pattern in patterns)


def field_covered(ref: FieldRef, patterns: tuple[str, ...]) -> bool:
    """Say whether a field (source, table, field) is named by a pattern like `birth.births.BWG` or `birth.*.*`."""
    return any(_field_matches(ref, pattern) for pattern in patterns)


def _field_matches(ref: FieldRef, pattern: str) -> bool:
    parts = pattern.split(".", 2)
    return len(parts) == 3 and all(fnmatchcase(word, part) for word, part in zip(ref, parts, strict=True))


@dataclass(frozen=True)
class Scope:
    """Which points a provision is about: uses, classes or fields, and purposes (none named: every purpose)."""

    uses: tuple[str, ...]
    classes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()

    def covers(self, ref: FieldRef, cls: str) -> bool:
        """Say whether a field is in the scope, by its class or by its name."""
        return class_covered(cls, self.classes) or field_covered(ref, self.fields)


@dataclass(frozen=True)
class Prohibition:
    """What may not be done, whatever is granted. `together` are classes whose presence in a row is the condition."""

    scope: Scope
    because: str
    cite: str
    clause: str
    together: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limit:
    """The finest treatment a field in scope may have."""

    scope: Scope
    treatment: Treatment
    because: str
    cite: str
    clause: str


@dataclass(frozen=True)
class Permits:
    """The ceiling an EMOU sets: class patterns by use. `publication` says what a release needs (licence, agreement)."""

    classes: Mapping[str, tuple[str, ...]]
    publication: str
    clause: str


@dataclass(frozen=True)
class Attestation:
    """What a named person states, because no test of data can: such as having no actual knowledge.

    They stand by it from `on`, and where they say so until a last day.
    """

    says: str
    by: str
    role: str
    on: date
    until: date | None = None
    place: tuple[int, int] = (1, 1)

    def holds(self, on: date) -> bool:
        """Say whether the person stands by it on a date."""
        return self.on <= on and (self.until is None or on <= self.until)


@dataclass(frozen=True)
class Tail:
    """Percentages of groups of `least` children or more that lie below `low` or above `high` show the bound only."""

    least: int
    low: float
    high: float


@dataclass(frozen=True)
class AmountTerms:
    """When a sum of amounts is not shown: `dominant` contributors make up `share` percent; or the p % rule, `prior`."""

    dominant: int | None
    share: float | None
    prior: float | None


@dataclass(frozen=True)
class PrivacyTerms:
    """What one release may spend by differential privacy (`epsilon`), and what the whole series may (`budget`)."""

    epsilon: float
    budget: float


@dataclass(frozen=True)
class RecordTerms:
    """What a file of rows must be: one row a child and year, under a random id.

    `k`: how many children share each history of quasi-identifiers at least. `l`: how many different values each outcome
    takes among them at least. `t`: how far their outcomes may lie from those of everyone (0..1; None: not asked).
    `suppress`: the largest share of rows that may be left out (0..1). `keep`: the columns wanted.
    """

    keep: tuple[str, ...]
    k: int = 10
    l: int = 2  # noqa: E741  (the name of the rule)
    t: float | None = None
    suppress: float = 0.05
    clause: str = ""


@dataclass(frozen=True)
class ReleaseTerms:
    """What a release under a licence must be, and what it claims to be.

    `minimum_cell` is the smallest count shown; `quasi_identifiers` are field patterns. `zeros` and `certain` say
    whether a count of 0 and a rate of exactly 0 or 100 % are `shown` or `hidden`, None where the licence does not say;
    `mode` how numbers are protected, None likewise.
    """

    name: str
    level: str
    claims: tuple[str, ...]
    minimum_cell: int | None
    earlier_releases: str
    quasi_identifiers: tuple[str, ...]
    attests: tuple[Attestation, ...]
    clause: str
    zeros: str | None = None
    certain: str | None = None
    percentages: tuple[Tail, ...] = ()
    amounts: AmountTerms | None = None
    mode: str | None = None
    privacy: PrivacyTerms | None = None
    records: RecordTerms | None = None


@dataclass(frozen=True)
class Licensed:
    """One field a licence lets into its release, why, and where that stands."""

    reason: str
    clause: str


@dataclass(frozen=True)
class AcceptedRisk:
    """A finding that a named person answers for, from one day to another. `about` is a field pattern, `*` for all."""

    rule: str
    about: str
    by: str
    role: str
    on: date
    until: date
    because: str
    clause: str
    place: tuple[int, int]

    def holds(self, on: date) -> bool:
        """Say whether the risk is accepted on a date."""
        return self.on <= on <= self.until

    def covers(self, about: str) -> bool:
        """Say whether it is about a field, named as source.table.field; a risk without a field is about everything."""
        parts = tuple(about.split(".", 2))
        return self.about == "*" or (len(parts) == 3 and field_covered((parts[0], parts[1], parts[2]), (self.about,)))


@dataclass(frozen=True)
class Expectation:
    """A question and the answer a lawyer expects. `because` is a rule, a clause path or an exception, where given."""

    ref: FieldRef
    use: str
    purpose: str | None
    on: date
    allowed: bool
    because: str | None
    clause: str
    place: tuple[int, int]


@dataclass(frozen=True)
class Amends:
    """The agreement that this one takes the place of, and the digest of its wording."""

    agreement: str
    sha256: str
    place: tuple[int, int]


@dataclass(frozen=True)
class Provisions:
    """All of an agreement's provisions; what a kind has not is empty.

    `signatories` are the offices that sign for a party, by its role; of a role not named, anyone trusted signs.
    """

    permits: Permits | None = None
    prohibits: tuple[Prohibition, ...] = ()
    limits: tuple[Limit, ...] = ()
    licensed: Mapping[FieldRef, Licensed] = field(default_factory=dict)
    release: ReleaseTerms | None = None
    accepts: tuple[AcceptedRisk, ...] = ()
    expects: tuple[Expectation, ...] = ()
    amends: Amends | None = None
    signatories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
