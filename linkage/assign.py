"""Which child ID each cluster of tonight keeps: pure functions over numbers, no storage.

A cluster keeps the ID that most of its earlier records had; where two IDs have as many, the older one
(the lower counter). An ID that two clusters want goes to the one that holds more of its records. Whatever
is left is new.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Assignment:
    """Tonight's IDs.

    `of_cluster` int64 (k,): the counter of each cluster; `next_counter`: the first one not yet used.
    """

    of_cluster: np.ndarray
    next_counter: int


def assign(cluster: np.ndarray, earlier: np.ndarray, next_counter: int) -> Assignment:
    """Return the counter of every cluster.

    `cluster` int64 (n,) numbers from 0; `earlier` int64 (n,) the counter each record had before, -1 for none.
    New counters are given in the order of cluster numbers.
    """
    clusters = int(cluster.max()) + 1 if len(cluster) else 0
    of_cluster = np.full(clusters, -1, np.int64)
    known = earlier >= 0
    claims = np.stack([cluster[known], earlier[known]], axis=1)
    pairs, votes = np.unique(claims, axis=0, return_counts=True)
    if len(pairs):
        _settle(of_cluster, pairs, votes)
    new = np.flatnonzero(of_cluster < 0)
    of_cluster[new] = next_counter + np.arange(len(new))
    return Assignment(of_cluster, next_counter + len(new))


def _settle(of_cluster: np.ndarray, pairs: np.ndarray, votes: np.ndarray) -> None:
    """Give every claimed ID to one cluster: at once where nobody else claims, by votes and age elsewhere."""
    claimed, counters = pairs[:, 0], pairs[:, 1]
    lone = _lone(claimed) & _lone(counters)
    of_cluster[claimed[lone]] = counters[lone]
    rest = np.flatnonzero(~lone)
    order = rest[np.lexsort((claimed[rest], counters[rest], -votes[rest]))]
    given: set[int] = set()
    for position in order.tolist():
        wanted, counter = int(claimed[position]), int(counters[position])
        if of_cluster[wanted] < 0 and counter not in given:
            of_cluster[wanted] = counter
            given.add(counter)


def _lone(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] == 1)
