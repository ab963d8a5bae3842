"""From a table of raw identifiers to *atoms*: the normalised values that anchors and features are made of.

Every raw column is normalised once per distinct value, then spread over the records, all in memory.
The output still is plaintext: it must go nowhere but into `linkage.tokens`.
"""

from collections.abc import Callable, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from linkage import fields, likeness, names

ATOMS: Final[tuple[str, ...]] = (
    "given",
    "given_canonical",
    "given_sound",
    "given_start",
    "given_end",
    "given_even",
    "given_odd",
    "given_vowels",
    "given_2",
    "given_3",
    "given_4",
    "given_5",
    "given_6",
    "surname_1",
    "surname_2",
    "surname_3",
    "surname_4",
    "surname_sound",
    "rare_surname",
    "birth_date",
    "birth_year_month",
    "birth_month_day",
    "birth_year_day",
    "birth_year",
    "birth_any_order",
    "birth_known",
    "sex",
    "middle",
    "zip",
    "mother_given",
    "ssn",
    "medicaid_id",
    "birth_order",
)
"""The atoms of a record, in order; each an Arrow string array, null where the record does not have it."""

READ: Final = frozenset(
    {
        "given",
        "middle",
        "surname",
        "full_name",
        "birth_date",
        "sex",
        "zip",
        "mother_given",
        "mother_surname",
        "mother_maiden",
        "ssn",
        "medicaid_id",
        "birth_order",
        "plurality",
    }
)
"""The identifiers (of `linkage.identifiers.IDENTIFIERS`) that atoms are made of; of the others nothing is used."""


_GIVEN_FORMS: Final = (
    "given_start",
    "given_end",
    "given_even",
    "given_odd",
    "given_vowels",
    "given_2",
    "given_3",
    "given_4",
    "given_5",
    "given_6",
)
_SLOTS: Final = ("surname_1", "surname_2", "surname_3", "surname_4")
_NOTHING: Final = pa.scalar(None, pa.string())
_DEFAULT_DAY: Final = "01-01"
"""What clerks write who know the year only: it blocks like any date and never speaks against another one."""


def build_atoms(identifiers: pa.Table, date_format: str | None = None) -> dict[str, pa.Array]:
    """Return the atoms of n records, each a string array of length n.

    `identifiers` holds any of `linkage.identifiers.IDENTIFIERS` as raw strings; a missing column is all null.
    """
    raw = _Raw(identifiers)
    full = _spread_many(raw["full_name"], names.split_full, 3)
    given_text = pc.coalesce(_blank_to_null(raw["given"]), full[0])
    given, marks = _given_forms(given_text), _given_marks(given_text)
    surname_text = pc.coalesce(_blank_to_null(raw["surname"]), full[2])
    middle_text = pc.coalesce(_blank_to_null(raw["middle"]), full[1])
    birth = _spread(raw["birth_date"], fields.date_parser(date_format))
    year, month, day = (pc.utf8_slice_codeunits(birth, a, b) for a, b in ((0, 4), (5, 7), (8, 10)))
    surnames = _surname_slots(surname_text, raw["mother_surname"], raw["mother_maiden"])
    atoms = {
        **dict(zip(_GIVEN_FORMS, given[3:], strict=True)),
        "given": given[0],
        "given_canonical": given[1],
        "given_sound": given[2],
        **surnames,
        "rare_surname": _rare(surnames["surname_1"]),
        "birth_date": birth,
        "birth_year_month": pc.binary_join_element_wise(year, month, "-"),
        "birth_month_day": pc.binary_join_element_wise(month, day, "-"),
        "birth_year_day": pc.binary_join_element_wise(year, day, "-"),
        "birth_year": year,
        "birth_any_order": pc.binary_join_element_wise(
            year,
            pc.min_element_wise(month, day, skip_nulls=False),
            pc.max_element_wise(month, day, skip_nulls=False),
            "-",
        ),
        "birth_known": pc.if_else(pc.equal(pc.utf8_slice_codeunits(birth, 5, 10), _DEFAULT_DAY), _NOTHING, birth),
        "sex": _spread(raw["sex"], fields.parse_sex),
        "middle": pc.coalesce(_spread(middle_text, names.parse_middle), marks[0]),
        "zip": _spread(raw["zip"], fields.parse_zip),
        "mother_given": pc.coalesce(_spread(raw["mother_given"], names.parse_mother_given), marks[1]),
        "ssn": _spread(raw["ssn"], fields.parse_ssn),
        "medicaid_id": _spread(raw["medicaid_id"], fields.parse_number),
        "birth_order": _birth_order(raw["birth_order"], raw["plurality"], marks[2]),
    }
    return {name: atoms[name] for name in ATOMS}


class _Raw:
    """The identifier columns as flat string arrays; a column that is not there is all null."""

    def __init__(self, table: pa.Table):
        self._table = table

    def __getitem__(self, name: str) -> pa.Array:
        if name not in self._table.column_names:
            return pa.nulls(self._table.num_rows, pa.string())
        flat = self._table.column(name).combine_chunks().cast(pa.string())
        return flat if isinstance(flat, pa.Array) else pa.concat_arrays(flat.chunks)


def _spread(values: pa.Array, parse: Callable[[str], str | None]) -> pa.Array:
    """Apply `parse` to the distinct values and return one result a record."""
    coded = values.dictionary_encode()
    parsed = [parse(value) for value in coded.dictionary.to_pylist()]
    return pa.array(parsed, pa.string()).take(coded.indices)


def _spread_many(values: pa.Array, parse: Callable[[str], Sequence[str | None]], width: int) -> list[pa.Array]:
    """Apply a parser of `width` results to the distinct values; return `width` arrays, one value a record."""
    coded = values.dictionary_encode()
    parsed = [parse(value) for value in coded.dictionary.to_pylist()]
    columns = ([row[number] for row in parsed] for number in range(width))
    return [pa.array(column, pa.string()).take(coded.indices) for column in columns]


def _given_forms(text: pa.Array) -> list[pa.Array]:
    """Return exact, canonical and sounding form, then `_GIVEN_FORMS`."""
    return _spread_many(text, _one_given, 3 + len(_GIVEN_FORMS))


def _one_given(value: str) -> tuple[str | None, ...]:
    one = names.parse_given(value)
    others = likeness.other_formal_names(one.exact) if one.exact else (None,) * likeness.OTHERS
    return (one.exact, one.canonical, one.sound, one.start, *likeness.alike_forms(one.exact), *others)


def _given_marks(text: pa.Array) -> list[pa.Array]:
    """Return what a given-name field says beside the name: second initial, mother's name, birth order."""

    def marks(value: str) -> tuple[str | None, ...]:
        one = names.parse_given(value)
        return one.second_initial, one.mother, one.birth_order

    return _spread_many(text, marks, 3)


def _surname_slots(surname: pa.Array, mother: pa.Array, maiden: pa.Array) -> dict[str, pa.Array]:
    """Return four slots of surnames that never repeat: the first part, the last part, the mother's, all in one.

    The slots are comparable with one another: a hyphenated name, a name run together, a parent's name and a changed
    name then meet.
    """

    def parts(value: str) -> tuple[str | None, ...]:
        one = names.parse_surname(value)
        whole = f"{one.first}{one.last}" if one.first and one.last else None
        return one.first, one.last, whole, one.sound

    first, last, whole, sound = _spread_many(surname, parts, 4)
    mother_first, mother_last, *_ = _spread_many(mother, parts, 4)
    maiden_first, *_ = _spread_many(maiden, parts, 4)
    slots = [first]
    for _ in range(2):
        free = [_unless_in(one, slots) for one in (last, mother_first, maiden_first, mother_last)]
        slots.append(pc.coalesce(*free))
    slots.append(_unless_in(whole, slots))
    return dict(zip(_SLOTS, slots, strict=True)) | {"surname_sound": sound}


def _rare(surname: pa.Array) -> pa.Array:
    """Return a constant where the surname is rare, null elsewhere."""
    coded = surname.dictionary_encode()
    rare = ["rare" if likeness.is_rare(name) else None for name in coded.dictionary.to_pylist()]
    return pa.array(rare, pa.string()).take(coded.indices)


def _unless_in(values: pa.Array, taken: list[pa.Array]) -> pa.Array:
    """Return `values`, null wherever one of `taken` holds the same value for that record."""
    for other in taken:
        same = pc.fill_null(pc.equal(values, other), False)
        values = pc.if_else(same, pa.scalar(None, pa.string()), values)
    return values


def _birth_order(order: pa.Array, plurality: pa.Array, mark: pa.Array) -> pa.Array:
    """Return the birth order of children of a multiple birth; a single birth has none."""
    single = pc.fill_null(pc.equal(_spread(plurality, fields.parse_order), "1"), False)
    stated = pc.coalesce(_spread(order, fields.parse_order), mark)
    return pc.if_else(single, pa.scalar(None, pa.string()), stated)


def _blank_to_null(values: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
