"""The letters under which HIPAA's Safe Harbor and FERPA list identifiers, with what each letter means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.vocabulary.loading import load, mark_of


@dataclass(frozen=True)
class Lettered:
    """A rule that lists identifiers by letter: its citation, its mark, and what each letter means."""

    cite: str
    mark: str
    letters: Mapping[str, str]

    def cite_of(self, letter: str) -> str:
        """Return the citation of one letter: 45 CFR 164.514(b)(2)(i)(A)."""
        joint = "" if self.cite.endswith(")") else " "
        return f"{self.cite}{joint}({letter})"


@lru_cache(maxsize=1)
def letters() -> Mapping[str, Lettered]:
    """Return the two rules by the key that a field class has for them: `safe_harbor`, `ferpa`."""
    found = {}
    for name, _, value in load("letters").entries():
        k = value.keys_of(["cite", "mark", "letters"])
        meanings = {letter: node.text() for letter, _, node in k["letters"].entries()}
        found[name] = Lettered(k["cite"].text(), mark_of(k["mark"]), meanings)
    return found
