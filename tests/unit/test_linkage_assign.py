"""Which ID a cluster keeps: a table of clusters, the counters their records had, and the counters they get."""

import numpy as np
import pytest

from linkage.assign import assign

NEXT = 10
CASES = {  # cluster of each record, counter it had (-1: none), counters held outside, counter of each cluster
    "nobody had one": ([0, 0, 1], [-1, -1, -1], [], [10, 11]),
    "everybody keeps it": ([0, 0, 1], [3, 3, 4], [], [3, 4]),
    "a new record gets its cluster's": ([0, 0], [3, -1], [], [3]),
    "a merge keeps the oldest, however few had it": ([0, 0, 0], [7, 7, 2], [], [2]),
    "a split leaves it with the most": ([0, 1, 1], [3, 3, 3], [], [10, 3]),
    "of equals with the lower cluster": ([0, 1], [3, 3], [], [3, 10]),
    "one that stays outside is nobody's": ([0, 1], [3, 4], [3], [10, 4]),
    "exchanged records take no ID along": ([0, 0, 1, 1, 0, 1], [3, 3, 4, 4, 4, 3], [], [3, 4]),
    "nobody at all": ([], [], [], []),
}


@pytest.mark.parametrize("case", CASES)
def test_ids_of_clusters(case):
    cluster, earlier, taken, expected = CASES[case]
    given = assign(*(np.array(part, np.int64) for part in (cluster, earlier)), NEXT, np.array(taken, np.int64))
    assert given.of_cluster.tolist() == expected
    assert given.next_counter == max([NEXT - 1, *expected]) + 1
