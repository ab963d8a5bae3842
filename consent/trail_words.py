"""What an event of the audit trail may say: its kind, its words, its payload as plain data.

What belongs here: refusing what the chain cannot hold. What does not: the chain (`trail`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from consent.tables import audit_event
from consent.trail_errors import TrailError
from mou_policies.canonical import canonical_json

Kind = Literal[
    "night",
    "load",
    "refusal",
    "consent",
    "decision",
    "link",
    "key",
    "sign_in",
    "person",
    "query",
    "release",
    "disclosure",
    "return",
    "destruction",
    "backup",
    "restore",
    "erasure",
    "budget",
]
"""What an event can be about: the closed list of the trail."""

KINDS: tuple[str, ...] = get_args(Kind)

_WORDS = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")
"""What `actor` and `subject` may be made of: no control character, so that one event is one line on a screen."""


def checked(kind: str, actor: str, subject: str, payload: Mapping[str, Any]) -> bytes:
    """Return the canonical form of a payload; what goes with it fits the columns of both engines.

    Raises TrailError for a kind that is not listed, words that no column takes, and what is no plain data.
    """
    if kind not in KINDS:
        raise TrailError(f"found the kind of event {kind!r}, expected one of {', '.join(KINDS)}; name one of those")
    for column, words in (("actor", actor), ("subject", subject)):
        most = audit_event.c[column].type.length or 0  # type: ignore[attr-defined]
        if len(words) > most or not _WORDS.fullmatch(words):
            raise TrailError(
                f"found {len(words)} characters as the {column} of an event, expected 1 to {most} on one line; "
                "put what is longer into the payload"
            )
    try:
        return canonical_json(payload)
    except (TypeError, ValueError, RecursionError):
        raise TrailError(
            f"the payload of an event of kind {kind} is no plain data; expected text, whole and finite numbers, "
            "true, false, null, and lists and mappings of them"
        ) from None
