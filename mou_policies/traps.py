"""Unquoted words that two YAML readers take differently: booleans, numbers and dates of one version of YAML only.

YAML 1.1 reads `no` as false, `012` as ten, `1:30` as ninety and `2025-1-1` as a date; YAML 1.2 does not, and has traps
of its own (`1e3`). An agreement has none of them: they are quoted, or written so that every reader agrees.
"""

from __future__ import annotations

import re
from functools import lru_cache

AMBIGUOUS = "FLD-012"
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NULL = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEAN = frozenset({"true", "false"})

_LONGEST_BOOLEAN = len("false")
_BOOLEAN = re.compile(r"y|n|yes|no|on|off|true|false", re.IGNORECASE)
_NUMBER = re.compile(
    r"([-+]_*)?(0[xob][0-9a-f_]+|\d[\d_]*(:\d+)*(\.[\d_]*)?(e[-+]?\d+)?|\._*\d[\d_]*(e[-+]?\d+)?|\.inf|\.nan)",
    re.IGNORECASE | re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?(([Tt]| +)\d\d?:\d\d:\d\d(\.\d*)?( *(Z|[-+]\d\d?(:?\d\d)?))?)?", re.ASCII)
_DIGITS = 15
"""A number with more digits is rounded by readers that keep doubles (IEEE 754 binary64)."""


@lru_cache(maxsize=4096)
def trap(word: str) -> tuple[str, str] | None:
    """Return what an unquoted value could be taken for and the remedy, or None where all readers agree."""
    if len(word) > _LONGEST_BOOLEAN and word[0].isalpha():
        return None
    if _BOOLEAN.fullmatch(word) and word not in BOOLEAN:
        what = f"unquoted {word!r} means true or false to some readers and text to others"
        return what, f'write "{word}" in quotes, or true or false'
    if _NUMBER.fullmatch(word) and (not NUMBER.fullmatch(word) or sum(map(str.isdigit, word)) > _DIGITS):
        what = f"unquoted {word!r} is not the same number to every reader"
        plainly = f"without leading zeros, colons, underscores, an exponent or more than {_DIGITS} digits"
        return what, f'write "{word}" in quotes, or the number {plainly}'
    if _DATE.fullmatch(word) and not DATE.fullmatch(word):
        what = f"unquoted {word!r} is a date to some readers and text to others"
        return what, f'write the date as YYYY-MM-DD, or "{word}" in quotes'
    return None


@lru_cache(maxsize=4096)
def key_trap(word: str) -> tuple[str, str] | None:
    """Return the same for an unquoted key, where `true` and `null` are traps too and `on` is a word of the language."""
    if word == "on":
        return None
    if word in BOOLEAN or word in NULL:
        return f"unquoted {word!r} is no text to some readers", f'write "{word}" in quotes'
    return trap(word)
