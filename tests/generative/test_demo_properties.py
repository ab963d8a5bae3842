"""Properties of the demo city's errors for any text and date."""

from __future__ import annotations

import csv
import io
from datetime import date

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from jellyfish import damerau_levenshtein_distance

from pipelines.demo import days, errors
from pipelines.demo.draw import stream
from pipelines.demo.text import glue, quoted

_NAMES = st.text(st.characters(codec="utf-8", categories=("Lu", "Ll"), max_codepoint=0x1FFF), max_size=30)


@given(st.lists(_NAMES, min_size=1, max_size=30), st.integers(0, 1000))
def test_a_misspelling_is_one_mistake(values: list[str], seed: int) -> None:
    wrong = errors.misspell(stream(seed, "typos"), pa.array(values, pa.string())).to_pylist()
    for before, after in zip(values, wrong, strict=True):
        assert damerau_levenshtein_distance(before, after) <= 2
        if len(before) < 3:
            assert before == after


@given(st.lists(st.dates(min_value=date(1990, 1, 1)), min_size=1), st.integers(0, 99))
def test_a_wrong_date_is_a_real_date(dates: list[date], seed: int) -> None:
    true = np.array([days.day(value.isoformat()) for value in dates if value.year < 2030] or [20000])
    wrong = errors.misdate(stream(seed, "dates"), true)
    assert (np.abs(wrong - true) < 400).all()


@given(st.lists(st.text(max_size=8), min_size=1, max_size=20))
def test_quoting_can_be_undone(values: list[str]) -> None:
    values = [value.replace("\x00", "").replace("\ud800", "") for value in values]
    line = "".join(str(cell) for cell in glue(quoted(pa.array(values, pa.string()), ","), ",").to_pylist())
    assert next(csv.reader(io.StringIO(line, newline="")), [""])[:-1] == values
