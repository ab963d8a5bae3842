"""What can still be said of a file that is not well-formed, so that a steward learns what it stops.

A best effort on the text alone: nothing is ever granted by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mou_policies.language import Reading
from mou_policies.provisions import DUL


def is_licence(reading: Reading) -> bool:
    """Say whether a file is a licence, in force or not; of one that cannot be read, as well as its text can tell."""
    if reading.agreement is not None:
        return reading.agreement.kind == DUL
    return bool(re.search(rf"^kind:\s*[\"']?{DUL}\b", _text_of(reading.file), re.MULTILINE))


def sources_named(file: Path) -> tuple[str, ...]:
    """Return the sources a malformed file seems to name: the keys one level below ``sources:``."""
    lines = _text_of(file).splitlines()
    start = next((i for i, line in enumerate(lines) if re.match(r"sources\s*:", line)), len(lines))
    return tuple(dict.fromkeys(_keys_below(lines[start + 1 :])))


def _keys_below(lines: Iterable[str]) -> Iterable[str]:
    depth = 0
    for line in lines:
        match = re.match(r"(\s*)([\w.-]+)\s*:", line)
        if match is None:
            continue
        indent = len(match[1])
        if indent == 0:
            return
        depth = depth or indent
        if indent == depth:
            yield match[2]


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes()[:2_000_000].decode("utf-8", "replace")
    except OSError:
        return ""
