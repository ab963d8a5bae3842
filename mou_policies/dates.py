"""Dates as agencies write them, parsed as sets: the forms, and nothing but the forms.

Read are YYYY-MM-DD, ISO date-times (the calendar day as written, whatever the offset), MM/DD/YYYY,
DD/MM/YYYY (only where an agreement says so), YYYYMMDD and MMDDYYYY (likewise). A year of two digits is
never guessed at. What is done with a date is decided in `treatments`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FIRST_YEAR, LAST_YEAR = 1850, 2150

_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?)?"
_FORMS = {
    "YYYY-MM-DD": r"^(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})" + _CLOCK + "$",
    "MM/DD/YYYY": r"^(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})" + _CLOCK + "$",
    "DD/MM/YYYY": r"^(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})" + _CLOCK + "$",
    "YYYYMMDD": r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})$",
    "MMDDYYYY": r"^(?P<m>\d{2})(?P<d>\d{2})(?P<y>\d{4})$",
}
_UNSTATED = ("YYYY-MM-DD", "MM/DD/YYYY", "YYYYMMDD")
_COARSER = {
    "day": (),
    "month": (
        r"^(?P<y>\d{4})-(?P<m>\d{2})$",
        r"^(?P<y>\d{4})(?P<m>\d{2})$",
        r"^(?P<m>\d{1,2})/(?P<y>\d{4})$",
    ),
    "year": (r"^(?P<y>\d{4})$",),
}

Days = npt.NDArray[np.datetime64]


def parse_dates(
    values: pa.Array | pa.ChunkedArray, date_format: str | None = None, *, least: str = "day"
) -> tuple[pa.Array, int]:
    """Parse dates; return (date32 array, count of values that are no date).

    `values` are strings (or dates, which pass through). `date_format` is the form an agreement states; ISO
    dates are read beside it. Without one, the unambiguous forms and MM/DD/YYYY are read. `least` is the
    coarsest value that will do: `day`, `month` (2026-07 becomes the first of July) or `year`. Years outside
    1850-2150 are no dates.
    """
    column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return _as_days(column), 0
    if len(column) == 0 or column.null_count == len(column):
        return pa.nulls(len(column), pa.date32()), 0
    encoded = column.cast(pa.string()).dictionary_encode()
    distinct = pc.utf8_trim_whitespace(encoded.dictionary)
    days = _parse_distinct(distinct, _patterns(date_format, least))
    parsed = pa.array(days.astype("datetime64[D]")).cast(pa.date32()).take(encoded.indices)
    blank = pc.sum(pc.equal(distinct, "").take(encoded.indices)).as_py() or 0
    return parsed, int(parsed.null_count - column.null_count - blank)


def epoch_days(values: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return (days since 1970-01-01, which are null) of a date32 array; the days of nulls mean nothing."""
    missing = values.is_null().to_numpy(zero_copy_only=False)
    days = values.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return days, missing


def civil(days: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
    """Return (year, month 1-12, day of month) of days since 1970-01-01."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    index = months.astype(np.int64)
    day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    return 1970 + index // 12, index % 12 + 1, day


def _patterns(date_format: str | None, least: str) -> list[str]:
    names = _UNSTATED if date_format is None else tuple(dict.fromkeys([date_format, "YYYY-MM-DD"]))
    coarser = [*_COARSER["month"], *_COARSER["year"]] if least == "year" else _COARSER[least]
    return [*(_FORMS[name] for name in names), *coarser]


def _parse_distinct(distinct: pa.Array, patterns: list[str]) -> Days:
    """Return datetime64[D] for distinct trimmed texts, NaT where no pattern gives a real date."""
    days = np.full(len(distinct), np.datetime64("NaT"), dtype="datetime64[D]")
    open_ = np.arange(len(distinct))
    for pattern in patterns:
        if not len(open_):
            break
        found = pc.extract_regex(distinct.take(pa.array(open_)), pattern=pattern)
        hit = found.is_valid().to_numpy(zero_copy_only=False)
        if hit.any():
            days[open_[hit]] = _compose(found.filter(pa.array(hit)))
            open_ = open_[~hit]
    return days


def _compose(parts: pa.StructArray) -> Days:
    """Put year, month and day together; what the calendar does not have becomes NaT."""
    names = {field.name for field in parts.type}
    one = np.ones(len(parts), dtype=np.int64)

    def part(name: str) -> npt.NDArray[np.int64]:
        if name not in names:
            return one
        numbers: npt.NDArray[np.int64] = parts.field(name).cast(pa.int64()).to_numpy(zero_copy_only=False)
        return numbers

    year, month, day = part("y"), part("m"), part("d")
    real = (year >= FIRST_YEAR) & (year <= LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
    index = np.where(real, (year - 1970) * 12 + month - 1, 0)
    starts = index.astype("datetime64[M]").astype("datetime64[D]")
    length = ((index + 1).astype("datetime64[M]").astype("datetime64[D]") - starts).astype(np.int64)
    real &= day <= length
    composed: Days = np.where(real, starts + (day - 1).astype("timedelta64[D]"), np.datetime64("NaT"))
    return composed


def _as_days(column: pa.Array) -> pa.Array:
    return column.cast(pa.date32(), safe=False) if not pa.types.is_date32(column.type) else column
