"""What a source wrote down about who a record is: the child's identifiers with that source's errors.

Belongs here: names, dates, numbers and addresses as written, before any file form.
Does not belong here: the files (agency modules) and the kinds of error (errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo import names
from pipelines.demo.days import parts, written
from pipelines.demo.draw import Ints, Mask, chance, digits, stream
from pipelines.demo.errors import misdate, misnumber, misspell
from pipelines.demo.families import ZIPS
from pipelines.demo.nights import Records
from pipelines.demo.population import HYPHEN, SPACE, Children
from pipelines.demo.rates import noise
from pipelines.demo.text import glue


@dataclass(frozen=True)
class Identity:
    """One row a record; text columns are null where the source left them empty. `sex` is F, M or null."""

    given: pa.Array
    middle: pa.Array
    surname: pa.Array
    birth: Ints
    birth_missing: Mask
    birth_invalid: Mask
    sex: pa.Array
    ssn: pa.Array
    medicaid: pa.Array
    zip: pa.Array
    zip_before: pa.Array
    mother_given: pa.Array
    mother_surname: pa.Array
    mother_maiden: pa.Array

    def born(self, style: str = "iso") -> pa.Array:
        """Return the birth dates as text; an invalid one is 30 February of its year."""
        text = written(self.birth, style, self.birth_missing)
        if not self.birth_invalid.any():
            return text
        year = digits(parts(self.birth)[0], 4)
        wrong = {"iso": glue(year, "-02-30"), "us": glue("02/30/", year), "compact": glue(year, "0230")}[style]
        return pc.if_else(pa.array(self.birth_invalid & ~self.birth_missing), wrong, text)

    def upper(self) -> Identity:
        """Return the same with names in capitals, as older systems keep them."""
        fields = ("given", "middle", "surname", "mother_given", "mother_surname", "mother_maiden")
        return Identity(**{**self.__dict__, **{name: pc.utf8_upper(getattr(self, name)) for name in fields}})


def replaced(values: pa.Array, rows: Mask, new: pa.Array) -> pa.Array:
    """Return values with the rows of the mask replaced, in order, by `new` (one for each true row)."""
    return pc.replace_with_mask(values, pa.array(rows), new) if rows.any() else values


class Identities:
    """The identities of a source's records on any night: as first written, and as corrected later."""

    def __init__(self, children: Children, records: Records) -> None:
        self._children = children
        self._records = records
        self._written = identify(children, records)
        self._corrected: Identity | None = None

    def on(self, night: int) -> Identity:
        """Return the identities as the source has them on a night."""
        clean = self._records.clean(night)
        if not clean.any():
            return self._written
        if self._corrected is None:
            self._corrected = identify(self._children, self._records, clean=True)
        mask, merged = pa.array(clean), {}
        for name, old in self._written.__dict__.items():
            new = getattr(self._corrected, name)
            merged[name] = np.where(clean, new, old) if isinstance(old, np.ndarray) else pc.if_else(mask, new, old)
        return Identity(**merged)


def identify(children: Children, records: Records, *, clean: bool = False) -> Identity:
    """Return the identities of records of children; clean ones carry no error (but keep what is missing).

    The draws depend on seed, source and number of records only, so a record looks the same every night.
    """
    source, who = records.source, records.child
    rng = stream(children.seed, "identity", source)
    dirty = np.full(who.size, not clean)
    happens = partial(_happens, rng, source, dirty)
    given, middle = _given(rng, children, records, happens)
    surname = _surname(rng, children, records, happens)
    swap = happens("names_swapped")
    given, surname = pc.if_else(pa.array(swap), surname, given), pc.if_else(pa.array(swap), given, surname)
    birth, wrong, missing = _birth(rng, children, who, happens)
    sex = np.where(children.female[who] ^ happens("sex_error"), "F", "M")
    mother = _mother(rng, children, who, source, happens)
    stale = happens("zip_stale", always=True)
    home, no_zip = children.families, happens("zip_missing", always=True)
    family = children.family[who]
    moved = (records.seen >= home.moved_on[family]) & ~stale
    return Identity(
        given=given,
        middle=middle,
        surname=surname,
        birth=birth,
        birth_missing=missing,
        birth_invalid=wrong,
        sex=pa.array(sex.tolist(), pa.string(), mask=happens("sex_missing", always=True)),
        ssn=_number(rng, children.ssn[who], "ssn", happens),
        medicaid=_number(rng, children.medicaid[who], "medicaid", happens),
        zip=_zip(np.where(moved, home.zip_last[family], home.zip_first[family]), no_zip),
        zip_before=_zip(home.zip_first[family], no_zip),
        mother_given=mother[0],
        mother_surname=mother[1],
        mother_maiden=mother[2],
    )


def _happens(rng: np.random.Generator, source: str, dirty: Mask, kind: str, *, always: bool = False) -> Mask:
    """Return the rows on which an error of that kind occurs; `always` also on clean rows."""
    hit = chance(rng, noise(kind, source), dirty.size)
    return hit if always else hit & dirty


def _zip(home: Ints, missing: Mask) -> pa.Array:
    return pa.array(ZIPS, pa.string()).take(pa.array(home, mask=missing))


def _form(happens: partial[Mask]) -> Ints:
    """Return each row's spelling: proper, plain or transliterated (no error: how the system keeps text)."""
    kept, other = happens("diacritics_kept", always=True), happens("transliterated", always=True)
    return np.where(kept, names.PROPER, np.where(other, names.TRANSLITERATED, names.PLAIN))


def _mistyped(rng: np.random.Generator, values: pa.Array, rows: Mask) -> pa.Array:
    rows = rows & np.asarray(values.is_valid())
    own = np.random.default_rng(rng.integers(0, 2**62))
    return replaced(values, rows, misspell(own, values.filter(pa.array(rows))))


def _given(
    rng: np.random.Generator, children: Children, records: Records, happens: partial[Mask]
) -> tuple[pa.Array, pa.Array]:
    who, book = records.child, names.tables().given
    name, middle = children.given[who], children.middle[who]
    form = _form(happens)
    given = book.text(name, form)
    pick = book.nick_start[name] + rng.integers(0, 60, who.size) % np.maximum(book.nick_count[name], 1)
    short = happens("nickname") & (book.nick_count[name] > 0)
    given = replaced(given, short, book.nicknames.take(pa.array(pick[short])))
    given = _mistyped(rng, given, happens("given_typo"))
    unnamed = happens("placeholder")
    given = replaced(given, unnamed, _placeholders(children, who[unnamed]))
    text = book.text(middle, form)
    initial = happens("middle_initial", always=True)
    text = pc.if_else(pa.array(initial), pc.utf8_slice_codeunits(text, 0, 1), text)
    absent = happens("middle_missing", always=True) | unnamed
    return given, pc.if_else(pa.array(absent), pa.scalar(None, pa.string()), text)


def _placeholders(children: Children, who: Ints) -> pa.Array:
    """Return `Baby Girl` or `Baby Boy`, with a letter for twins and triplets."""
    letter = np.array(["", " A", " B", " C"])[np.where(children.plurality[who] > 1, children.order[who], 0)]
    words = np.where(children.female[who], "Baby Girl", "Baby Boy")
    return pa.array(np.strings.add(words, letter).tolist(), pa.string())


def _surname(rng: np.random.Generator, children: Children, records: Records, happens: partial[Mask]) -> pa.Array:
    who, book = records.child, names.tables().surnames
    later = records.seen >= children.renamed_on[who]
    one = np.where(later, children.later_surname[who], children.surname[who])
    two = np.where(later, children.later_second[who], children.second[who])
    form, join = _form(happens), children.join[who]
    join = np.where(happens("surname_rejoined"), HYPHEN + SPACE - join, join)
    swap = happens("surnames_swapped") & (two >= 0)
    one, two = np.where(swap, two, one), np.where(swap, one, two)
    two = np.where(happens("second_surname_dropped"), -1, two)
    together = happens("surname_run_together")
    first, second = book.text(one, form), book.text(two, form)
    between = pa.array(["", " ", "-"]).take(pa.array(np.where((two < 0) | together, 0, join)))
    return _mistyped(rng, glue(first, between, second), happens("surname_typo"))


def _birth(rng: np.random.Generator, children: Children, who: Ints, happens: partial[Mask]) -> tuple[Ints, Mask, Mask]:
    true = children.birth[who]
    slip = np.random.default_rng(rng.integers(0, 2**62))
    birth = np.where(happens("dob_error"), misdate(slip, true), true)
    january = true.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    birth = np.where(happens("dob_default"), january, birth)
    return birth, happens("dob_invalid"), happens("dob_missing", always=True)


def _number(rng: np.random.Generator, true: Ints, kind: str, happens: partial[Mask]) -> pa.Array:
    slip = np.random.default_rng(rng.integers(0, 2**62))
    number = np.where(happens(f"{kind}_error"), misnumber(slip, true), true)
    missing = happens(f"{kind}_missing", always=True)
    return pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), digits(number, 9))


def _mother(
    rng: np.random.Generator, children: Children, who: Ints, source: str, happens: partial[Mask]
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the mother's given name, surname and maiden name, null where the source does not know them."""
    absent = happens("mother_missing", always=True)
    nothing = pa.nulls(who.size, pa.string())
    if noise("mother_missing", source) >= 1:
        return nothing, nothing, nothing
    home, book, family = children.families, names.tables(), children.family[who]
    form = _form(happens)
    mask, empty = pa.array(absent), pa.scalar(None, pa.string())
    given = _mistyped(rng, book.given.text(home.mother_given[family], form), happens("mother_typo"))
    surname = _mistyped(rng, book.surnames.text(home.mother_surname[family], form), happens("mother_typo"))
    maiden = book.surnames.text(home.mother_maiden[family], form)
    return pc.if_else(mask, empty, given), pc.if_else(mask, empty, surname), pc.if_else(mask, empty, maiden)
