"""Resolution: groups, one record a child, twins, duplicates and ties."""

import numpy as np

from linkage.resolve import resolve
from linkage.score import Pairs, Records


def run(sources: str, edges: list[tuple[int, int, float]], single: str = "", threshold: float = 0.0):
    """`sources` gives each record's source as a letter; `single` the letters with one record a child."""
    of = np.array([ord(letter) - ord("a") for letter in sources], np.int16)
    one = np.array([letter in single for letter in sources])
    edges = sorted(edges)
    left, right = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    weight = np.array([edge[2] for edge in edges], float)
    return resolve(Pairs(left, right, weight), Records(of, one, np.empty((0, len(of)), np.uint64)), threshold)


def test_a_chain_of_sources_is_one_child():
    links = run("abcd", [(0, 1, 9.0), (1, 2, 5.0)])
    assert links.cluster.tolist() == [0, 0, 0, 1]
    assert links.support.tolist() == [9.0, 9.0, 5.0, 0.0]
    assert links.linked == 2


def test_a_pair_below_the_threshold_does_not_link():
    assert run("ab", [(0, 1, 2.5)], threshold=3.0).cluster.tolist() == [0, 1]


def test_two_records_of_a_source_with_one_a_child_stay_apart():
    links = run("aab", [(0, 2, 20.0), (1, 2, 12.0)], single="a")
    assert links.cluster.tolist() == [0, 1, 0]


def test_a_duplicate_inside_a_source_links_when_the_evidence_is_strong():
    assert run("aab", [(0, 1, 20.0), (0, 2, 20.0), (1, 2, 20.0)]).cluster.tolist() == [0, 0, 0]
    assert run("aa", [(0, 1, 3.0)]).cluster.tolist() == [0, 1]


def test_twins_with_records_in_the_same_sources_stay_apart_although_each_pair_looks_linkable():
    own = [(0, 1, 30.0), (0, 2, 30.0), (1, 2, 30.0), (3, 4, 30.0), (3, 5, 30.0), (4, 5, 30.0)]
    across = [(one, other, 12.0) for one in (0, 1, 2) for other in (3, 4, 5)]
    assert run("abcabc", own + across).cluster.tolist() == [0, 0, 0, 1, 1, 1]


def test_evidence_against_outweighs_one_pair():
    links = run("abcd", [(0, 1, 20.0), (2, 3, 20.0), (1, 2, 4.0), (0, 2, -9.0), (0, 3, -9.0), (1, 3, -9.0)])
    assert links.cluster.tolist() == [0, 0, 1, 1]


def test_a_tie_between_rivals_is_left_alone():
    links = run("aab", [(0, 2, 15.0), (1, 2, 14.5)], single="a")
    assert links.cluster.tolist() == [0, 1, 2]
    assert links.abstained == 1


def test_a_rival_that_found_its_own_is_no_rival():
    links = run("aabb", [(0, 2, 15.0), (1, 2, 14.5), (1, 3, 30.0)], single="ab")
    assert links.cluster.tolist() == [0, 1, 0, 1]


def test_nothing_to_do():
    assert run("ab", []).cluster.tolist() == [0, 1]
    assert run("", []).cluster.tolist() == []
