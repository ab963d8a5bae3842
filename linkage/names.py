"""Names as they are compared: folded to plain capitals, split into parts, placeholders removed.

One function a name, applied to distinct values only (see `linkage.atoms`). The lists live in
`data/names.json`; nicknames come from the `nicknames` package. Nothing here hashes or stores anything.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import jellyfish
from nicknames import NickNamer

_APOSTROPHES: Final = re.compile("['.`\u00b4\u2018\u2019\u02bb\u02bc]")
_NOT_NAME: Final = re.compile(r"[^\w\s-]|_")
_NEWBORN_OF: Final = re.compile(r"^([1-4]?)([A-Z]{3,})S(?:BOY|GIRL)([A-D1-4]?)$")
_NEWBORN: Final = re.compile(r"^(?:BABY|INFANT|NEWBORN)(?:BOY|GIRL|MALE|FEMALE)([A-D1-4]?)$")
START_LETTERS: Final = 3


@dataclass(frozen=True)
class Given:
    """A given name in every form that is compared; all None where the name is a placeholder or absent."""

    exact: str | None = None
    canonical: str | None = None
    sound: str | None = None
    start: str | None = None
    second_initial: str | None = None
    mother: str | None = None
    birth_order: str | None = None


@dataclass(frozen=True)
class Surname:
    """A surname's first part, its last part when that differs, and the sound of the first."""

    first: str | None = None
    last: str | None = None
    sound: str | None = None


@cache
def name_lists() -> dict[str, Any]:
    """Return the lists of `data/names.json`."""
    text = files("linkage").joinpath("data/names.json").read_text(encoding="utf-8")
    lists: dict[str, Any] = json.loads(text)
    return lists


def fold(text: str) -> str:
    """Return `text` in capitals without accents, apostrophes or punctuation; hyphens and digits stay."""
    letters = name_lists()["letters"]
    upper = "".join(letters.get(letter, letter) for letter in text.upper())
    plain = "".join(c for c in unicodedata.normalize("NFKD", upper) if not unicodedata.combining(c))
    spaced = _NOT_NAME.sub(" ", _APOSTROPHES.sub("", plain))
    return " ".join(re.sub(r"\s*-+\s*", "-", spaced).strip("- ").split())


def parse_given(text: str) -> Given:
    """Return the forms of one raw given name (possibly with a second name, a suffix or a newborn's mark)."""
    words = [word for word in fold(text).replace("-", " ").split() if word not in name_lists()["titles"]]
    words = _without_suffix(words)
    if not words:
        return Given()
    if mark := _NEWBORN_OF.match(words[0]):
        return Given(mother=canonical_given(mark[2]), birth_order=_order_mark([mark[1], mark[3], *words[1:]]))
    if is_placeholder(words):
        run_together = _NEWBORN.match(words[0])
        return Given(birth_order=_order_mark([run_together[1] if run_together else "", *words[1:]]))
    first = words[0]
    if len(first) == 1 and len(words) > 1:
        first = words[1]
    return Given(
        exact=first,
        canonical=canonical_given(first),
        sound=_sound(first),
        start=first[:START_LETTERS],
        second_initial=words[1][0] if len(words) > 1 and words[1] != first else None,
    )


@lru_cache(maxsize=1 << 16)
def parse_surname(text: str) -> Surname:
    """Return the parts of one raw surname: `Garcia-Ruiz` is GARCIA and RUIZ, `de la Cruz` is DELACRUZ.

    Agencies name the same families, so what was parsed is kept: in memory, for the life of the process, and bounded.
    """
    words = [word for word in fold(text).replace("-", " ").split() if not word.isdigit()]
    words = _without_suffix(words)
    if not words or is_placeholder(words):
        return Surname()
    parts, cores = _surname_parts(words)
    first = _fold_spelling(parts[0])
    last = _fold_spelling(parts[-1] if len(parts) > 1 else cores[-1])
    return Surname(first, last if last != first else None, _sound(first))


def parse_middle(text: str) -> str | None:
    """Return the initial of one raw middle name or initial."""
    words = fold(text).replace("-", " ").split()
    if not words or is_placeholder(words) or not words[0][0].isalpha():
        return None
    return words[0][0]


def parse_mother_given(text: str) -> str | None:
    """Return the canonical form of a mother's raw given name."""
    return parse_given(text).canonical


def split_full(text: str) -> tuple[str | None, str | None, str | None]:
    """Split one full name into raw (given, middle, surname): `Last, First Middle` or `First Middle Last`."""
    if "," in text:
        last, _, rest = text.partition(",")
        words = rest.split()
        return (words[0] if words else None, " ".join(words[1:]) or None, last.strip() or None)
    words = text.split()
    suffixes, particles = name_lists()["suffixes"], name_lists()["surname_particles"]
    while len(words) > 2 and fold(words[-1]) in suffixes:
        words.pop()
    if len(words) < 2:
        return (words[0] if words else None, None, None)
    start = len(words) - 1
    while start > 1 and fold(words[start - 1]) in particles and len(fold(words[start - 1])) > 1:
        start -= 1
    return words[0], " ".join(words[1:start]) or None, " ".join(words[start:])


def is_placeholder(words: list[str]) -> bool:
    """Say whether folded words stand for no name: BABY BOY, BABYGIRLA, INFANT OF anyone, TEST, UNKNOWN, XXX."""
    lists = name_lists()
    if _NEWBORN.match(words[0]) or _NEWBORN.match("".join(words[:2])) or words[:2] in lists["newborn_of"]:
        return True
    return words[0] in lists["placeholder_core"] and all(
        word in lists["placeholder_rest"] or word in lists["placeholder_core"] for word in words[1:]
    )


@cache
def canonical_given(name: str) -> str:
    """Return the formal name that `name` is most plausibly a nickname of, or `name` itself.

    A step is taken only to a name that is commoner in the 1990 Census than the one before, so it always ends:
    Bill gives William, and John is not led on to Jonathan. Among several, common and similar names win.
    """
    common = given_frequencies()
    seen = name
    while True:
        formal = [candidate.upper() for candidate in _nicknamer().canonicals_of(seen.lower())]
        commoner = [one for one in formal if common.get(one, 0.0) > common.get(seen, 0.0)]
        if not commoner:
            return seen
        seen = max((_plausibility(seen, one), one) for one in commoner)[1]


@cache
def formal_names(name: str) -> tuple[str, ...]:
    """Return every formal name that `name` is listed as a nickname of, the most plausible first."""
    formal = {candidate.upper() for candidate in _nicknamer().canonicals_of(name.lower())}
    return tuple(sorted(formal, key=lambda one: (-_plausibility(name, one), one)))


def _plausibility(nickname: str, formal: str) -> float:
    """Return frequency times squared likeness: how likely a bearer of `nickname` is called `formal`."""
    likeness = 0.2 + jellyfish.jaro_winkler_similarity(nickname, formal)
    return given_frequencies().get(formal, 0.0) * likeness**2


@cache
def given_frequencies() -> dict[str, float]:
    """Return how frequent each given name is in the 1990 Census tables of `names`, both sexes pooled."""
    totals: dict[str, float] = {}
    for table in ("dist.female.first", "dist.male.first"):
        for name, share in _census(table):
            totals[name] = totals.get(name, 0.0) + share / 2
    return totals


@cache
def surname_frequencies() -> dict[str, float]:
    """Return how frequent each surname is in the 1990 Census table of `names`."""
    return dict(_census("dist.all.last"))


def _census(table: str) -> list[tuple[str, float]]:
    lines = files("names").joinpath(table).read_text(encoding="ascii").splitlines()
    rows = [line.split() for line in lines if line.strip()]
    return [(row[0], float(row[1]) / 100) for row in rows]


@cache
def _nicknamer() -> NickNamer:
    return NickNamer()


def _without_suffix(words: list[str]) -> list[str]:
    suffixes = name_lists()["suffixes"]
    while len(words) > 1 and words[-1] in suffixes:
        words = words[:-1]
    return words


def _order_mark(words: list[str]) -> str | None:
    marks = name_lists()["birth_order_marks"]
    return next((str(marks[word]) for word in reversed(words) if word in marks), None)


def _surname_parts(words: list[str]) -> tuple[list[str], list[str]]:
    """Join particles to what follows; return the parts and their cores (the part without particles)."""
    lists = name_lists()
    parts: list[str] = []
    cores: list[str] = []
    held = ""
    for position, word in enumerate(words):
        more_follow = position < len(words) - 1
        if more_follow and word in lists["surname_connectors"] and parts:
            continue
        if more_follow and word in lists["surname_particles"]:
            held += word
            continue
        parts.append(held + word)
        cores.append(word)
        held = ""
    return parts, cores


def _fold_spelling(part: str) -> str:
    for spelling, folded in name_lists()["surname_folds"]:
        part = part.replace(spelling, folded)
    return part


def _sound(name: str) -> str | None:
    return jellyfish.soundex(name) if name.isascii() and name.isalpha() else None
