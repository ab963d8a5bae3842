"""An anchor as one line that a person prints, reads out and types back.

    cradlepath anchor 1204 2026-11-27 2R0G-WRQ3-VFFA-4MJ8-PB9H-V8RM-WSB6-AHM1 check 0DE-V354

The digest's first 160 bits stand in base 32 without the letters I, L, O and U (Crockford's alphabet). 160 bits, since
whoever holds the hub's key could prepare two histories with one line before it is printed: with n bits that takes
2^(n/2) digests. The last group is the CRC-32 of all before it, which finds every single wrong character and every two
neighbours exchanged; it guards against typing, the digest against people.

What does not belong here: what an anchor proves (`trail_check`), signatures (`anchors`).
"""

from __future__ import annotations

import re
import zlib
from datetime import date

from consent.trail_errors import AnchorError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DIGEST_BITS = 160
DIGEST_CHARACTERS = DIGEST_BITS // 5
CHECK_CHARACTERS = 7

_WORD = "cradlepath anchor"
_READ_AS = str.maketrans("ILO", "110")
_LINE = re.compile(r"(?:cradlepath\s+anchor\s+)?([0-9,]{1,25})\s+(\d{4}-\d{2}-\d{2})\s+(.+)", re.IGNORECASE | re.DOTALL)
_REMEDY = "compare it with the printed line, group by group"


def line_of(sequence: int, day: date, digest: str) -> str:
    """Return the line of an anchor at event `sequence`, signed on `day`, whose digest is 64 hex digits."""
    code = _base32(int(digest, 16) >> (256 - DIGEST_BITS), DIGEST_CHARACTERS)
    check = _check(sequence, day, code)
    return f"{_WORD} {sequence} {day.isoformat()} {_grouped(code)} check {check[:3]}-{check[3:]}"


def read_line(line: str) -> tuple[int, date, str]:
    """Return event, day and the digest's first 40 hex digits of a line, as it was typed.

    Case, spaces and hyphens do not matter; O is read as 0, I and L as 1. Raises AnchorError for a line that is not
    whole or has a typing error.
    """
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise AnchorError(
            f"this is no anchor, expected `{_WORD} NUMBER YYYY-MM-DD` and the groups of a printed line, or a file "
            "that `cradlepath audit anchor` wrote; give one of them"
        )
    sequence, day = int(found[1].replace(",", "")), _day(found[2])
    code = re.sub(r"CHECK|[\s-]", "", found[3].upper()).translate(_READ_AS)
    if strange := sorted(set(code) - set(ALPHABET)):
        raise AnchorError(f"found {strange[0]!r} in the anchor, expected digits and letters without U; {_REMEDY}")
    if len(code) != DIGEST_CHARACTERS + CHECK_CHARACTERS:
        raise AnchorError(
            f"found {len(code)} digits and letters in the groups of the anchor, expected "
            f"{DIGEST_CHARACTERS + CHECK_CHARACTERS}; {_REMEDY}"
        )
    code, check = code[:DIGEST_CHARACTERS], code[DIGEST_CHARACTERS:]
    if _check(sequence, day, code) != check:
        raise AnchorError(f"found a typing error in the anchor: its check group does not fit; {_REMEDY}")
    number = 0
    for character in code:
        number = number * 32 + ALPHABET.index(character)
    return sequence, day, f"{number:0{DIGEST_BITS // 4}x}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AnchorError(f"found no date in the anchor, expected YYYY-MM-DD; {_REMEDY}") from None


def _check(sequence: int, day: date, code: str) -> str:
    return _base32(zlib.crc32(f"{sequence} {day.isoformat()} {code}".encode()), CHECK_CHARACTERS)


def _base32(number: int, characters: int) -> str:
    found = ""
    for _ in range(characters):
        number, rest = divmod(number, 32)
        found = ALPHABET[rest] + found
    return found


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
