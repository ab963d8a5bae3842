"""The citations of a document: each has a number, and the mark that says how far its text was checked.

The table of them is built in `appendix`; what is cited where is decided by the sections.
"""

from __future__ import annotations

from functools import lru_cache

from mou_policies import vocabulary
from mou_policies.document.blocks import Note
from mou_policies.vocabulary.letters import letters

STATED = "stated"
STATED_MEANS = "stated by the parties; not checked here"


class Sources:
    """The citations met so far, in the order in which they were met."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], int] = {}

    def note(self, cite: str, mark: str) -> Note:
        """Return the reference to a citation."""
        return Note(self.found.setdefault((cite, mark), len(self.found) + 1))

    def stated(self, cite: str) -> Note:
        """Return the reference to a citation of the agreement's own, with its mark if the vocabulary has it too."""
        return self.note(cite, _marks().get(cite, STATED))

    def letter(self, rule: str, letter: str) -> Note:
        """Return the reference to one letter of `safe_harbor` or `ferpa`."""
        listed = letters()[rule]
        return self.note(listed.cite_of(letter), listed.mark)


@lru_cache(maxsize=1)
def _marks() -> dict[str, str]:
    found = {p.cite: p.mark for p in vocabulary.purposes().values()}
    for rule in vocabulary.exceptions().values():
        found |= {element.cite: element.mark for element in rule.elements.values()} | {rule.cite: rule.mark}
    return found
