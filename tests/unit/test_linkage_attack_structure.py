"""The structure attack: graphs whose classes can be counted by hand, and the same figures as the yardstick."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.token_graphs import figures, tokens, yardstick

from linkage.attack import TokenTable, exposure
from linkage.attack.structure import class_sizes, refine
from linkage.attack.tables import graph
from linkage.attack.words import repeated, words
from linkage.errors import LinkageError

GRAPHS = {
    "nothing is shared: one class": ("a b\n 1 5\n 2 6\n 3 7\n 4 8", 1, 0.0),
    "a pair beside two that share nothing": ("a b\n 1 5\n 1 6\n 3 7\n 4 8", 2, 0.0),
    "a chain over two columns: its middle and each end differ": ("a b\n 1 4\n 1 5\n 2 5\n 3 6", 4, 1.0),
    "a path of six: ends pair up as mirror images": ("a b\n 1 4\n 1 5\n 2 5\n 2 6\n 3 6\n 3 7", 3, 0.0),
    "a star: who holds the common token, and who does not": ("a b\n 1 4\n 1 5\n 1 6\n 2 7", 2, 0.25),
    "a gap shows where others have a token nobody shares": ("a b\n 1 4\n 2 5\n 3 .\n 4 7", 2, 0.25),
    "a list: two holders of one of its tokens": ("a b\n 1+2 4\n 2 5\n 3 6\n 9 7", 3, 0.5),
    "no tokens at all": ("a b\n . .\n . .", 1, 0.0),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_classes_counted_by_hand(name):
    text, classes, singled_out = GRAPHS[name]
    found = figures(tokens(text))
    assert (found["classes"], found["singled_out"]) == (classes, singled_out)


def test_the_figures_have_the_names_and_meanings_of_the_yardstick():
    rows = [str(n) for n in range(100)]
    rows[:2], rows[2:5] = ["x"] * 2, ["y"] * 3
    assert figures(pa.table({"a": rows})) == {
        "records": 100,
        "singled_out": 0.0,
        "in_classes_up_to_10": 0.05,
        "classes": 3,
        "median_class_size": 95,
    }


def test_comparable_columns_must_be_declared_or_the_result_flatters():
    table = tokens("a b c\n 1 9 5\n 2 1 6\n 3 8 7\n 4 7 3")
    assert figures(table)["classes"] == 1
    assert figures(table, ("a", "b"))["classes"] == 3
    assert figures(table, ("a", "b"), ("b", "c"))["classes"] == 4


def test_comparable_columns_that_are_not_there_are_refused():
    with pytest.raises(LinkageError, match=r"not there: elsewhere; name"):
        figures(tokens("a\n1"), ("a", "elsewhere"))


def test_tables_about_the_same_records_are_one_graph():
    first = TokenTable(np.arange(4), {"a": pa.array([1, 1, 2, 3])})
    second = TokenTable(np.array([2, 1]), {"b": pa.array([7, 7])})
    assert exposure(4, [first]).classes == 2
    assert exposure(4, [first, second]).singled_out == 1.0


def test_a_record_may_have_several_rows_in_a_table():
    ledger = TokenTable(np.array([0, 0, 1, 2]), {"event": pa.array(["x", "y", "y", "z"])})
    assert exposure(4, [ledger]).singled_out == 1.0


def test_a_table_can_be_cut_to_some_records():
    table = TokenTable(np.array([0, 1, 2]), {"a": pa.array([5, 5, 6])})
    cut = table.renumbered(np.array([-1, 0, 1]))
    assert (cut.record.tolist(), cut.columns["a"].to_pylist()) == ([0, 1], [5, 6])


def test_no_records():
    assert exposure(0, [TokenTable.of(tokens("a\n1").slice(0, 0))]).to_json()["records"] == 0


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 1, None, -1], pa.int8()),
        pa.array([2**64 - 1, 2**64 - 1, None, 0], pa.uint64()),
        pa.array(["x", "x", None, "y"]),
        pa.array(["x", "x", None, "y"]).dictionary_encode(),
        pa.array([True, True, None, False]),
        pa.array([b"0123456789abcdef", b"0123456789abcdef", None, b"0123456789abcdeg"], pa.binary(16)),
        pa.array([b"01234567a", b"01234567a", None, b"01234567b"], pa.binary(9)),
        pa.array([b"x", b"x", None, b"xx"]),
    ],
    ids=lambda column: str(column.type),
)
def test_tokens_of_any_type_are_equal_when_they_are(column):
    [(rows, found)] = words([pa.concat_arrays([column[:0], column])])
    assert rows.tolist() == [0, 1, 3]
    assert found[0] == found[1] != found[2]


def test_texts_of_comparable_columns_get_the_same_words_and_other_types_never_do():
    (_, one), (_, two), (_, three) = words([pa.array(["x", "y"]), pa.array(["y"]), pa.array([0, 1])])
    assert one[1] == two[0]
    assert not set(three.tolist()) & set(one.tolist())


def test_repeated_words_are_found_a_share_at_a_time_too(monkeypatch):
    values = np.random.default_rng(3).integers(0, 2**64, 1000, np.uint64)
    parts = [values, values[::10], values[:3]]
    whole = repeated(parts)
    monkeypatch.setattr("linkage.attack.words._AT_ONCE", 50)
    assert repeated(parts).tolist() == whole.tolist() == sorted({*values[::10].tolist(), *values[:3].tolist()})


cell = st.one_of(st.none(), st.integers(0, 8))
columns = st.integers(2, 25).flatmap(
    lambda rows: st.lists(st.lists(cell, min_size=rows, max_size=rows), min_size=1, max_size=4)
)


def table_of(cells):
    return pa.table({f"c{n}": pa.array(column, pa.int64()) for n, column in enumerate(cells)})


@given(columns, st.randoms())
def test_other_keys_and_another_order_of_rows_change_nothing(cells, random):
    table = table_of(cells)
    renamed = random.sample(range(100, 200), 9)
    order = random.sample(range(table.num_rows), table.num_rows)
    other = table_of([[None if v is None else renamed[v] for v in column] for column in cells]).take(order)
    same = tuple(table.column_names)
    assert figures(other) == figures(table)
    assert figures(other, same) == figures(table, same)


@given(columns)
def test_another_column_never_hides_anybody(cells):
    table = table_of(cells)
    for width in range(1, table.num_columns):
        fewer, more = figures(table.select(range(width))), figures(table.select(range(width + 1)))
        assert more["singled_out"] >= fewer["singled_out"]
        assert more["classes"] >= fewer["classes"]


@given(columns)
def test_a_token_that_nobody_shares_says_as_much_as_the_edge_that_was_left_out(cells):
    table = table_of(cells)
    twice = pa.concat_tables([table, table_of([[None] * table.num_rows for _ in cells])])
    kept = refine(graph(twice.num_rows, [TokenTable.of(twice)]))
    assert (class_sizes(kept.record)[table.num_rows :] >= table.num_rows).all()


@settings(max_examples=8, deadline=None)
@given(columns.filter(lambda cells: all(any(v is not None for v in column) for column in cells)), st.booleans())
def test_the_yardstick_finds_the_same(tmp_path_factory, cells, one_domain):
    table = table_of(cells)
    comparable = [tuple(table.column_names[:2])] if one_domain and len(cells) > 1 else []
    assert figures(table, *comparable) == yardstick(table, tmp_path_factory.mktemp("tokens"), *comparable)


def test_the_yardstick_finds_the_same_in_a_larger_table_with_lists_and_gaps(tmp_path):
    draw = np.random.default_rng(8)
    one = pa.array(draw.integers(0, 900, 1000), mask=draw.random(1000) < 0.3)
    two = pa.array(draw.integers(0, 900, 1000))
    lists = pa.array([draw.integers(0, 3000, n).tolist() for n in draw.integers(0, 3, 1000)], pa.list_(pa.int64()))
    table = pa.table({"one": one, "two": two, "lists": lists})
    found = figures(table, ("one", "two"))
    assert 0 < found["singled_out"] < 1
    assert found == yardstick(table, tmp_path, ("one", "two"))
