"""Counts that leave the hub outside a release: what an agency, or whoever gets a night's summary, may be told.

What belongs here: the rule, applied to rows of counts, and the one sentence for what it hides. A count leaves exactly
where it follows from the agency's own delivery and the agreements alone (`reports.yaml`); every other number is left
out, listed or not. What does not: what a report says otherwise (`pipelines.story`), the counts of whole city that move
once a month (`held_counts`), the tables of a release.

Nothing is rounded here. Somebody who delivers one row, or the same rows night after night, hears what their rows alone
decide, and so learns nothing about a child from what they hear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

NOT_TOLD: Final = (
    "Which accepted rows are loaded and which a family's decision leaves out is not told outside the hub, "
    "nor anything else that depends on other agencies' records."
)
"""The one sentence for every count that a report leaves out, whatever the count is."""

_TAKEN = ("quarantined", "dropped_by_policy")


WITHHELD: Final = "did not pass; what it found is told on the hub (`cradlepath report`)"


@cache
def _listed() -> dict[str, dict[str, str]]:
    text = (Path(__file__).parent / "reports.yaml").read_text(encoding="utf-8")
    return {str(name): dict(entries) for name, entries in yaml.safe_load(text).items()}


@cache
def own_counts(*, agency_tokenised: bool = False) -> frozenset[str]:
    """Return the names of the counts that follow from an agency's own delivery and the agreements."""
    listed = _listed()
    return frozenset(listed["own"]) | frozenset(listed["own_where_agency_tokenised"] if agency_tokenised else ())


def leaving(rows: Iterable[Mapping[str, Any]], *, agency_tokenised: bool = False) -> list[dict[str, Any]]:
    """Return rows of counts as they may leave the hub: words, and the numbers that `reports.yaml` lists.

    Rows read become accepted, quarantined and dropped by policy, which still add up.
    """
    own = own_counts(agency_tokenised=agency_tokenised)
    return [
        {name: value for name, value in _accepted(row).items() if not _is_number(value) or name in own} for row in rows
    ]


def without_counts(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with a dash for every number: how many families sent a form is told to the office that did."""
    return {name: "–" if _is_number(value) else value for name, value in row.items()}


def told_of(check: str, said: str) -> str:
    """Return what a check found as it may leave the hub: in its own words only where `reports.yaml` lists it."""
    return said if check in _listed()["words_told"] else WITHHELD


def _accepted(row: Mapping[str, Any]) -> dict[str, Any]:
    """Put `accepted` behind `read`, in a row that has the fates of rows."""
    if not {"read", *_TAKEN} <= row.keys():
        return dict(row)
    accepted = row["read"] - sum(row[name] for name in _TAKEN)
    told: dict[str, Any] = {}
    for name, value in row.items():
        told[name] = value
        if name == "read":
            told["accepted"] = accepted
    return told


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
