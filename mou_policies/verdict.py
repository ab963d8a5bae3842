"""What a claim of de-identification is judged by and what comes of it: shapes, and their words for people.

How they come about is in `claims`.
"""

from __future__ import annotations

from dataclasses import dataclass

from mou_policies.model import Treatment
from mou_policies.provisions import AcceptedRisk, FieldRef
from mou_policies.vocabulary import Claim

PROVED, ACCEPTED, REFUSED = "proved", "proved except for accepted risks", "refused"


@dataclass(frozen=True)
class ReleasedField:
    """One column that leaves: the field it comes from, its class, its treatment, and the clause that grants it."""

    ref: FieldRef
    column: str
    cls: str
    treatment: Treatment
    clause: str

    def __str__(self) -> str:
        return ".".join(self.ref)


@dataclass(frozen=True)
class Objection:
    """What speaks against a field under a claim: the rule of the catalogue, why, and the text it rests on."""

    rule: str
    what: str
    cite: str

    def __str__(self) -> str:
        return f"{self.what} ({self.rule}; {self.cite})"


@dataclass(frozen=True)
class Line:
    """One line of a verdict: about a field that leaves, or a condition on the whole release.

    `outcome` is proved, accepted risk or refused. `rule` and `remedy` are those of a refusal or an accepted risk,
    `accepted` are the risks a named person answers for, `cite` the text it rests on with its mark.
    """

    about: str
    outcome: str
    says: str
    cite: str
    clause: str
    rule: str = ""
    remedy: str = ""
    accepted: tuple[AcceptedRisk, ...] = ()

    def __str__(self) -> str:
        return f"{self.about}: {self.says}"


@dataclass(frozen=True)
class Verdict:
    """What became of one claim of one licence: a line for each condition and for each field that leaves."""

    claim: Claim
    licence: str
    level: str
    conditions: tuple[Line, ...]
    fields: tuple[Line, ...]

    @property
    def refused(self) -> tuple[Line, ...]:
        """The lines for which the claim does not hold."""
        return tuple(line for line in (*self.conditions, *self.fields) if line.outcome == REFUSED)

    @property
    def accepted(self) -> tuple[AcceptedRisk, ...]:
        """The risks without which the claim would not hold, each once."""
        return tuple(dict.fromkeys(risk for line in self.fields for risk in line.accepted))

    @property
    def outcome(self) -> str:
        """PROVED, ACCEPTED or REFUSED."""
        return REFUSED if self.refused else ACCEPTED if self.accepted else PROVED

    def __str__(self) -> str:
        title = f"{self.claim.title} ({self.claim.cite} [{self.claim.mark}])"
        if self.refused:
            more = f"; and {len(self.refused) - 1} more" if len(self.refused) > 1 else ""
            first = self.refused[0]
            return f"{title}: refused: {first}, {first.clause}; {first.remedy.rstrip('.')}{more}"
        risks = "; ".join(f"{risk.rule}, {said_by(risk)}" for risk in self.accepted)
        return f"{title}: {self.outcome}; fields that leave: {len(self.fields)}" + (f" ({risks})" if risks else "")


def said_by(risk: AcceptedRisk) -> str:
    """Return who accepts a risk, until when and why, in words."""
    return f"accepted by {risk.by}, {risk.role}, until {risk.until}: {risk.because}"
