"""Everything that agreements can allow: points (source, table, field, use, purpose) over spans of dates, all of them.

What is granted changes only on days on which a term, the acceptance of a risk or a statement begins or ends, or a ZIP3
table grows old, so that a span between two such days is one date to ask about. Not here: what is granted (`policy`),
and what two sets of agreements grant otherwise (`diff`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.model import FieldPolicy
from mou_policies.policy import Policy
from mou_policies.provisions import FieldRef

RELEASE = "release"
USES = ("link", "content", "publish", RELEASE)
"""The uses of a clause, and what a licence makes of the last: entering a release."""

DAY = timedelta(days=1)


class Point(NamedTuple):
    """One thing that may be done or not: a field (source, table, field), a use and a purpose."""

    ref: FieldRef
    use: str
    purpose: str


@dataclass(frozen=True, order=True)
class Span:
    """Dates from the first to the last, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def spans(agreements: Iterable[Agreement]) -> list[Span]:
    """Return the dates on which any of the agreements holds, cut wherever what they grant can change, in order."""
    held = list(agreements)
    starts = {day for agreement in held for day in _turns(agreement)}
    first, last = min((a.starts for a in held), default=None), max((a.ends for a in held), default=None)
    if first is None or last is None:
        return []
    starts |= {vintage.current_until + DAY for vintage in vocabulary.zip3_vintages()}
    within = sorted(day for day in starts if first <= day <= last + DAY)
    return [Span(day, after - DAY) for day, after in pairwise(within)]


def _turns(agreement: Agreement) -> Iterator[date]:
    """Yield the days from which something of an agreement holds, or holds no more."""
    yield from (agreement.starts, agreement.ends + DAY)
    for risk in agreement.provisions.accepts:
        yield from (risk.on, risk.until + DAY)
    for stated in agreement.provisions.release.attests if agreement.provisions.release else ():
        yield stated.on
        if stated.until is not None:
            yield stated.until + DAY


def joined(found: Iterable[Span]) -> list[Span]:
    """Return the same dates in as few spans as will hold them, in order."""
    whole: list[Span] = []
    for span in sorted(found):
        if whole and span.first <= whole[-1].last + DAY:
            whole[-1] = Span(whole[-1].first, max(span.last, whole[-1].last))
        else:
            whole.append(span)
    return whole


def granted(policy: Policy) -> Mapping[Point, tuple[FieldPolicy, ...]]:
    """Return every point that a policy allows, with the grants that allow it: one for each output column."""
    found: dict[Point, list[FieldPolicy]] = defaultdict(list)
    for source in policy.sources.values():
        for table in source.tables.values():
            for field in table.fields:
                ref = (source.source, table.table, field.field)
                for use, purpose in field.pairs:
                    found[Point(ref, use, purpose)].append(field)
                    if use == "publish" and policy.licence.refuses(ref, field, purpose) is None:
                        found[Point(ref, RELEASE, purpose)].append(field)
    return {point: tuple(fields) for point, fields in found.items()}
