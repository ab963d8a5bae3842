"""The rules of block-anchored tokens as tables: which anchors a record has, which features under each.

An *anchor* is a blocking rule: two records that share its atoms share its token. A *feature* is a token
of one atom that is comparable only under the same anchor. *Presence* is a feature too, so that "missing"
and "differs" can be told apart where two records meet and nowhere else.

This is the seam of the staged protocol: a `Round` says what is sent together. `ONE_ROUND` sends everything;
a staged exchange is a sequence of smaller rounds over the same anchors and features.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final

PRESENT: Final = "has_"
"""Prefix of presence: ``has_middle`` is the same for all records of a block that have a middle name."""

SWAPPED_NAMES: Final = "names_swapped"
"""The anchor part that is the same when given name and surname change places."""


@dataclass(frozen=True)
class Anchor:
    """One blocking rule: its id, the atoms that make the anchor, the features sent under it."""

    id: str
    parts: tuple[str, ...]
    features: tuple[str, ...]


_ALIKE: Final = ("given_sound", "given_start", "has_given")
_GIVEN: Final = ("given_canonical", *_ALIKE)
_SURNAME: Final = ("surname_1", "surname_2", "surname_3", "surname_sound")
_MIDDLE: Final = ("middle", "has_middle")
_PERSON: Final = (*_MIDDLE, "zip", "has_zip", "mother_given", "has_mother_given")
_NUMBERS: Final = ("has_ssn", "has_medicaid_id")
_ORDER: Final = ("birth_order", "has_birth_order")
_BY_NUMBER: Final = (*_GIVEN, *_SURNAME, "sex", "birth_date", "has_birth_date")

ANCHORS: Final[tuple[Anchor, ...]] = (
    Anchor("a1", ("birth_date", "given_canonical"), (*_SURNAME, "sex", "has_sex", *_PERSON, *_NUMBERS)),
    Anchor("a2", ("birth_date", "surname_1", "sex"), (*_ALIKE, *_PERSON, *_NUMBERS, *_ORDER)),
    Anchor("a3", ("birth_year_month", "given_canonical", "surname_1"), ("sex", *_PERSON, "has_ssn")),
    Anchor("a4", ("birth_month_day", "given_canonical", "surname_1"), ("sex", *_PERSON, "has_ssn")),
    Anchor("a5", ("birth_year_day", "given_canonical", "surname_1"), ("sex", *_PERSON, "has_ssn")),
    Anchor(
        "a6",
        ("birth_date", "mother_given", "sex"),
        (*_ALIKE, *_SURNAME, *_MIDDLE, "zip", "has_zip", *_ORDER),
    ),
    Anchor("s", ("ssn",), _BY_NUMBER),
    Anchor("m", ("medicaid_id",), _BY_NUMBER),
    Anchor("n1", ("given_canonical", "surname_1", "middle"), ("sex", "zip", "mother_given", "has_birth_date")),
    Anchor("n2", ("given_canonical", "surname_1", "zip"), ("sex", "middle", "mother_given", "has_birth_date")),
    Anchor("n3", ("given_canonical", "surname_1", "mother_given"), ("sex", "middle", "zip", "has_birth_date")),
    Anchor("w", ("birth_date", SWAPPED_NAMES), ("sex", "middle", "zip", "mother_given")),
)
"""All blocking rules: birth date with one name, parts of it with both, numbers, names alone, names swapped.

No feature repeats what its anchor or another anchor of the same two records already tells: two records that
share a birth date and a surname, and the given name too, also meet under ``a1``.
"""


@dataclass(frozen=True)
class Round:
    """What is sent together: anchors, with or without their features. Its columns fix the shape of a row."""

    id: str
    anchors: tuple[Anchor, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Token columns in order: every anchor's id, then ``<anchor>_<feature>`` for every feature."""
        ids = tuple(anchor.id for anchor in self.anchors)
        return ids + tuple(f"{a.id}_{feature}" for a in self.anchors for feature in a.features)

    @cached_property
    def layout(self) -> str:
        """A digest of the columns and their meaning; stored beside tokens so that no two layouts mix."""
        text = repr([(a.id, a.parts, a.features) for a in self.anchors])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def comparable(self) -> list[tuple[str, ...]]:
        """Return groups of columns whose tokens can equal one another: the surname slots of each anchor."""
        groups = [
            tuple(f"{a.id}_{f}" for f in a.features if f.startswith("surname_") and f[-1].isdigit())
            for a in self.anchors
        ]
        return [group for group in groups if len(group) > 1]


ONE_ROUND: Final = Round("one-round-v1", ANCHORS)
"""Everything at once: what this version sends and stores."""
