"""Which child ID each cluster of tonight keeps: pure functions over numbers, no storage.

An ID that several clusters had records of goes to the one that holds most of them, of equals to the lower cluster. A
cluster that so has several IDs keeps the oldest (the lowest counter): that is a merge. Whatever has none is new.
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


def assign(cluster: np.ndarray, earlier: np.ndarray, next_counter: int, taken: np.ndarray) -> Assignment:
    """Return the counter of every cluster.

    `cluster` int64 (n,) numbers from 0; `earlier` int64 (n,) the counter each record had before, -1 for none; `taken`
    counters that records outside tonight's clusters keep. New counters are given in the order of cluster numbers.
    """
    clusters = int(cluster.max()) + 1 if len(cluster) else 0
    of_cluster = np.full(clusters, -1, np.int64)
    known = (earlier >= 0) & ~np.isin(earlier, taken)
    claims, votes = np.unique(np.stack([earlier[known], cluster[known]], axis=1), axis=0, return_counts=True)
    order = np.lexsort((claims[:, 1], -votes, claims[:, 0]))
    counter, wanted = claims[order].T
    first = np.ones(len(order), bool)
    first[1:] = counter[1:] != counter[:-1]
    won, by = counter[first][::-1], wanted[first][::-1]
    of_cluster[by] = won  # written from the youngest to the oldest, so that the oldest stays
    new = np.flatnonzero(of_cluster < 0)
    of_cluster[new] = next_counter + np.arange(len(new))
    return Assignment(of_cluster, next_counter + len(new))
