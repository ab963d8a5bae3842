"""Name tables of the city: 1990 Census frequencies tilted by group, spelling variants and nicknames.

Belongs here: the vocabularies (a name is an index into one), how often each group uses each name, and how a
name is written (with diacritics, plain, transliterated, as a nickname). Does not belong here: who is called
what (population), and clerical errors (errors).

Sources: `names` (US Census Bureau 1990 name tables), `nicknames` (nickname relations), and two small tables
of this package for groups that the 1990 tables hardly know.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import nicknames
import numpy as np
import pyarrow as pa

from pipelines.demo import rates
from pipelines.demo.draw import Floats, Ints

GROUPS = ("white", "black", "hispanic", "vietnamese", "chinese", "south_asian", "aian", "nhpi", "multi")
SEXES = ("F", "M")

# How a group's given names mix: 1990 Census, recent births (table `modern`), the group's own table.
_GIVEN_MIX = {
    "white": (0.55, 0.45, 0.0), "black": (0.42, 0.30, 0.28), "hispanic": (0.25, 0.25, 0.50),
    "vietnamese": (0.10, 0.25, 0.65), "chinese": (0.10, 0.25, 0.65), "south_asian": (0.05, 0.10, 0.85),
    "aian": (0.60, 0.40, 0.0), "nhpi": (0.35, 0.25, 0.40), "multi": (0.50, 0.50, 0.0),
}  # fmt: skip
# How much of a group's surnames come from its own table instead of the 1990 Census.
_SURNAME_OWN = {
    "white": 0.10, "black": 0.22, "hispanic": 0.88, "vietnamese": 0.93, "chinese": 0.92, "south_asian": 0.94,
    "aian": 0.35, "nhpi": 0.60, "multi": 0.0,
}  # fmt: skip
_TRANSLITERATION = str.maketrans(
    {"ü": "ue", "ö": "oe", "ä": "ae", "ø": "oe", "å": "aa", "ñ": "ny", "Ü": "Ue", "Ö": "Oe", "ß": "ss"}
)
_LETTERS = str.maketrans({"đ": "d", "Đ": "D", "ø": "o", "Ø": "O", "ß": "ss", "ł": "l", "Ł": "L"})

PROPER, PLAIN, TRANSLITERATED = 0, 1, 2


@dataclass(frozen=True)
class Vocabulary:
    """Names by index: `forms` holds all proper spellings, then all plain ones, then all transliterated ones.

    `nicknames` is a flat array; those of name i are `nicknames[nick_start[i] : nick_start[i] +
    nick_count[i]]`.
    """

    size: int
    forms: pa.Array
    nick_start: Ints
    nick_count: Ints
    nicknames: pa.Array

    def text(self, names: Ints, form: Ints | int) -> pa.Array:
        """Return the written names; a negative index gives null."""
        return self.forms.take(pa.array(names + np.asarray(form) * self.size, mask=names < 0))

    def accented(self) -> Ints:
        """Return 1 for each name whose proper and plain spellings differ, else 0."""
        proper = self.forms.slice(0, self.size).to_pylist()
        plain = self.forms.slice(self.size, self.size).to_pylist()
        return np.array([int(a != b) for a, b in zip(proper, plain, strict=True)], dtype=np.int64)


@dataclass(frozen=True)
class NameTables:
    """Both vocabularies and, for each group, the weights of its names (given names also by sex)."""

    given: Vocabulary
    surnames: Vocabulary
    given_weights: dict[tuple[str, str], Floats]
    surname_weights: dict[str, Floats]
    adult_weights: dict[str, Floats]


def plain(name: str) -> str:
    """Return a name in ASCII: accents dropped."""
    return "".join(c for c in unicodedata.normalize("NFKD", name.translate(_LETTERS)) if c.isascii())


def _census(table: str) -> tuple[list[str], Floats]:
    lines = (files("names") / table).read_text(encoding="utf-8").split("\n")
    entries = [line.split() for line in lines if line.strip()]
    weights = np.array([float(entry[1]) for entry in entries])
    # The Census rounds to three decimals; its tail of zeros stands for names of less than 0.0005 %.
    return [entry[0].title() for entry in entries], np.where(weights > 0, weights, 0.0003)


def _vocabulary(words: Sequence[str], *, nick: bool) -> Vocabulary:
    relations = nicknames.NickNamer() if nick else None
    known = [sorted(relations.nicknames_of(plain(word).lower()))[:4] if relations else [] for word in words]
    count = np.array([len(some) for some in known], dtype=np.int64)
    spelled = [word.translate(_TRANSLITERATION) for word in words]
    return Vocabulary(
        size=len(words),
        forms=pa.array([*words, *[plain(w) for w in words], *[plain(w) for w in spelled]], pa.string()),
        nick_start=np.cumsum(count) - count,
        nick_count=count,
        nicknames=pa.array([name.title() for some in known for name in some], pa.string()),
    )


def _spread(place: dict[str, int], names: Sequence[str], weights: Sequence[float] | Floats) -> Floats:
    out = np.zeros(len(place))
    np.add.at(out, [place[name] for name in names], np.asarray(weights, dtype=np.float64))
    return out / out.sum() if out.sum() else out


def _own(file: str) -> dict[tuple[str, ...], tuple[list[str], list[float]]]:
    tables: dict[tuple[str, ...], tuple[list[str], list[float]]] = {}
    for row in rates.rows(file):
        key = (row["group"], row["sex"]) if "sex" in row else (row["group"],)
        names, weights = tables.setdefault(key, ([], []))
        names.append(row["name"])
        weights.append(float(row["weight"]))
    return tables


@cache
def tables() -> NameTables:
    """Return the name tables (made once)."""
    census = {"F": _census("dist.female.first"), "M": _census("dist.male.first")}
    own_given, own_surnames = _own("given_names.csv"), _own("surnames.csv")
    words = dict.fromkeys(name for listed, _ in [*census.values(), *own_given.values()] for name in listed)
    place = {name: index for index, name in enumerate(words)}
    given_weights: dict[tuple[str, str], Floats] = {}
    adults: dict[str, Floats] = {}
    for sex in SEXES:
        adults[sex] = _spread(place, *census[sex])
        recent = _spread(place, *own_given["modern", sex])
        for group in GROUPS:
            own = _spread(place, *own_given.get((group, sex), ([], [])))
            mix = _GIVEN_MIX[group]
            given_weights[group, sex] = mix[0] * adults[sex] + mix[1] * recent + mix[2] * own
    last, weights = _census("dist.all.last")
    every = dict.fromkeys([*last, *(name for listed, _ in own_surnames.values() for name in listed)])
    where = {name: index for index, name in enumerate(every)}
    base = _spread(where, last, weights)
    surname_weights = {
        group: (1 - share) * base + share * _spread(where, *own_surnames.get((group,), ([], [])))
        for group, share in _SURNAME_OWN.items()
    }
    return NameTables(
        given=_vocabulary(list(words), nick=True),
        surnames=_vocabulary(list(every), nick=False),
        given_weights=given_weights,
        surname_weights=surname_weights,
        adult_weights=adults,
    )
