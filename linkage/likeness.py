"""Forms of a name that agree where two spellings are alike, for comparison by equality alone.

Tokens can only be equal or not, so likeness is several forms of which one survives a typing error: the sound survives a
changed vowel, the vowels survive a changed consonant, the letters in odd or in even places survive one changed letter,
the end survives a change before it. A nickname has the formal names it may stand for. Nothing here hashes or stores
anything.
"""

from functools import cache
from typing import Final

from linkage.names import canonical_given, formal_names, surname_frequencies

VOWELS: Final = frozenset("AEIOUY")
ENDS: Final = 3
OTHERS: Final = 5
RARE: Final = 5e-5
"""A surname of less than one in 20,000 people in the 1990 Census table, or not in it."""


def alike_forms(name: str | None) -> tuple[str | None, str | None, str | None, str | None]:
    """Return the end, the letters in even and those in odd places, and the vowels of a folded name.

    The vowels follow the first letter. A form that is shorter than two letters says too little and is None.
    """
    if name is None:
        return None, None, None, None
    vowels = name[0] + "".join(letter for letter in name[1:] if letter in VOWELS)
    return name[-ENDS:], _long(name[::2]), _long(name[1::2]), _long(vowels)


@cache
def other_formal_names(name: str) -> tuple[str | None, ...]:
    """Return five more formal names that `name` may be a nickname of, beside the canonical one; None where fewer."""
    chosen = canonical_given(name)
    others = [one for one in formal_names(name) if one not in (name, chosen)]
    if chosen != name:
        others.insert(0, name)
    return (*others[:OTHERS], *[None] * (OTHERS - len(others[:OTHERS])))


def is_rare(surname: str) -> bool:
    """Say whether few families of a city bear the surname: two who share it and a given name are likely one.

    Surnames only: how common a given name is changes too fast for a table of 1990.
    """
    return surname_frequencies().get(surname, 0.0) < RARE


def _long(letters: str) -> str | None:
    return letters if len(letters) > 1 else None
