"""When a release is made, and which periods are closed by then: publication follows a calendar, not a load.

What belongs here: the rule of the calendar and the reading of period labels. What does not: the settings file
that names a rule (`pipelines`), what a period is for a measure (its SQL).

A rule is `monthly`, `quarterly`, `yearly` (1 July, when a school and fiscal year has closed),
`after_period_close` (30 days after that, for late records), or explicit dates. A release is due on the first
night on or after such a day, once for each day.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from assets.release.policy import ReleaseError

Rule = Literal["monthly", "quarterly", "yearly", "after_period_close"] | tuple[date, ...]

LATE_RECORDS = timedelta(days=30)
_LONGEST_WAIT = 400
"""Days within which every rule but a list of dates plans a day again."""

_MONTHS = {
    "monthly": tuple(range(1, 13)),
    "quarterly": (1, 4, 7, 10),
    "yearly": (7,),
    "after_period_close": (7,),
}
_SCHOOL_YEAR = re.compile(r"(\d{4})-(\d{2})\Z")
_YEAR = re.compile(r"\d{4}\Z")


def planned(rule: Rule, on: date) -> date | None:
    """Return the latest planned day on or before `on`, or None. Raises ReleaseError for an unknown rule."""
    days: Sequence[date]
    if isinstance(rule, str):
        if rule not in _MONTHS:
            raise ReleaseError(
                f"release calendar is {rule!r}, expected {', '.join(sorted(_MONTHS))} or a list of dates"
            )
        later = LATE_RECORDS if rule == "after_period_close" else timedelta(0)
        days = [date(year, month, 1) + later for year in (on.year - 1, on.year) for month in _MONTHS[rule]]
    else:
        days = rule
    return max((day for day in days if day <= on), default=None)


def next_planned(rule: Rule, after: date) -> date | None:
    """Return the first planned day after a day; None when a list of dates has no later one."""
    if not isinstance(rule, str):
        return min((day for day in rule if day > after), default=None)
    days = (after + timedelta(days=number) for number in range(1, _LONGEST_WAIT))
    return next((day for day in days if planned(rule, day) == day), None)


def due(night: date, rule: Rule, published: Sequence[date]) -> bool:
    """Say whether a release is due on `night`, given the nights of the releases so far."""
    day = planned(rule, night)
    return day is not None and not any(day <= earlier <= night for earlier in published)


def period_end(period: str) -> date:
    """Return the last day of a period: '2025-26' a school year, '2025' a year, '2025-12' a month.

    A label of two following years is a school year ('2011-12' too). Raises ReleaseError for any other label.
    """
    if _YEAR.match(period):
        return date(int(period), 12, 31)
    found = _SCHOOL_YEAR.match(period)
    if found:
        first, second = int(found[1]), int(found[2])
        if second == (first + 1) % 100:
            return date(first + 1, 6, 30)
        if 1 <= second <= 12:
            return date(first, second, calendar.monthrange(first, second)[1])
    raise ReleaseError(
        "a period has an unknown label, expected '2025-26', '2025' or '2025-12'; correct the outcome table"
    )
