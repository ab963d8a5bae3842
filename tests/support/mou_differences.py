"""Two folders of agreements that differ in a few words, and what is told of the difference."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from support.mou import edited, write
from support.mou_clean import CLEAN

from mou_policies.changes import Change
from mou_policies.diff import Difference, diff, side_of


def city(where: Path, file: str = "", old: str = "", new: str = "") -> Path:
    """Write the clean agreements, with words of one of them replaced."""
    for name, held in CLEAN.items():
        write(where, edited(old, new, held) if name == file else held, name)
    return where


def compared(old: Path, new: Path) -> Difference:
    """Compare two files or two folders."""
    return diff(side_of(old), side_of(new))


def told(changes: Iterable[Change]) -> list[str]:
    """Return changes as lines, sorted."""
    return sorted(f"{c.about}: {c.before} -> {c.after}" for c in changes)
