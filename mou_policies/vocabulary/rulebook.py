"""The lint rules: the stable id of everything that can be wrong with an agreement, a release or a delivery.

What is looked for, where and how is code elsewhere. Here is what a rule is called, how much it weighs, what it rests
on, what to do about it, and whether a named person may accept it as a risk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.vocabulary.loading import load, mark_of

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Rule:
    """One lint rule. `severity` is one of SEVERITIES: an error stops the source or release it is about.

    `acceptable` rules may be accepted by a named person, with a reason and an expiry; all others must be mended.
    """

    id: str
    title: str
    severity: str
    cite: str
    mark: str
    remedy: str
    acceptable: bool


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Rule]:
    """Return the lint rules by id."""
    found = {}
    for name, _, value in load("rules").entries():
        k = value.keys_of(["title", "severity", "cite", "mark", "remedy", "acceptable"])
        found[name] = Rule(
            id=name,
            title=k["title"].text(),
            severity=k["severity"].word(SEVERITIES, "severity"),
            cite=k["cite"].text(),
            mark=mark_of(k["mark"]),
            remedy=k["remedy"].text(),
            acceptable=k["acceptable"].flag(),
        )
    return found
