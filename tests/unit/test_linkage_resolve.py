"""Resolution: groups, one record a child, twins, duplicates, ties, and what a reviewer said."""

import numpy as np
import pytest

from linkage.resolve import Parts, edges_between, resolve


def run(held: str, edges: list[tuple[int, int, float]], single: str = "", threshold=0.0, apart=()):
    """`held` lists the parts, each the letters of the sources it holds; `single` those with one record a child."""
    parts = held.split()

    def bits(letters: str) -> int:
        return sum(1 << (ord(letter) - ord("a")) for letter in letters)

    left, right = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    between = edges_between(left, right, np.array([edge[2] for edge in edges], float))
    sources = np.array([bits(part) for part in parts], np.uint64)
    promised = np.array([bits(letter for letter in part if letter in single) for part in parts], np.uint64)
    return resolve(between, Parts(sources, promised, np.array(apart, np.int64).reshape(-1, 2)), threshold)


OWN = [(0, 1, 30.0), (0, 2, 30.0), (1, 2, 30.0), (3, 4, 30.0), (3, 5, 30.0), (4, 5, 30.0)]
ACROSS = [(one, other, 12.0) for one in (0, 1, 2) for other in (3, 4, 5)]

CASES = {  # parts, evidence, sources with one record a child, who is one child
    "a chain of sources": ("a b c d", [(0, 1, 9.0), (1, 2, 5.0)], "", "0 0 0 1"),
    "below the threshold": ("a b", [(0, 1, -0.5)], "", "0 1"),
    "one record a child": ("a a b", [(0, 2, 20.0), (1, 2, 12.0)], "a", "0 1 0"),
    "a part that holds the source already": ("ab a c", [(0, 2, 9.0), (1, 2, 30.0)], "a", "0 1 1"),
    "a duplicate with strong evidence": ("a a b", [(0, 1, 20.0), (0, 2, 20.0), (1, 2, 20.0)], "", "0 0 0"),
    "a duplicate with weak evidence": ("a a", [(0, 1, 3.0)], "", "0 1"),
    "twins in the same sources": ("a b c a b c", OWN + ACROSS, "", "0 0 0 1 1 1"),
    "evidence against outweighs one pair": (
        "a b c d",
        [(0, 1, 20.0), (2, 3, 20.0), (1, 2, 4.0), (0, 2, -9.0), (0, 3, -9.0), (1, 3, -9.0)],
        "",
        "0 0 1 1",
    ),
    "the best pair between two parts counts": ("a b", [(0, 1, -6.0), (1, 0, 4.0)], "", "0 0"),
    "two rivals within a bit": ("a a b", [(0, 2, 15.0), (1, 2, 14.5)], "a", "0 1 2"),
    "a rival that found its own": ("a a b b", [(0, 2, 15.0), (1, 2, 14.5), (1, 3, 30.0)], "ab", "0 1 0 1"),
    "nothing to do": ("a b", [], "", "0 1"),
}


@pytest.mark.parametrize("case", CASES)
def test_who_is_one_child(case):
    held, edges, single, expected = CASES[case]
    assert partition(run(held, edges, single).cluster) == expected


def partition(cluster: np.ndarray) -> str:
    """Number clusters by their first part."""
    seen: dict[int, int] = {}
    return " ".join(str(seen.setdefault(number, len(seen))) for number in cluster.tolist())


def test_a_tie_is_named():
    assert run("a a b", [(0, 2, 15.0), (1, 2, 14.5)], "a").tied.tolist() == [[0, 2], [1, 2]]


def test_what_a_reviewer_called_two_children_stays_two():
    edges = [(0, 1, 40.0), (1, 2, 40.0)]
    assert partition(run("a b c", edges).cluster) == "0 0 0"
    cluster = run("a b c", edges, apart=[(0, 1)]).cluster
    assert cluster[0] != cluster[1]


def test_the_threshold_moves_both_ways():
    assert partition(run("a b", [(0, 1, 2.5)], threshold=3.0).cluster) == "0 1"
    assert partition(run("a b", [(0, 1, -2.5)], threshold=-3.0).cluster) == "0 0"


def test_nobody_is_no_error():
    assert run("", []).cluster.tolist() == []
