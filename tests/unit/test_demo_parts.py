"""The small parts of the demo city: errors, days, names, text, schedules."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from jellyfish import damerau_levenshtein_distance

from pipelines.demo import days, errors, names, rates
from pipelines.demo.draw import chance, distinct, stream, uuids, weighted
from pipelines.demo.nights import schedule
from pipelines.demo.text import Dialect, write_table


def test_streams_are_repeatable_and_independent() -> None:
    assert stream(7, "a").random() == stream(7, "a").random()
    assert stream(7, "a").random() != stream(7, "b").random()
    assert stream(7, "a").random() != stream(8, "a").random()


def test_misspelling_changes_most_names_by_little() -> None:
    before = pa.array(["Rodríguez", "Washington", "Philip", "Müller", "Li"] * 200)
    after = errors.misspell(stream(1, "typos"), before)
    distances = [damerau_levenshtein_distance(a, b) for a, b in zip(before.to_pylist(), after.to_pylist(), strict=True)]
    assert max(distances) <= 2
    assert np.mean(np.array(distances[:4]) > 0) > 0.5
    assert after.to_pylist()[4] == "Li"


def test_misdating_stays_near_and_valid() -> None:
    true = np.arange(days.day("2010-01-01"), days.day("2012-12-31"))
    wrong = errors.misdate(stream(1, "dates"), true)
    assert np.abs(wrong - true).max() < 400
    assert (wrong != true).mean() > 0.9


def test_misnumbering_keeps_nine_digits() -> None:
    true = distinct(stream(1, "numbers"), 2000, 100_000_000, 899_999_999)
    wrong = errors.misnumber(stream(2, "numbers"), true)
    assert ((wrong != true) & (wrong < 10**9) & (wrong >= 10**8)).all()


@pytest.mark.parametrize(
    ("style", "text"),
    [("iso", "2026-09-01"), ("us", "09/01/2026"), ("compact", "20260901"), ("month", "2026-09")],
)
def test_written_dates(style: str, text: str) -> None:
    found = days.written(np.array([days.FIRST_NIGHT, days.FIRST_NIGHT]), style, np.array([False, True]))
    assert found.to_pylist() == [text, None]


def test_parts_of_dates_go_back_and_forth() -> None:
    every = np.arange(days.day("2008-01-01"), days.day("2027-01-01"))
    assert (days.from_parts(*days.parts(every)) == every).all()


def test_school_years_teach_about_180_days_and_never_at_weekends() -> None:
    for year in days.SCHOOL_YEARS:
        open_days = days.instructional_days(year)
        assert 172 <= open_days.size <= 188
        assert not np.isin((open_days + 3) % 7, (5, 6)).any()


def test_every_name_has_three_spellings_and_every_group_its_weights() -> None:
    tables = names.tables()
    for book in (tables.given, tables.surnames):
        assert len(book.forms) == 3 * book.size
    plain = tables.surnames.forms.slice(tables.surnames.size, tables.surnames.size)
    assert all(name.isascii() for name in plain.to_pylist())
    for group in names.GROUPS:
        assert tables.surname_weights[group].sum() == pytest.approx(1)
        assert tables.given_weights[group, "F"].sum() == pytest.approx(1)


def test_common_names_are_as_common_as_in_the_census() -> None:
    tables = names.tables()
    drawn = weighted(stream(1, "surnames"), tables.surname_weights["multi"], 200_000)
    smith = tables.surnames.forms.to_pylist().index("Smith")
    assert (drawn == smith).mean() == pytest.approx(0.0101 / 0.905, abs=0.002)


def test_every_rate_names_its_basis_and_is_used() -> None:
    for row in [*rates.rows("rates.csv"), *rates.rows("noise.csv")]:
        assert row["basis"].strip(), row["rate"]


def test_uuids_are_distinct() -> None:
    made = uuids(stream(1, "ids"), 5000, "stu-").to_pylist()
    assert len(set(made)) == 5000
    assert {len(one) for one in made} == {40}


def test_chance_follows_its_probability() -> None:
    assert chance(stream(1, "chance"), 0.2, 50_000).mean() == pytest.approx(0.2, abs=0.01)


def test_schedule_changes_records_every_night_and_no_record_twice() -> None:
    who = np.arange(5000)
    records = schedule(1, "demo", who, pa.array([str(n) for n in who]), who, nights=np.ones(5000, dtype=np.int64))
    for night in (2, 3):
        assert (records.first == night).any()
        assert (records.corrected == night).any()
        assert (records.withdrawn == night).any()
        assert not (records.visible(night) & records.gone(night)).any()
    touched = (records.first > 1).astype(int) + (records.corrected > 0) + (records.withdrawn > 0)
    assert touched.max() == 1


def test_tables_quote_what_holds_the_delimiter_and_put_bad_lines_in_the_middle() -> None:
    handle = BytesIO()
    columns = {"a": pa.array(["1", "x;y", None, 'q"']), "b": "c"}
    write_table(handle, columns, dialect=Dialect(delimiter=";", newline="\r\n", bom=True), bad_lines=["bad"])
    assert handle.getvalue() == b'\xef\xbb\xbfa;b\r\n1;c\r\n"x;y";c\r\nbad\r\n;c\r\n"q""";c\r\n'
