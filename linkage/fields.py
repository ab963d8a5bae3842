"""Dates, sexes, ZIP codes and identifying numbers as they are compared; what stands for no value is None.

One function a kind of value, applied to distinct values only. Codes and invalid numbers are in
`data/identifiers.json`. Nothing here hashes or stores anything.
"""

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

_ISO: Final = re.compile(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ].*)?$")
_US: Final = re.compile(r"^(\d{1,2})[-/](\d{1,2})[-/](\d{4})(?: .*)?$")
_COMPACT: Final = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_PATTERN_WORDS: Final = (("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("YY", "%y"))
_ORDERS: Final = range(1, 10)


@cache
def identifier_lists() -> dict[str, Any]:
    """Return the lists of `data/identifiers.json`."""
    text = files("linkage").joinpath("data/identifiers.json").read_text(encoding="utf-8")
    lists: dict[str, Any] = json.loads(text)
    return lists


def date_parser(date_format: str | None) -> Callable[[str], str | None]:
    """Return a parser of raw dates to YYYY-MM-DD; unreadable, impossible and placeholder dates give None.

    `date_format` is a pattern such as ``MM/DD/YYYY`` or ``%m/%d/%Y``. Without one, or where a value does not
    fit it, YYYY-MM-DD, YYYYMMDD and MM/DD/YYYY are tried: their shapes cannot be taken for one another.
    """
    pattern = date_format or ""
    if "%" not in pattern:
        for word, code in _PATTERN_WORDS:
            pattern = pattern.replace(word, code)

    def parse(text: str) -> str | None:
        return _plausible(_by_pattern(text.strip(), pattern) or _by_shape(text.strip()))

    return parse


def parse_sex(text: str) -> str | None:
    """Return ``M``, ``F`` or None for one raw sex code; the accepted codes and their sources are data."""
    code: str | None = identifier_lists()["sex"].get(text.strip().upper())
    return code


def parse_zip(text: str) -> str | None:
    """Return the five digits of a ZIP or ZIP+4 code; leading zeros that a spreadsheet lost are put back."""
    head = text.strip().split("-")[0].split(".")[0]
    if not head.isascii() or not head.isdigit():
        return None
    digits = head[:5] if len(head) == 9 else head.zfill(5)
    valid = len(head) in (3, 4, 5, 9) and digits not in identifier_lists()["invalid_zip"]
    return digits if valid else None


def parse_ssn(text: str) -> str | None:
    """Return nine digits, or None for a number that the Social Security Administration never issued."""
    digits = re.sub(r"[\s-]", "", text)
    if len(digits) != 9 or not digits.isascii() or not digits.isdigit():
        return None
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    never = area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000"
    known_fake = digits in identifier_lists()["invalid_ssn"] or len(set(digits)) == 1
    return None if never or known_fake else digits


def parse_number(text: str) -> str | None:
    """Return an identifying number in capitals, without separators; None if under five or all alike."""
    plain = re.sub(r"[^0-9A-Z]", "", text.upper())
    return plain if len(plain) >= 5 and len(set(plain)) > 1 else None


def parse_order(text: str) -> str | None:
    """Return a birth order or plurality of 1 to 9 as one digit."""
    head = text.strip().split(".")[0].lstrip("0")
    return head if head.isascii() and head.isdigit() and int(head) in _ORDERS else None


def _by_pattern(text: str, pattern: str) -> date | None:
    if not pattern:
        return None
    try:
        return datetime.strptime(text, pattern).date()
    except ValueError:
        return None


def _by_shape(text: str) -> date | None:
    if found := _ISO.match(text) or _COMPACT.match(text):
        year, month, day = found.groups()
    elif found := _US.match(text):
        month, day, year = found.groups()
    else:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _plausible(day: date | None) -> str | None:
    lists = identifier_lists()
    if day is None or not lists["earliest_year"] <= day.year <= lists["latest_year"]:
        return None
    return None if day.isoformat() in lists["invalid_dates"] else day.isoformat()
