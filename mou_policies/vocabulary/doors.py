"""Which exception a field or a purpose may rest on: the doors of `law` brought together with the field classes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from mou_policies.vocabulary.classes import field_classes
from mou_policies.vocabulary.law import exceptions, purposes


def doors(cls: str, named: Iterable[str]) -> tuple[str, ...]:
    """Return those of the exceptions `named` on which a field of class `cls` may rest, in their order.

    A class with `needs` rests on what it needs and nothing else; a class that some exception covers, on one that
    covers it; any other (names, dates, places) on whatever its agreement names. What an exception says it never
    admits does not rest on it.
    """
    return _doors(cls, tuple(named))


@lru_cache(maxsize=4096)
def _doors(cls: str, named: tuple[str, ...]) -> tuple[str, ...]:
    needs = field_classes()[cls].needs
    return tuple(
        name
        for name in named
        if cls not in exceptions()[name].never
        and (not needs or name in needs)
        and (cls not in _covered() or cls in exceptions()[name].covers)
    )


def admits(exception: str, purpose: str) -> bool:
    """Return whether a purpose may rest on an exception."""
    only = exceptions()[exception].purposes
    return not only or purpose in only or purposes()[purpose].any_exception


@lru_cache(maxsize=1)
def _covered() -> frozenset[str]:
    return frozenset().union(*(rule.covers for rule in exceptions().values()))
