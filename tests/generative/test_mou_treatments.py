"""No treatment that generalises gives back what came in, for any value; lengths and nulls always agree."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mou_policies import vocabulary
from mou_policies.dates import parse_dates
from mou_policies.model import DATE_UNITS, FieldPolicy, Treatment
from mou_policies.treatments import apply_treatment, output_types

SECRET = bytes(range(32))
unhurried = settings(deadline=None)
ANY = st.lists(st.none() | st.text(max_size=12) | st.from_regex(r"[0-9/\-]{4,10}", fullmatch=True), max_size=20)
DAYS = st.dates(date(1920, 1, 1), date(2140, 12, 31))
TREATMENTS = [
    *(Treatment("date", unit=u, bands=(0, 5, 18) if u == "age_band" else ()) for u in DATE_UNITS),
    Treatment("keep"),
    Treatment("number"),
    Treatment("zip3"),
    Treatment("pseudonymise"),
    Treatment("top_code", limit=100),
    Treatment("band", edges=(10, 100)),
    Treatment("recode", recode=(("A", "x"),)),
    Treatment("recode", recode=(("A", "x"),), otherwise="z"),
]


def granted(treatment: Treatment) -> FieldPolicy:
    return FieldPolicy("raw", "date.event", "content", treatment, "out", "test", False, "clause")


def apply(treatment: Treatment, values: list[str | None]) -> tuple[list[list[object]], int]:
    born = pa.array([date(2000, 1, 1)] * len(values), pa.date32())
    result = apply_treatment(granted(treatment), pa.chunked_array([values], pa.string()), born, SECRET)
    assert {n: c.type for n, c in result.columns.items()} == output_types(granted(treatment))
    return [column.to_pylist() for column in result.columns.values()], result.unparsed


@unhurried
@given(st.sampled_from(TREATMENTS), ANY)
def test_rows_stay_aligned_and_nulls_stay_null(treatment: Treatment, values: list[str | None]) -> None:
    columns, unparsed = apply(treatment, values)
    assert all(len(column) == len(values) for column in columns)
    assert 0 <= unparsed <= sum(v is not None for v in values)
    for column in columns:
        assert all(out is None for out, came in zip(column, values, strict=True) if came is None or not came.strip())
    lost = sum(
        out is None and came is not None and came.strip() != "" for out, came in zip(columns[0], values, strict=True)
    )
    assert lost == unparsed


@unhurried
@given(st.sampled_from(TREATMENTS), ANY)
def test_a_value_is_treated_the_same_wherever_it_stands(treatment: Treatment, values: list[str | None]) -> None:
    together, _ = apply(treatment, values)
    for index, value in enumerate(values):
        alone, _ = apply(treatment, [value])
        assert [column[0] for column in alone] == [column[index] for column in together]


@unhurried
@given(DAYS, st.sampled_from(["%Y-%m-%d", "%m/%d/%Y", "%Y%m%d"]), st.sampled_from(DATE_UNITS))
def test_no_whole_date_survives(day: date, form: str, unit: str) -> None:
    came = day.strftime(form)
    treatment = Treatment("date", unit=unit, bands=(0, 5, 18) if unit == "age_band" else ())
    columns, unparsed = apply(treatment, [came])
    assert unparsed == 0
    for (out,) in columns:
        assert came not in str(out)
        assert len(str(out)) <= 8
        assert str(out) != came


@unhurried
@given(st.lists(DAYS, min_size=1, max_size=30))
def test_dates_agree_with_the_calendar(days: list[date]) -> None:
    texts: list[str | None] = [d.isoformat() for d in days]
    (years,), _ = apply(Treatment("date", unit="year"), texts)
    assert years == [d.year for d in days]
    (months,), _ = apply(Treatment("date", unit="month"), texts)
    assert months == [f"{d:%Y-%m}" for d in days]
    (offset, year), _ = apply(Treatment("date", unit="school_day"), texts)
    for day, out, label in zip(days, offset, year, strict=True):
        start = day.year if day.month >= 7 else day.year - 1
        assert label == f"{start}-{(start + 1) % 100:02d}"
        assert date(start, 7, 1) + timedelta(days=int(str(out))) == day
        assert 0 <= int(str(out)) <= 365
    (ages,), _ = apply(Treatment("date", unit="age_years"), texts)
    for day, age in zip(days, ages, strict=True):
        assert age == min(90, day.year - 2000)


@unhurried
@given(ANY)
def test_what_is_read_as_a_date_is_one(values: list[str | None]) -> None:
    days, unparsed = parse_dates(pa.array(values, pa.string()))
    read = [d for d in days.to_pylist() if d is not None]
    stated = sum(v is not None and v.strip() != "" for v in values)
    assert len(read) + unparsed == stated
    assert all(1850 <= d.year <= 2150 for d in read)


@unhurried
@given(st.from_regex(r"[0-9]{5}(-[0-9]{4})?", fullmatch=True))
def test_zip3_is_three_digits_of_a_big_area(code: str) -> None:
    ((out,),), unparsed = apply(Treatment("zip3"), [code])
    assert unparsed == 0
    assert out == ("000" if code[:3] in vocabulary.zip3_restricted() else code[:3])
    assert out not in vocabulary.zip3_restricted()


@unhurried
@given(st.text(min_size=1, max_size=40))
def test_zip3_never_gives_more_than_three_digits(value: str) -> None:
    ((out,),), _ = apply(Treatment("zip3"), [value])
    assert out is None or (len(str(out)) == 3 and str(out).isdigit())


@unhurried
@given(
    st.lists(
        st.text(min_size=2, max_size=20).filter(lambda s: s.strip() == s),
        min_size=1,
        max_size=20,
        unique=True,
    )
)
def test_pseudonyms_are_distinct_fixed_in_length_and_hold_nothing(values: list[str]) -> None:
    (out,), _ = apply(Treatment("pseudonymise"), list(values))
    assert len(set(out)) == len(values)
    assert {len(str(p)) for p in out} == {25}
    assert all(str(p)[0] == "p" and set(str(p)[1:]) <= set("0123456789abcdef") for p in out)
    for value, pseudonym in zip(values, out, strict=True):
        if len(value) > 4:
            assert value not in str(pseudonym)


@unhurried
@given(
    st.floats(-1e9, 1e9, allow_nan=False),
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=6, unique=True),
)
def test_a_number_falls_into_the_band_that_holds_it(number: float, edges: list[int]) -> None:
    bounds = sorted(edges)
    ((out,),), _ = apply(Treatment("band", edges=tuple(float(e) for e in bounds)), [repr(number)])
    index = int(np.searchsorted(bounds, number, side="right"))
    if index == 0:
        assert out == f"<{bounds[0]}"
    elif index == len(bounds):
        assert out == f">={bounds[-1]}"
    else:
        assert out == f"{bounds[index - 1]} to <{bounds[index]}"
    ((top,),), _ = apply(Treatment("top_code", limit=bounds[0]), [repr(number)])
    assert float(str(top)) == min(number, bounds[0])


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_no_value_is_in_an_error(data: st.DataObject) -> None:
    value = "value of a record: " + data.draw(st.text(max_size=20))
    field = FieldPolicy("raw", "id.ssn", "link", Treatment("tokenise"), "out", "test", False, "clause")
    try:
        apply_treatment(field, pa.array([value]), None, SECRET)
    except ValueError as error:
        assert value not in str(error)
        assert error.__cause__ is None
    else:
        raise AssertionError("a link field was treated as content")
