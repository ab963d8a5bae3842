"""Sets of event numbers as stretches: [[3, 5], [9, 9]] stands for 3, 4, 5 and 9.

Nothing here knows what the numbers stand for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Stretches = list[list[int]]


def stretches(numbers: Iterable[int]) -> Stretches:
    """Return numbers as stretches [first, last], in order, none next to another."""
    found: Stretches = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def united(parts: Iterable[Iterable[int]]) -> Stretches:
    """Return any stretches, in any order and overlapping, as the stretches of the numbers in at least one of them."""
    found: Stretches = []
    for first, last in sorted((first, last) for first, last in parts):
        if found and first <= found[-1][1] + 1:
            found[-1][1] = max(found[-1][1], last)
        else:
            found.append([first, last])
    return found


def holds(parts: Stretches, number: int) -> bool:
    """Say whether a number lies in one of some united stretches."""
    at = bisect_right(parts, number, key=lambda part: part[0]) - 1
    return at >= 0 and parts[at][1] >= number


def in_words(parts: Iterable[Iterable[int]], most: int = 5) -> str:
    """Return stretches for people: '3 to 5, 9'."""
    said = [f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in parts]
    return ", ".join(said[:most]) + (f" and {len(said) - most} more stretches" if len(said) > most else "")
