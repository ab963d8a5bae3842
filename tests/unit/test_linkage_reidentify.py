"""The re-identification test: structures whose classes can be counted by hand."""

import numpy as np

from linkage.reidentify import exposure


def columns(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.uint64)


def test_unique_tokens_tell_nothing():
    found = exposure(columns([1, 2, 3, 4], [5, 6, 7, 8]))
    assert (found.singled_out, found.in_small_classes, found.classes, found.median_class) == (0.0, 1.0, 1, 4)


def test_a_pair_among_many_is_a_class_of_two_and_a_triple_of_three():
    tokens = np.arange(100, dtype=np.uint64).reshape(1, -1)
    tokens[0, :2], tokens[0, 2:5] = 1000, 2000
    found = exposure(tokens)
    assert (found.classes, found.singled_out, found.in_small_classes) == (3, 0.0, 0.05)


def test_the_middle_of_a_chain_is_singled_out():
    # records 0-1 share in one column, 1-2 in the other: all three are distinguishable
    assert exposure(columns([1, 1, 2, 3], [4, 5, 5, 6])).singled_out == 1.0


def test_comparable_columns_must_be_declared_or_the_result_flatters():
    tokens = columns([1, 2, 3, 4], [9, 1, 8, 7])
    assert exposure(tokens).classes == 1
    assert exposure(tokens, [[0, 1]]).classes == 3


def test_refinement_reaches_across_several_steps():
    # a path of six records: each end pair looks alike from its own end only
    first, second = [1, 1, 2, 2, 3, 3], [4, 5, 5, 6, 6, 7]
    found = exposure(columns(first, second))
    assert (found.classes, found.singled_out) == (3, 0.0)


def test_no_records():
    assert exposure(np.empty((2, 0), np.uint64)).singled_out == 0.0
