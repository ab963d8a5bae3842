"""One change of what may be done, and the two sides that are compared.

Only shapes are here, for the modules that find changes: `diff_points`, `diff_reading`, `diff_agreements`,
`diff_provisions`. Each of them finds what the second side allows and the first does not; `diff` asks them both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from mou_policies.agreement import Agreement
from mou_policies.domain import Span
from mou_policies.enforce import unite
from mou_policies.policy import Policy, assumed_policy
from mou_policies.provisions import DSA

NOTHING = "–"


@dataclass(frozen=True)
class Change:
    """What is allowed after and was not before, or only less of it.

    `facet` is a word for programs, `about` the field, table, source or agreement. `before` and `after` are words, or
    for a field what becomes of the made-up value `came`. `old` and `new` are the clauses that decide on either side.
    `uses` (each with its purposes) and `spans` are given where the change holds for these only.
    """

    facet: str
    about: str
    before: str
    after: str
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    came: str = ""
    uses: tuple[tuple[str, tuple[str, ...]], ...] = ()
    spans: tuple[Span, ...] = ()

    @property
    def turned(self) -> Change:
        """The same change looked at from the other side."""
        return replace(self, before=self.after, after=self.before, old=self.new, new=self.old)


@dataclass(frozen=True)
class Side:
    """The agreements of one side. `files` are where they were read, by name, where words are to be compared too.

    `alone`: one agreement by itself, without its parents and without lint, which need the others.
    """

    agreements: tuple[Agreement, ...]
    alone: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)

    def policy(self, on: date) -> Policy:
        """Return what the side grants on a date if every agreement were signed."""
        return _by_itself(self.agreements[0], on) if self.alone else assumed_policy(self.agreements, on)

    def with_id(self, name: str) -> list[Agreement]:
        """Return the agreements of an id: one, if all is well."""
        return [a for a in self.agreements if a.agreement_id == name]

    @cached_property
    def heirs(self) -> Mapping[str, str]:
        """Which agreement amends which, by id of the older."""
        return {a.provisions.amends.agreement: a.agreement_id for a in self.agreements if a.provisions.amends}

    def above(self, agreement: Agreement) -> list[Agreement]:
        """Return the parents of an agreement as they are amended."""
        names = set(agreement.under)
        for _ in self.heirs:
            names = {self.heirs.get(name, name) for name in names}
        return [a for a in self.agreements if a.agreement_id in names]

    def of_owner(self, agreement: Agreement) -> list[Agreement]:
        """Return the agreements of an owner that no other has amended."""
        standing = [a for a in self.agreements if a.agreement_id not in self.heirs]
        return [a for a in standing if a.kind == DSA and a.owner == agreement.owner]


def _by_itself(agreement: Agreement, on: date) -> Policy:
    """Return what one agreement grants on a date, whatever others or lint say."""
    holds = agreement.starts <= on <= agreement.ends
    single = replace(agreement, under=())
    united = unite([single] if holds and agreement.kind == DSA else [], {})
    return Policy(
        on=on,
        sources={name: source.as_read for name, source in united.sources.items() if source.grants},
        refusals=(),
        agreements={agreement.agreement_id: single} if holds else {},
        digest=agreement.sha256,
        trust="",
        agreed=united.sources,
        denials=united.denials,
    )
