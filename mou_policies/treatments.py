"""The treatments: what a granted field's values become before anything is stored. Set-based, in memory.

What may be treated how is decided in the vocabulary and the agreement. Not here: `tokenise` and `record`,
which need the hub's linkage keys, and `drop`, which no value reaches. No value ever enters an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mou_policies import vocabulary
from mou_policies.dates import civil, epoch_days, parse_dates
from mou_policies.model import FieldPolicy, Treatment

__all__ = ["Treated", "apply_treatment", "output_types", "parse_dates"]

OLDEST = 90
"""Ages above 89 are one group (45 CFR 164.514(b)(2)(i)(C))."""

OLDEST_DAYS = 32_873
"""What stands for that group in days: the fewest at which nobody is still 89, whatever leap years lie between."""

PSEUDONYM_BYTES = 12
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
_ZIP = r"^\d{5}(-?\d{4})?$"
_TYPES: dict[str, pa.DataType] = {
    "number": pa.float64(),
    "top_code": pa.float64(),
    "date.year": pa.int32(),
    "date.school_day": pa.int32(),
    "date.age_days": pa.int32(),
    "date.age_months": pa.int32(),
    "date.age_years": pa.int32(),
}
_LEAST = {"year": "year", "month": "month", "school_year": "month"}

Bools = npt.NDArray[np.bool_]


class Treated(NamedTuple):
    """Output columns by name, and how many values that were there could not be read (they became null).

    An age whose birth date is unknown is null too, but not counted: its date was read.
    """

    columns: dict[str, pa.Array]
    unparsed: int


def output_types(field: FieldPolicy) -> dict[str, pa.DataType]:
    """Return the Arrow types of a content field's output columns, by name."""
    if field.treatment.kind == "record":
        return {field.name: pa.binary(16)}
    types = {field.name: _TYPES.get(field.treatment.token, pa.string())}
    if field.treatment.unit == "school_day":
        types[f"{field.name}_year"] = pa.string()
    return types


def apply_treatment(
    field: FieldPolicy, values: pa.ChunkedArray | pa.Array, birth: pa.Array | None, secret: bytes
) -> Treated:
    """Treat one content field's raw texts, row by row aligned.

    `birth` are the birth dates (date32) of the rows' records, needed by ages only; `secret` is the agency's
    key for pseudonyms. Empty and blank values stay null. Raises ValueError (without any value) for a field
    that is not content, and for an age without birth dates.
    """
    treatment = field.treatment
    if not field.is_content or treatment.kind not in _TREATMENTS:
        raise ValueError(f"{field.clause}: treatment {treatment} with use {field.use} is not applied here")
    column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    if treatment.kind == "date":
        return _date(field, column, birth)
    texts = _trimmed(column)
    if treatment.kind == "pseudonymise":
        return Treated({field.name: _pseudonyms(texts, secret)}, 0)
    result = _TREATMENTS[treatment.kind](treatment, texts)
    return Treated({field.name: result}, result.null_count - texts.null_count)


def _trimmed(column: pa.Array) -> pa.Array:
    """Return trimmed texts, blank ones as null."""
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _numbers(texts: pa.Array) -> pa.Array:
    """Return doubles, null where a text is no number; separators and currency signs make it none."""
    numeric = pc.match_substring_regex(texts, _NUMBER)
    found = pc.if_else(numeric, texts, pa.scalar(None, pa.string())).cast(pa.float64())
    return pc.if_else(pc.is_finite(found), found, pa.scalar(None, pa.float64()))


def _keep(treatment: Treatment, texts: pa.Array) -> pa.Array:
    return texts


def _number(treatment: Treatment, texts: pa.Array) -> pa.Array:
    return _numbers(texts)


def _top_code(treatment: Treatment, texts: pa.Array) -> pa.Array:
    return pc.min_element_wise(_numbers(texts), pa.scalar(treatment.limit, pa.float64()), skip_nulls=False)


def _band(treatment: Treatment, texts: pa.Array) -> pa.Array:
    return _banded(_numbers(texts), treatment.edges)


def _banded(numbers: pa.Array, edges: tuple[float, ...]) -> pa.Array:
    """Return the label of each number's band: below the first bound, between two, from the last on."""
    bounds = [np.format_float_positional(edge, trim="-") for edge in edges]
    between = [f"{low} to <{high}" for low, high in pairwise(bounds)]
    labels = pa.array([f"<{bounds[0]}", *between, f">={bounds[-1]}"])
    missing = numbers.is_null().to_numpy(zero_copy_only=False)
    plain = numbers.fill_null(0).to_numpy(zero_copy_only=False)
    index = np.searchsorted(np.asarray(edges), plain, side="right")
    return labels.take(pa.array(index, mask=missing))


def _zip3(treatment: Treatment, texts: pa.Array) -> pa.Array:
    valid = pc.match_substring_regex(texts, _ZIP)
    areas = pc.if_else(valid, pc.utf8_slice_codeunits(texts, 0, 3), pa.scalar(None, pa.string()))
    restricted = pc.is_in(areas, value_set=pa.array(sorted(vocabulary.zip3_restricted())))
    return pc.if_else(restricted, pa.scalar("000"), areas)


def _recode(treatment: Treatment, texts: pa.Array) -> pa.Array:
    codes = pa.array([code for code, _ in treatment.recode])
    words = pa.array([word for _, word in treatment.recode], pa.string())
    known = words.take(pc.index_in(texts, value_set=codes))
    if treatment.otherwise is None:
        return known
    other = pc.if_else(texts.is_valid(), pa.scalar(treatment.otherwise), pa.scalar(None, pa.string()))
    return pc.coalesce(known, other)


def _pseudonyms(texts: pa.Array, secret: bytes) -> pa.Array:
    """Return a keyed pseudonym of each distinct identifier: BLAKE2b in keyed mode, 96 bits in hex."""
    if len(secret) < 16:
        raise ValueError("the pseudonym key is shorter than 16 bytes")
    key = hashlib.blake2b(secret, digest_size=64, person=b"pseudonym").digest()
    encoded = texts.dictionary_encode()
    made = [
        "p" + hashlib.blake2b(name.encode(), digest_size=PSEUDONYM_BYTES, key=key).hexdigest()
        for name in encoded.dictionary.to_pylist()
    ]
    return pa.array(made, pa.string()).take(encoded.indices)


def _date(field: FieldPolicy, column: pa.Array, birth: pa.Array | None) -> Treated:
    unit = field.treatment.unit or ""
    dates, unparsed = parse_dates(column, field.date_format, least=_LEAST.get(unit, "day"))
    if unit.startswith("age_"):
        if birth is None:
            raise ValueError(f"{field.clause}: an age needs the birth dates of the records")
        return Treated({field.name: _age(field.treatment, dates, birth)}, unparsed)
    days, missing = epoch_days(dates)
    year, month, _ = civil(days)
    if unit == "year":
        return Treated({field.name: pa.array(year.astype(np.int32), mask=missing)}, unparsed)
    if unit == "month":
        return Treated({field.name: _joined(year, month, missing)}, unparsed)
    start = year - (month < 7)
    school_year = _joined(start, (start + 1) % 100, missing)
    if unit == "school_year":
        return Treated({field.name: school_year}, unparsed)
    july = (start - 1970) * 12 + 6
    first = july.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    offset = pa.array((days - first).astype(np.int32), mask=missing)
    return Treated({field.name: offset, f"{field.name}_year": school_year}, unparsed)


def _joined(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], missing: Bools) -> pa.Array:
    """Return texts like 2025-09 from two numbers, null where missing."""
    first = pa.array(left, pa.int64(), mask=missing).cast(pa.string())
    second = pc.utf8_lpad(pa.array(right, pa.int64(), mask=missing).cast(pa.string()), 2, padding="0")
    return pc.binary_join_element_wise(first, second, "-")


def _age(treatment: Treatment, dates: pa.Array, birth: pa.Array) -> pa.Array:
    """Return the age at each date: days, whole months or years, or a band; 90 stands for all above 89."""
    born = birth.combine_chunks() if isinstance(birth, pa.ChunkedArray) else birth
    then, no_date = epoch_days(dates)
    start, no_birth = epoch_days(born)
    missing = no_date | no_birth
    year, month, day = civil(then)
    birth_year, birth_month, birth_day = civil(start)
    months = (year - birth_year) * 12 + month - birth_month - (day < birth_day)
    if treatment.unit == "age_months":
        return pa.array(np.minimum(months, OLDEST * 12).astype(np.int32), mask=missing)
    years = np.minimum(months // 12, OLDEST)
    if treatment.unit == "age_years":
        return pa.array(years.astype(np.int32), mask=missing)
    if treatment.unit == "age_band":
        numbers = pa.array(years.astype(np.float64), mask=missing)
        return _banded(numbers, tuple(float(bound) for bound in treatment.bands))
    return pa.array(np.where(years == OLDEST, OLDEST_DAYS, then - start).astype(np.int32), mask=missing)


_TREATMENTS: dict[str, Callable[[Treatment, pa.Array], pa.Array]] = {
    "keep": _keep,
    "number": _number,
    "top_code": _top_code,
    "band": _band,
    "zip3": _zip3,
    "recode": _recode,
    "date": _keep,
    "pseudonymise": _keep,
}
