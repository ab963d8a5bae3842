"""How many true links never came into sight, from tokens only: numbers and names as two independent catches.

Some pairs of records meet by a number (SSN, Medicaid ID) and also by names and dates. Whether a clerk wrote a number
says little about whether a name was misspelt, so of the pairs that a number brought together, the share that names
would have brought together as well estimates the share that names bring together of *all* pairs (two-list
capture-recapture: Petersen; Chapman 1951; on linkage Dasylva, Goussanou and Nambeu 2024).

The population are pairs that do not share a tag of names: those that do met for certain. Pairs that share a tag of a
number also have the birth date and the start of the given name, and count as met by names.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from linkage.evidence import MISSING
from linkage.explain import LEVEL_OF_ATOM, REVIEWED, SHAPES, tag_parts
from linkage.quality_pairs import World, components
from linkage.rules import ANCHORS, SWAPPED_NAMES

NUMBERS: Final = ("ssn", "medicaid_id")
_DATE_OR_PART: Final = ("birth_date", ("same", "two of three parts"))
_SHOWS: Final = {
    **{atom: (name, (level,)) for atom, (name, level) in LEVEL_OF_ATOM.items()},
    **dict.fromkeys(("birth_year_month", "birth_month_day", "birth_year_day", "birth_any_order"), _DATE_OR_PART),
    SWAPPED_NAMES: ("given_name", ("same or nickname",)),
    "sex": ("sex", ("same",)),
    "middle": ("middle_initial", ("same",)),
    "zip": ("zip", ("same",)),
    "mother_given": ("mother_given_name", ("same",)),
}
"""For each part of an anchor: the comparison, and the levels two records show when they share it."""

_LEVELS: Final = {shape.name: [level.name for level in shape.levels] for shape in SHAPES}


@dataclass(frozen=True)
class Catches:
    """Which of n records need more than a tag of names, and what numbers tell of the catch of names.

    `part` int (n,): records that tags of names hold together. `by_number` bool (n,): a number holds the part to its
    child. Of `trials` linked pairs that a number brought together, `failed` would not have met by names.
    """

    part: np.ndarray
    by_number: np.ndarray
    trials: int
    failed: int


def read_catches(world: World) -> Catches:
    """Return the two catches of all linked pairs."""
    n = len(world.source)
    kinds = _tag_kinds(world.tag)
    part = components(n, world.join_left[kinds == "names"], world.join_right[kinds == "names"])
    numbered = world.linked & np.any([_level_is(world, name, ("same",)) for name in NUMBERS], axis=0)
    joined = kinds == "number"
    left = np.concatenate([world.left[numbered], world.join_left[joined]])
    right = np.concatenate([world.right[numbered], world.join_right[joined]])
    across = part[left] != part[right]
    held = np.zeros(int(part.max()) + 1 if n else 0, bool)
    held[part[left[across]]] = held[part[right[across]]] = True
    unmet = int((numbered & ~_meets(world)).sum())
    return Catches(part, held[part] if n else np.empty(0, bool), int(numbered.sum() + joined.sum()), unmet)


def _tag_kinds(tags: np.ndarray) -> np.ndarray:
    def kind(tag: str) -> str:
        if tag == REVIEWED:
            return "reviewed"
        return "number" if set(tag_parts(tag)) & set(NUMBERS) else "names"

    if not len(tags):
        return np.empty(0, "U8")
    known, at = np.unique(tags.astype(str), return_inverse=True)
    return np.array([kind(tag) for tag in known.tolist()], "U8")[at]


def _level_is(world: World, comparison: str, levels: tuple[str, ...]) -> np.ndarray:
    found = world.levels.get(comparison)
    if found is None:
        return np.zeros(len(world.left), bool)
    return np.isin(found, [_LEVELS[comparison].index(level) for level in levels])


def _undated(world: World) -> np.ndarray:
    """Return bool (k,): one of the two has no known birth date, so that it could ask for the other."""
    found = world.levels.get("birth_date")
    return np.zeros(len(world.left), bool) if found is None else np.asarray(found == MISSING)


def _meets(world: World) -> np.ndarray:
    """Return bool (k,): the scored pair shares an anchor that has no number in it."""
    met = np.zeros(len(world.left), bool)
    for anchor in ANCHORS:
        if not set(anchor.parts) & set(NUMBERS):
            here = np.all([_level_is(world, *_SHOWS[part]) for part in anchor.parts], axis=0)
            met |= here & _undated(world) if anchor.asked else here
    return met
