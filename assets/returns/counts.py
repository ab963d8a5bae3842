"""How many records of a request came to what, as the hub's operator may see it: no small number, none by difference.

What belongs here: hiding counts. What does not: counting (`made`).
"""

from __future__ import annotations

from collections.abc import Mapping

from assets.returns.made import NO_CHILD, NOT_PERMITTED, PROTECTED, RETURNED

LEAST = 10
HIDDEN = "not shown"


def shown(records: Mapping[str, int]) -> dict[str, str]:
    """Return the counts by outcome in words: those below LEAST as `<10`, and where that is one alone, the next as well.

    How many were asked for and returned the agency knows; a single hidden count would be their difference.
    """
    reasons = {name: records.get(name, 0) for name in (NO_CHILD, PROTECTED, NOT_PERMITTED)}
    small = [name for name, count in reasons.items() if count < LEAST]
    words = {name: f"<{LEAST}" if name in small else f"{count:,}" for name, count in reasons.items()}
    if len(small) == 1:
        others = {name: count for name, count in reasons.items() if name not in small}
        words[min(others, key=lambda name: others[name])] = HIDDEN
    return {RETURNED: f"{records.get(RETURNED, 0):,}", **words}
