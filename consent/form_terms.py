"""The cells of a form that say what a decision covers, read into terms.

A list arrives as one cell, its words set apart by `;` or blanks. A word that cannot be read never widens a grant and
never narrows a refusal: of a grant it stays as a word that names nothing, of a refusal the list falls away, so that it
covers everything its scope reaches. What belongs here: that reading. What does not: decision, scope and months
(`forms`), what terms are (`terms`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from consent.bases import SIGNERS, bases
from consent.terms import UNREADABLE, Terms
from mou_policies.vocabulary import field_classes, matches, purposes

CELLS = ("signer", "sources", "classes", "purposes", "recipients", "basis", "elements")
"""Columns of a form that are read here; all of them blank: the form says no more than its scope."""

_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RECIPIENT = re.compile(r"[a-z0-9][a-z0-9_.-]{0,126}")


def terms_of(cells: Mapping[str, str | None], shown: frozenset[str], *, permits: bool) -> tuple[Terms | None, bool]:
    """Return the terms that cells (of CELLS) state, None where they are blank, and whether all could be read.

    `shown` are the other columns of the form that are filled in (`signed_month`, `expiry_month`); `permits` says
    whether the decision permits something, so that an unreadable word must not widen it.
    """
    said = {name: words for name in CELLS if (words := _words(cells.get(name)))}
    if not said:
        return None, True
    lists = {name: _known(said.get(name, ()), is_known) for name, is_known in _KNOWN.items()}
    readable = not any(UNREADABLE in words for words in lists.values())
    if not permits:
        lists = {name: () if UNREADABLE in words else words for name, words in lists.items()}
    signer = "_".join(said.get("signer", ("unknown",)))
    claimed = said.get("basis", ())
    shown |= {name for name, words in lists.items() if words and UNREADABLE not in words}
    carried = {name: _carried(name, said.get("elements", ()), shown) for name in bases() if name in claimed}
    readable &= signer in SIGNERS and set(claimed) <= set(bases())
    return Terms(**lists, signer=signer if signer in SIGNERS else "unknown", elements=carried), readable


def _words(cell: str | None) -> tuple[str, ...]:
    return tuple(sorted(set(re.split(r"[;\s]+", cell.lower())) - {""})) if cell else ()


def _known(words: tuple[str, ...], is_known: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(sorted({word if is_known(word) else UNREADABLE for word in words}))


def _carried(basis: str, said: tuple[str, ...], shown: frozenset[str]) -> tuple[str, ...]:
    """Return the elements of a basis that a form says it has, and those that its other columns show."""
    found = bases()[basis]
    by_column = {name for name, item in found.elements.items() if shown & set(item.shown_by)}
    return tuple(sorted((set(said) | by_column) & found.words))


@lru_cache(maxsize=4096)
def _is_class(word: str) -> bool:
    return any(matches(word, name) for name in field_classes())


_KNOWN: Mapping[str, Callable[[str], bool]] = {
    "sources": lambda word: _SOURCE.fullmatch(word) is not None,
    "classes": _is_class,
    "purposes": lambda word: word in purposes(),
    "recipients": lambda word: _RECIPIENT.fullmatch(word) is not None,
}
