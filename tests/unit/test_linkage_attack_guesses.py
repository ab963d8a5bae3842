"""Guesses by frequency and from known pairs: most of it on tokens of single fields, nothing on rows that share none."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_city import make_city
from support.token_graphs import FIELDS, per_field, tokens

from linkage.attack import TokenTable, refine
from linkage.attack.frequency import aligned, frequency
from linkage.attack.known_pairs import known_pairs, learnt
from linkage.attack.tables import graph


def graph_of(table: pa.Table):
    return graph(table.num_rows, [TokenTable.of(table)])


@pytest.fixture(scope="module")
def people() -> pa.Table:
    return make_city(1500, seed=4).tables["school"].select(FIELDS)


@pytest.fixture(scope="module")
def fields(people):
    return graph_of(per_field(people))


@pytest.fixture(scope="module")
def unlinkable(people):
    """Rows of fresh numbers, as encrypted rows are."""
    draw = np.random.default_rng(5).integers(0, 2**63, (len(FIELDS), people.num_rows))
    return graph_of(pa.table(dict(zip(FIELDS, map(pa.array, draw), strict=True))))


def right(guessed: np.ndarray, values, truth: pa.Table) -> np.ndarray:
    """Return which records have a right guess: the guessed value's number is that of their own value."""
    own = np.full(guessed.shape, -2)
    for edges in values.edges:
        own[edges.column, edges.record] = edges.token
    return (guessed == own[:, : truth.num_rows]).any(axis=0)


def test_the_commonest_token_is_the_commonest_value_and_equals_are_not_guessed():
    plain, sent = "a\n x\n x\n x\n y\n y\n z\n z", "a\n 1\n 1\n 1\n 2\n 2\n 3\n 3"
    found = aligned(graph_of(tokens(plain)), graph_of(tokens(sent)))
    assert found.tolist() == [[0, 0, 0, -1, -1, -1, -1]]


def test_ranks_of_another_population_are_taken_for_ranks_of_this_one():
    found = aligned(graph_of(tokens("a\n x\n x\n x\n y\n y")), graph_of(tokens("a\n" + "q\n" * 9 + "p\n" * 5)))
    values = graph_of(tokens("a\n" + "q\n" * 9 + "p\n" * 5)).edges[0].token
    assert found.tolist() == [[values[0]] * 3 + [values[-1]] * 2]


def test_colours_tell_equally_common_tokens_apart():
    table = tokens("a b\n x 1\n x 2\n y 1\n y 1\n u 5\n v 6")
    one = graph_of(table)
    blind, seeing = aligned(one, one), aligned(one, one, (refine(one), refine(one)))
    assert (blind[0] == -1).all()
    assert (seeing[0][:4] >= 0).all()
    assert frequency(one, refine(one)) == {"by_count": 0.5, "with_colours": 0.66667}


def test_tokens_of_single_fields_are_read_off(people, fields):
    values = graph_of(people)
    by_rank = right(aligned(fields, values), values, people)
    with_colours = right(aligned(fields, values, (refine(fields), refine(values))), values, people)
    assert by_rank.mean() > 0.5
    assert with_colours.mean() > 0.95
    found = frequency(fields, refine(fields))
    assert found["by_count"] >= by_rank.mean() - 1e-5
    assert found["with_colours"] >= with_colours.mean() - 1e-5


def test_nothing_is_guessed_of_rows_that_share_nothing(people, unlinkable):
    values = graph_of(people)
    assert (aligned(unlinkable, values, (refine(unlinkable), refine(values))) == -1).all()
    assert frequency(unlinkable, refine(unlinkable)) == {"by_count": 0.0, "with_colours": 0.0}


CHAIN = "a b c\n 1 4 7\n 1 5 8\n 2 5 9\n 3 6 9\n 0 0 0\n 0 1 1"


def test_from_one_known_row_to_all_that_hang_together():
    chain = graph_of(tokens(CHAIN))
    assert learnt(chain, np.array([0])).tolist() == [1, 2, 3]
    assert learnt(chain, np.array([4])).tolist() == [5]
    assert learnt(chain, np.array([], np.int64)).tolist() == []


def test_rows_that_look_the_same_are_not_learnt():
    assert learnt(graph_of(tokens("a b\n 1 4\n 1 5\n 1 6\n 2 7")), np.array([0])).tolist() == []


def followed(people: pa.Table, known: set[int]) -> set[int]:
    """Follow shared values from known rows by hand, until no unknown row holds known values that only it holds."""
    rows = [set(enumerate(row.values())) for row in people.to_pylist()]
    told = set(known)
    while True:
        values = set().union(*(rows[number] for number in told))
        seen = {
            n: frozenset(value for value in row & values if value[1]) for n, row in enumerate(rows) if n not in told
        }
        alone = {held for held, count in Counter(seen.values()).items() if held and count == 1}
        more = {number for number, held in seen.items() if held in alone}
        if not more:
            return told - known
        told |= more


def test_known_rows_of_single_fields_lead_to_those_found_by_hand(people, fields):
    first = {0, 100, 200}
    assert set(learnt(fields, np.array(sorted(first))).tolist()) == followed(people, first)


def test_known_rows_of_single_fields_lead_to_most_others(fields):
    ten, hundred = known_pairs(fields)
    assert (ten["known"], hundred["known"]) == (10, 100)
    assert 0.5 < ten["share"] < hundred["share"], "the rest share sex and ZIP with the known, and other rows do too"
    assert hundred["learnt"] == round(hundred["share"] * (fields.records - 100))


def test_known_rows_that_share_nothing_lead_nowhere(unlinkable):
    assert [one["learnt"] for one in known_pairs(unlinkable)] == [0, 0]


def test_only_the_records_that_are_meant_are_known_or_learnt():
    both = graph_of(tokens("a\n 1\n 2\n 1\n 2"))
    assert known_pairs(both, known=(1,), among=slice(0, 2)) == [{"known": 1, "learnt": 0, "share": 0.0}]
    assert known_pairs(both, known=(1,)) == [{"known": 1, "learnt": 1, "share": 0.33333}]


def test_the_same_rows_are_drawn_every_time(fields):
    assert known_pairs(fields) == known_pairs(fields)
