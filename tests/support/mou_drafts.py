"""Filling in a draft the way a lawyer would, with words that are good enough for tests."""

from __future__ import annotations

import re

_ANSWERS = [
    # placeholder                       what replaces it
    (r'agreement: "TODO[^"]*"',         "agreement: draft-2025"),
    (r'under: \["TODO[^"]*"\]',         "under: [clinic-2025]"),
    (r'agency: "TODO[^"]*"',            "agency: some_agency"),
    (r'from: "TODO[^"]*"',              "from: 2025-07-01"),
    (r'to: "TODO[^"]*"',                "to: 2030-06-30"),
    (r'period_days: "TODO[^"]*"',       "period_days: 180"),
    (r'claims: \["TODO[^"]*"\]',        "claims: [ferpa.deidentified]"),
    (r'files: \["TODO[^"]*"\]',         'files: ["visits_*.csv"]'),
    (r'"TODO[^"]*"',                    '"As agreed"'),
]  # fmt: skip


def filled(text: str) -> str:
    """Return a draft in which every placeholder outside comments is replaced."""
    for pattern, answer in _ANSWERS:
        text = re.sub(rf"(?m)^(?! *#)(.*?){pattern}", rf"\g<1>{answer}", text)
    return text


def uncommented(text: str) -> str:
    """Return the lines of a draft that say something, without their comments."""
    said = (re.sub(r"(\})  # .*", r"\1", line) for line in text.splitlines() if not line.lstrip().startswith("#"))
    return "\n".join(line for line in said if line.strip())
