"""What agreements expect of themselves: each expectation asked, and the clauses that none of them touches.

Pure: agreements, and a policy for each day asked about, come in. Which policy that is (as signed, or as if signed) is
decided in `trials`; what a policy answers, in `explain`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from mou_policies.agreement import Agreement
from mou_policies.explain import Answer, Question, explain
from mou_policies.findings import WARNING, Finding, finding
from mou_policies.provisions import Expectation

if TYPE_CHECKING:
    from mou_policies.policy import Policy

AS_SIGNED, AS_IF_SIGNED = "as signed", "as if signed"
ALLOWED, DENIED = "allowed", "denied"
FIELDS, PROHIBITIONS, LIMITS, PERMITS = "fields", "prohibitions", "limits", "permits"


@dataclass(frozen=True)
class Judged:
    """One expectation of an agreement and the answer; `basis` says whether signatures were taken as they are."""

    agreement: Agreement
    expectation: Expectation
    answer: Answer
    basis: str

    @property
    def found(self) -> str:
        """What the agreements say: allowed or denied."""
        return ALLOWED if self.answer.allowed else DENIED

    @property
    def expected(self) -> str:
        """What was expected: allowed or denied."""
        return ALLOWED if self.expectation.allowed else DENIED

    @property
    def holds(self) -> bool:
        """Whether the answer is the one expected, for the reason expected."""
        because = self.expectation.because
        return self.found == self.expected and (because is None or rests_on(self.answer, because))

    @property
    def is_wider(self) -> bool:
        """Whether more is possible than was expected."""
        return self.answer.allowed and not self.expectation.allowed

    def finding(self) -> Finding | None:
        """Return AGR-015 where the expectation does not hold.

        An error where more is possible than expected; a warning where less is, or where it is so for another reason.
        """
        if self.holds:
            return None
        asked = self.expectation
        reason = f" because of {asked.because}" if asked.because else ""
        says = f"{self.answer.question} is expected to be {self.expected}{reason} on {asked.on}, and is {self.found}"
        about = ".".join(asked.ref)
        found = finding("AGR-015", self.agreement.file, asked.place, f"{says}: {self.answer.says}", about=about)
        return found if self.is_wider else replace(found, severity=WARNING)


@dataclass(frozen=True)
class Covered:
    """One clause that an expectation can touch: of which agreement and kind, and whether one does."""

    agreement: str
    kind: str
    clause: str
    touched: bool


def judge(agreement: Agreement, policy_on: Callable[[date], Policy], basis: str = AS_SIGNED) -> tuple[Judged, ...]:
    """Ask everything an agreement expects, each of the policy of its own day."""
    return tuple(
        Judged(agreement, asked, explain(policy_on(asked.on), _question(asked)), basis)
        for asked in agreement.provisions.expects
    )


def _question(asked: Expectation) -> Question:
    return Question(asked.ref, asked.use, asked.on, asked.purpose)


def rests_on(answer: Answer, because: str) -> bool:
    """Say whether an answer rests on a rule id, an exception, or a clause by its path (`prohibits[2]`)."""
    clauses = (*answer.clauses, *answer.beside)
    return because in {answer.rule, *answer.exceptions} or any(clause.endswith(f" {because}") for clause in clauses)


def coverage(agreements: Iterable[Agreement], judged: Iterable[Judged]) -> list[Covered]:
    """Return the clauses of agreements that an expectation can touch, in file order, and which of them one touched.

    A prohibition on joined rows (`with`) is asked of a measure, not of a field, and is not among them.
    """
    touched = {touched for one in judged for touched in _touched(one)}
    return [
        Covered(agreement.agreement_id, kind, clause, clause in touched)
        for agreement in agreements
        for kind, clause in _clauses(agreement)
    ]


def _touched(judged: Judged) -> Iterator[str]:
    """Yield the clauses an answer rests on; of a ceiling, the line of the use that was asked about."""
    for clause in (*judged.answer.clauses, *judged.answer.beside):
        yield clause
        yield f"{clause}.{judged.expectation.use}"


def _clauses(agreement: Agreement) -> Iterator[tuple[str, str]]:
    provisions = agreement.provisions
    tables = [table for source in agreement.sources.values() for table in source.tables.values()]
    granted = [field.clause for table in tables for field in table.fields]
    licensed = [licensed.clause for licensed in provisions.licensed.values()]
    yield from ((FIELDS, clause) for clause in dict.fromkeys([*granted, *licensed]))
    yield from ((PROHIBITIONS, rule.clause) for rule in provisions.prohibits if not rule.together)
    yield from ((LIMITS, limit.clause) for limit in provisions.limits)
    if provisions.permits is not None:
        yield from ((PERMITS, f"{provisions.permits.clause}.{use}") for use in provisions.permits.classes)
