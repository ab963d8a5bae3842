"""The order of treatments is true: what it calls coarser can be worked out from the finer results, on real columns.

Each treatment is applied to one column with the code that treats real rows; a result is "worked out" from another
where equal values of the other never come with different values of the first.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mou_policies.coarseness import as_coarse, coarser, coarsest
from mou_policies.model import DATE_UNITS, FieldPolicy, Treatment
from mou_policies.treatments import apply_treatment

SECRET = bytes(range(32))
UNKEYED = {"tokenise", "record"}  # these are keyed elsewhere; the order knows only themselves and `drop`
AGES = {unit for unit in DATE_UNITS if unit.startswith("age_")}
Row = tuple[str | None, date]

EDGES = [-1.5, 0.0, 1.0, 5.0, 10.0, 10.000000000001, 25.0]
CODES, WORDS = ["A", "B", "C"], ["x", "y"]
bounds = st.sets(st.sampled_from(EDGES), min_size=1, max_size=4).map(lambda s: tuple(sorted(s)))
years = st.sets(st.sampled_from([0, 1, 5, 18, 89, 90, 91, 110]), min_size=1, max_size=4).map(lambda s: tuple(sorted(s)))
recodes = st.builds(
    lambda words, otherwise: Treatment("recode", recode=tuple(words.items()), otherwise=otherwise),
    st.dictionaries(st.sampled_from(CODES), st.sampled_from(WORDS), min_size=1),
    st.none() | st.sampled_from(WORDS),
)
numbers = (
    st.just(Treatment("number"))
    | st.sampled_from(EDGES).map(lambda limit: Treatment("top_code", limit=limit))
    | bounds.map(lambda edges: Treatment("band", edges=edges))
)
bands_of_age = years.map(lambda bands: Treatment("date", unit="age_band", bands=bands))
units = st.sampled_from([u for u in DATE_UNITS if u != "age_band"]).map(lambda unit: Treatment("date", unit=unit))
others = st.sampled_from([Treatment(k) for k in ("keep", "drop", "zip3", "pseudonymise", *sorted(UNKEYED))])
one_of_each = [
    *(Treatment(kind) for kind in ("keep", "drop", "zip3", "pseudonymise", "number")),
    *(Treatment("date", unit=unit, bands=(5, 18) if unit == "age_band" else ()) for unit in DATE_UNITS),
    Treatment("top_code", limit=5.0),
    Treatment("band", edges=(1.0, 5.0)),
    Treatment("recode", recode=(("A", "x"),)),
]
some = st.one_of(others, recodes, numbers, units, bands_of_age)
alike = st.one_of(*(st.lists(family | others, min_size=3, max_size=4) for family in (recodes, numbers, bands_of_age)))
several = alike | st.lists(some | units, min_size=3, max_size=4)

days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
texts = st.one_of(
    st.sampled_from(
        [None, "", " ", "junk", " A ", *CODES, "D", "007", "7", "7.0", "1e1", "02903", "029041234", "03601"]
    ),
    st.sampled_from(EDGES).map(repr),
    st.floats(-10, 30).map(repr),
    days.map(date.isoformat),
    days.map(lambda day: f"{day:%m/%d/%Y}"),
)
columns = st.lists(st.tuples(texts, st.sampled_from([date(1990, 1, 31), date(2000, 2, 29)]) | days), max_size=40)


def results(treatment: Treatment, rows: list[Row]) -> list[tuple[object, ...]]:
    """Return what is stored of each row: `school_day` stores two columns, `drop` none."""
    if treatment.kind == "drop":
        return [()] * len(rows)
    field = FieldPolicy("raw", "date.event", "content", treatment, "out", "test", False, "clause")
    values, births = pa.array([v for v, _ in rows], pa.string()), pa.array([b for _, b in rows], pa.date32())
    return list(
        zip(*(c.to_pylist() for c in apply_treatment(field, values, births, SECRET).columns.values()), strict=True)
    )


def worked_out(a: Treatment, b: Treatment, rows: list[Row]) -> bool:
    """Whether the results of `a` are a function of the results of `b`; of days, for each date of birth."""
    from_b = results(b, rows)
    if b.unit == "age_days" and a.unit in AGES:
        from_b = [(*result, birth) for result, (_, birth) in zip(from_b, rows, strict=True)]
    return len(set(zip(from_b, results(a, rows), strict=True))) == len(set(from_b))


@settings(deadline=None, max_examples=400)
@given(several, columns)
def test_what_is_as_coarse_can_be_worked_out(treatments: list[Treatment], rows: list[Row]) -> None:
    for a, b in product(treatments, repeat=2):
        if as_coarse(a, b) and not {a.kind, b.kind} & UNKEYED:
            assert worked_out(a, b, rows), (a, b)


@settings(deadline=None, max_examples=400)
@given(several, columns)
def test_what_both_allow_can_be_worked_out_from_either(treatments: list[Treatment], rows: list[Row]) -> None:
    for a, b in product(treatments, repeat=2):
        both = coarser(a, b)
        if both is not None and not {a.kind, b.kind} & UNKEYED:
            assert worked_out(both, a, rows), (a, b)
            assert worked_out(both, b, rows), (a, b)


def every_value() -> list[Row]:
    """Return a column that holds whatever tells two treatments of these tests apart."""
    plain = [None, "junk", *CODES, "007", "7", "7.0", "2903", "02903", "02904", "03601", "03602"]
    near = [repr(edge + step) for edge in EDGES for step in (-0.25, -1e-13, 0.0, 1e-13, 0.25)]
    rows: list[Row] = [(value, date(1990, 1, 31)) for value in [*plain, *near]]
    rows += [("2090-07-15", date(2090 - age, 1, 1)) for age in range(101)]  # one day, children of every age
    for birth in (date(1990, 1, 31), date(1991, 7, 1), date(2000, 2, 29)):
        lived = (*range(-40, 800), *range(1800, 1860), *range(6560, 6600), *range(32_400, 33_300, 3))
        rows += [((birth + timedelta(days)).isoformat(), birth) for days in lived]
    return rows


EVERY = every_value()


@settings(deadline=None, max_examples=100)
@given(several)
@example(one_of_each)
def test_what_can_be_worked_out_is_as_coarse(treatments: list[Treatment]) -> None:
    for a, b in product(treatments, repeat=2):
        irreversible = b.kind == "pseudonymise" and a != b  # with the key alone could it be worked out
        never_reached = max(a.bands + b.bands, default=0) > 90  # ages above 89 are one group
        if not irreversible and not never_reached and not {a.kind, b.kind} & UNKEYED:
            assert worked_out(a, b, EVERY) == as_coarse(a, b), (a, b)


@settings(deadline=None)
@given(several)
def test_it_is_an_order(treatments: list[Treatment]) -> None:
    for a, b, c in product(treatments, repeat=3):
        assert as_coarse(a, a)
        assert not (as_coarse(a, b) and as_coarse(b, c)) or as_coarse(a, c)
        if as_coarse(a, b) and as_coarse(b, a):
            assert a == b or a.kind == b.kind == "recode"


@settings(deadline=None)
@given(several)
def test_what_both_allow_is_the_finest_that_is_as_coarse_as_both(treatments: list[Treatment]) -> None:
    for a, b, c in product(treatments, repeat=3):
        both = coarser(a, b)
        assert coarser(a, a) == a
        assert both == coarser(b, a)
        assert both is None or (as_coarse(both, a) and as_coarse(both, b))
        if as_coarse(c, a) and as_coarse(c, b) and c.kind != "drop" and {a.kind, b.kind} != {"recode"}:
            assert both is not None
            assert as_coarse(c, both)


@settings(deadline=None)
@given(several)
def test_the_order_in_which_treatments_meet_does_not_matter(treatments: list[Treatment]) -> None:
    every = coarsest(treatments)
    assert every == coarsest(reversed(treatments))
    assert every is None or all(as_coarse(every, t) for t in treatments)
    a, b, c = treatments[:3]
    left, right = coarser(a, b), coarser(b, c)
    if left and right:
        first, second = coarser(left, c), coarser(a, right)
        assert first is None or second is None or first == second == coarsest([a, b, c])


@settings(deadline=None)
@given(st.integers(0, 32_000), st.lists(st.dates(date(1950, 1, 1), date(2010, 12, 31)), min_size=2, max_size=20))
def test_days_since_birth_give_months_and_years_of_any_child_to_within_one(age: int, births: list[date]) -> None:
    rows: list[Row] = [((birth + timedelta(age)).isoformat(), birth) for birth in births]
    assert set(results(Treatment("date", unit="age_days"), rows)) == {(age,)}
    for unit, length in (("age_months", 30.437), ("age_years", 365.25)):
        for (found,) in results(Treatment("date", unit=unit), rows):
            assert isinstance(found, int)
            assert abs(found - age // length) <= 1


def test_a_date_that_came_coarser_is_told_as_it_came() -> None:
    came: list[Row] = [("2025", date(2020, 1, 1)), ("2025-06", date(2020, 1, 1))]
    told = {
        unit: [r[0] for r in results(Treatment("date", unit=unit), came)] for unit in DATE_UNITS if unit not in AGES
    }
    assert told == {
        "year": [2025, 2025],
        "month": [None, "2025-06"],
        "school_year": [None, "2024-25"],
        "school_day": [None, None],
    }
