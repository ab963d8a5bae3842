"""What ends soon, or has ended: agreements, risks somebody accepted, and statements somebody stands by.

Pure: agreements and a day in, notices out. Lint warns by it (AGR-012), and so does the night.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from mou_policies.agreement import Agreement

STAGES = (7, 30, 90)
"""How many days ahead a notice becomes more urgent."""

AGREEMENT, RISK, STATEMENT = "agreement", "accepted risk", "attestation"
ENDED = "ended"


@dataclass(frozen=True)
class Notice:
    """Something that ends: `what` it is, `about` which (a rule, a statement; an agreement's own id), and who answers.

    `ends` is the last day on which it holds, `days` how many are left (negative after it); `stage` is ended, or the
    least of `STAGES` that is not yet passed (`7 days`). `place` is (line, column) in the agreement's file.
    """

    stage: str
    what: str
    about: str
    by: str
    agreement: str
    file: str
    place: tuple[int, int]
    ends: date
    days: int

    def __str__(self) -> str:
        place = f"{self.file}:{self.place[0]}"
        return f"{place}: {self.says}"

    @property
    def says(self) -> str:
        """In words: what ends, and when."""
        whose = {
            AGREEMENT: f"the agreement {self.about}",
            RISK: f"the acceptance of {self.about} by {self.by}",
            STATEMENT: f"the statement {self.about} of {self.by}",
        }[self.what]
        if self.stage == ENDED:
            return f"{whose} ended on {self.ends}"
        left = "today is its last day" if self.days == 0 else f"in {self.days} day{'' if self.days == 1 else 's'}"
        return f"{whose} ends on {self.ends}, {left}"


def notices(agreements: Iterable[Agreement], on: date) -> list[Notice]:
    """Return a notice for everything that has ended by a day or ends within 90 days of it, the most urgent first."""
    found = [notice for agreement in agreements for notice in _of(agreement, on)]
    return sorted(found, key=lambda n: (n.ends, n.file, n.place))


def _of(agreement: Agreement, on: date) -> Iterator[Notice]:
    provisions = agreement.provisions
    stated = provisions.release.attests if provisions.release else ()
    ends: list[tuple[str, str, str, date, date | None, tuple[int, int]]] = [
        (AGREEMENT, agreement.agreement_id, "", agreement.starts, agreement.ends, agreement.place("term")),
        *((RISK, risk.rule, risk.by, risk.on, risk.until, risk.place) for risk in provisions.accepts),
        *((STATEMENT, one.says, one.by, one.on, one.until, one.place) for one in stated),
    ]
    for what, about, by, since, until, place in ends:
        stage = _stage(until, on) if until is not None and since <= on else None
        if until is not None and stage is not None:
            left = (until - on).days
            yield Notice(stage, what, about, by, agreement.agreement_id, agreement.file, place, until, left)


def _stage(ends: date, on: date) -> str | None:
    left = (ends - on).days
    if left < 0:
        return ENDED
    return next((f"{days} days" for days in STAGES if left <= days), None)
