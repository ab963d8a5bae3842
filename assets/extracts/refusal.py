"""The refusal of a whole source for one night, and the check that even the reading of a delivery can fail.

It stands apart from `assets.extracts.checks`, because an agency reads and splits without Great Expectations.
"""

from __future__ import annotations

from assets.extracts.nights import CheckResult, Page

FOLLOWED = "exclusions_followed"


class SourceRefusedError(Exception):
    """A check stopped a source for tonight: `check` (counts), what was found, and what to do. One line, no value.

    `page`, if set, is what the book of nights may say of the refused delivery.
    """

    def __init__(self, check: CheckResult, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.check = check
        self.page: Page | None = None
        self.what = what
        self.remedy = remedy
