"""The rules of staged, block-anchored tokens as tables: tags, anchors, and the features under each anchor.

A *tag* is an exact composite: two records that share it are one child where every source holds it at most once. An
*anchor* is a blocking rule: records that share its atoms share its token. A *feature* is a token of one atom that is
comparable only under the same anchor. *Presence* is a feature too, so that "missing" and "differs" can be told apart
where two records meet and nowhere else. In which order these are sent is `linkage.rounds`.
"""

import hashlib
import itertools
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Final

PRESENT: Final = "has_"
"""Prefix of presence: ``has_middle`` is the same for all records of a block that have a middle name."""

SWAPPED_NAMES: Final = "names_swapped"
"""The anchor part that is the same when given name and surname change places."""


NORMALISATION: Final = 2
"""Raised whenever a value comes to be normalised otherwise: tokens of two normalisations do not meet."""


@dataclass(frozen=True)
class Tag:
    """One exact composite: its id and the atoms it is made of."""

    id: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Anchor:
    """One blocking rule: its id, the atoms that make the anchor, the features sent under it.

    Two records that meet under any anchor of `unless` show nothing under this one: it tells nothing more. Under an
    `asked` anchor two records meet only where one of them has no known birth date: such a record asks, others answer.
    Under an `answered` anchor every sender asks, and all records of the groups that send may answer: a number is in one
    agency's file and not in another's, so that the one record that sends for a group may well lack it.
    """

    id: str
    parts: tuple[str, ...]
    features: tuple[str, ...]
    unless: tuple[str, ...] = ()
    asked: bool = False
    answered: bool = False


TAGS: Final[tuple[Tag, ...]] = (
    Tag("e", ("birth_date", "given_canonical", "surname_1")),
    Tag("sd", ("ssn", "birth_date", "given_start")),
    Tag("md", ("medicaid_id", "birth_date", "given_start")),
)
"""What settles nine pairs in ten: birth date with both names, or with a number and the start of the given name.

A number with the birth date alone would join twins for whom a clerk wrote one number.
"""

GIVEN_SLOTS: Final = ("given_canonical", "given_2", "given_3", "given_4", "given_5", "given_6")
SURNAME_SLOTS: Final = ("surname_1", "surname_2", "surname_3", "surname_4")
"""Atoms that are compared with one another: a name, and what else it may be."""

GIVEN_FORMS: Final = ("given_sound", "given_end", "given_even", "given_odd", "given_vowels")
"""Atoms of which one at least agrees where two given names are alike (`linkage.likeness`).

Of a surname the sound is enough: where it is shown, the given name or the mother's agrees already.
"""

_GIVEN: Final = (*GIVEN_SLOTS, *GIVEN_FORMS, "has_given")
_SURNAME: Final = (*SURNAME_SLOTS, "surname_sound")
_MIDDLE: Final = ("middle", "has_middle")
_PERSON: Final = (*_MIDDLE, "zip", "has_zip", "mother_given", "has_mother_given")
_NUMBERS: Final = ("has_ssn", "has_medicaid_id")
_ORDER: Final = ("birth_order", "has_birth_order")
_DATE: Final = ("birth_year", "birth_any_order", "has_birth_known")
_BY_NUMBER: Final = (
    *GIVEN_SLOTS[:2],
    "given_sound",
    "has_given",
    *SURNAME_SLOTS[:2],
    "surname_sound",
    "sex",
    "birth_date",
    *_DATE,
)
"""Enough to tell a wrong number from a name that was written otherwise: a number that agrees says most."""

ANCHORS: Final[tuple[Anchor, ...]] = (
    Anchor("a1", ("birth_date", "given_canonical"), (*_SURNAME, "sex", "has_sex", *_PERSON, *_NUMBERS)),
    Anchor("a2", ("birth_date", "surname_1", "sex"), (*_GIVEN, *_PERSON, *_NUMBERS, *_ORDER)),
    Anchor("a3", ("birth_year_month", "given_canonical", "surname_1"), ("rare_surname", "sex", *_PERSON, "has_ssn")),
    Anchor("a4", ("birth_month_day", "given_canonical", "surname_1"), ("rare_surname", "sex", *_PERSON, "has_ssn")),
    Anchor("a5", ("birth_year_day", "given_canonical", "surname_1"), ("rare_surname", "sex", *_PERSON, "has_ssn")),
    Anchor("a6", ("birth_any_order", "given_canonical", "surname_1"), ("rare_surname", "sex", *_PERSON, "has_ssn")),
    Anchor(
        "a7",
        ("birth_date", "mother_given", "sex"),
        (*_GIVEN, *_SURNAME, *_MIDDLE, "zip", "has_zip", *_ORDER),
        ("a1", "a2"),
    ),
    Anchor("s", ("ssn",), _BY_NUMBER, answered=True),
    Anchor("m", ("medicaid_id",), _BY_NUMBER, answered=True),
    Anchor(
        "n1", ("given_canonical", "surname_1", "middle"), ("rare_surname", "sex", "zip", "mother_given"), asked=True
    ),
    Anchor(
        "n2", ("given_canonical", "surname_1", "zip"), ("rare_surname", "sex", "middle", "mother_given"), asked=True
    ),
    Anchor(
        "n3", ("given_canonical", "surname_1", "mother_given"), ("rare_surname", "sex", "middle", "zip"), asked=True
    ),
    Anchor("w", ("birth_date", SWAPPED_NAMES), ("sex", "middle", "zip", "mother_given")),
)
"""All blocking rules: birth date with one name, parts of it with both, numbers, names alone, names swapped.

Names alone are asked for: between records that have a birth date they would join strangers, and show who has namesakes.

No feature repeats what its anchor or another anchor of the same two records already tells: two records that
share a birth date and a surname, and the given name too, also meet under ``a1``.
"""

ASKED: Final = tuple(number for number, anchor in enumerate(ANCHORS) if anchor.asked)
"""Numbers of the anchors that are asked; each has one token column more, in which only those who ask have it."""

HANDLES: Final = len(TAGS) + len(ANCHORS) + len(ASKED)
"""How many tokens of a record others can meet it by."""


@dataclass(frozen=True)
class Round:
    """Anchors and their features: the columns of the table that is scored."""

    id: str
    anchors: tuple[Anchor, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Token columns in order: every anchor's id, then ``<anchor>_<feature>`` for every feature."""
        return tuple(anchor.id for anchor in self.anchors) + self.features

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Feature columns in order: ``<anchor>_<feature>``."""
        return tuple(f"{a.id}_{feature}" for a in self.anchors for feature in a.features)

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """Where the features of each anchor are among all features."""
        ends = [0]
        for anchor in self.anchors:
            ends.append(ends[-1] + len(anchor.features))
        return tuple(slice(*pair) for pair in itertools.pairwise(ends))

    def comparable(self) -> list[tuple[str, ...]]:
        """Return groups of columns whose tokens can equal one another: the name slots of each anchor."""
        groups = [
            tuple(f"{a.id}_{f}" for f in a.features if f in slots)
            for a in self.anchors
            for slots in (GIVEN_SLOTS, SURNAME_SLOTS)
        ]
        return [group for group in groups if len(group) > 1]


ROUND: Final = Round("staged-v1", ANCHORS)
"""The anchors and features of this version."""


def layout() -> str:
    """Return 16 hex digits that name normalisation, tags, anchors and features of this version: no two layouts mix."""
    text = repr((NORMALISATION, [astuple(tag) for tag in TAGS], [astuple(anchor) for anchor in ANCHORS]))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
