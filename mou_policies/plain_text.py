"""The text of a file, refused where people could not read what the machine reads.

Too big, not UTF-8, a tab, or a sign that no screen shows or that turns the reading direction: people and the machine
would not see the same words. What the text says is decided in `nodes`.
"""

from __future__ import annotations

import codecs
import re
import stat
from pathlib import Path

from mou_policies.errors import AgreementError

MAX_BYTES = 2_000_000
UNREADABLE = "YML-001"

_INVISIBLE = re.compile(
    r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"  # control characters, a tab among them
    r"|\r(?!\n)|[\u2028\u2029]"  # a line break to some programs only
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # they turn the reading direction
    r"|[\u00ad\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"  # no width
)


def read_text(file: Path) -> str:
    """Return a file's text. Raises AgreementError when it cannot be read, is too big (unread) or is not UTF-8."""
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise AgreementError(file, 1, 1, "this is no file", "remove it, or put a file there", UNREADABLE)
        if found.st_size > MAX_BYTES:
            what = f"the file is {found.st_size:,} bytes, more than {MAX_BYTES:,}"
            raise AgreementError(file, 1, 1, what, "split the agreement", UNREADABLE)
        data = file.read_bytes()
    except OSError as error:
        what = f"the file cannot be read ({error.strerror or 'unreadable'})"
        raise AgreementError(file, 1, 1, what, "check its path and rights", UNREADABLE) from None
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line, column = _place_after(data[: error.start].decode())
        remedy = "save the file as UTF-8"
        raise AgreementError(file, line, column, "a byte here is not UTF-8", remedy, UNREADABLE) from None


def refuse_invisible(file: Path, text: str) -> None:
    """Raise AgreementError at the first tab, control character or other sign that people cannot see."""
    if text.replace("\n", "").isprintable():
        return
    found = _INVISIBLE.search(text)
    if found is None:
        return
    what, remedy = f"found the invisible character U+{ord(found[0]):04X}", "remove it"
    if found[0] == "\t":
        what, remedy = "found a tab character", "indent with spaces"
    raise AgreementError(file, *_place_after(text[: found.start()]), what, remedy, UNREADABLE)


def _place_after(text: str) -> tuple[int, int]:
    """Return line and column (from 1) of what follows a text."""
    return text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1
