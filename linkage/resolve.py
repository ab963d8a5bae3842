"""From scored pairs to children: one record of a source for one child, twins apart, ties left alone.

Pairs at or above the threshold form groups. A group in which nothing speaks against anything (no source
twice, no scored pair below the threshold) is a child. The others, a few in a hundred, are built up step
by step: the two parts with the most evidence for each other merge first (average linkage). Their evidence
is the *mean* weight of the scored pairs between them, less `DUPLICATE_BITS` for every source that both
hold: two records of one child in one source are rare, two children with records in the same three sources
are not. Parts that share a source with one record a child never merge. A record that two rivals claim
almost equally goes to neither: a wrong link costs a child more than a missing one.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from linkage.score import Pairs, Records

TIE_BITS: Final = 1.0
"""Two rivals within this many bits are a tie."""

DUPLICATE_BITS: Final = 5.5
"""log2 of about 1 in 45: how many records have a second one of the same child in their own source."""


@dataclass(frozen=True)
class Links:
    """Who is one child.

    `cluster` (n,) numbers from 0 by first record; `support` (n,) the best accepted weight, 0 if none;
    `linked` counts accepted pairs, `abstained` ties that were left alone.
    """

    cluster: np.ndarray
    support: np.ndarray
    linked: int
    abstained: int


def resolve(pairs: Pairs, records: Records, threshold_bits: float = 0.0) -> Links:
    """Return which records are one child, from pairs of record numbers with match weights in bits."""
    n = len(records.source)
    strong = pairs.weight >= threshold_bits
    group = _components(n, pairs.left[strong], pairs.right[strong])
    contested = _contested(group, pairs, strong, records)
    inside = contested[group[pairs.left]] & (group[pairs.left] == group[pairs.right])
    cluster, abstained = _contract(group, contested, _subset(pairs, inside), records, threshold_bits)
    accepted = strong & (cluster[pairs.left] == cluster[pairs.right])
    support = np.zeros(n)
    for side in (pairs.left, pairs.right):
        np.maximum.at(support, side[accepted], pairs.weight[accepted])
    return Links(_renumber(cluster), support, int(accepted.sum()), abstained)


def _components(n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _contested(group: np.ndarray, pairs: Pairs, strong: np.ndarray, records: Records) -> np.ndarray:
    """Return, for every group, whether something in it speaks against its being one child."""
    contested = np.zeros(int(group.max()) + 1 if len(group) else 0, bool)
    keyed = group * (int(records.source.max()) + 1 if len(records.source) else 1) + records.source
    _, inverse, counts = np.unique(keyed, return_inverse=True, return_counts=True)
    contested[group[counts[inverse] > 1]] = True
    against = ~strong & (group[pairs.left] == group[pairs.right])
    contested[group[pairs.left[against]]] = True
    return contested


def _subset(pairs: Pairs, keep: np.ndarray) -> Pairs:
    return Pairs(pairs.left[keep], pairs.right[keep], pairs.weight[keep])


def _contract(
    group: np.ndarray, contested: np.ndarray, pairs: Pairs, records: Records, threshold: float
) -> tuple[np.ndarray, int]:
    """Split the contested groups; return cluster labels (of any value) and how many ties were left alone."""
    cluster = np.where(contested[group], -1 - np.arange(len(group)), group) if len(group) else group
    contraction = _Contraction(pairs, records, threshold)
    contraction.run()
    for record in contraction.records():
        cluster[record] = -1 - contraction.root(record)
    return cluster, contraction.abstained


class _Contraction:
    """Average linkage over the pairs of contested groups; works on plain integers."""

    def __init__(self, pairs: Pairs, records: Records, threshold: float):
        self._threshold = threshold
        self._parent: dict[int, int] = {}
        self._sources: dict[int, set[int]] = {}
        self._single: dict[int, set[int]] = {}
        self._between: dict[int, dict[int, tuple[float, int]]] = defaultdict(dict)
        self._queue: list[tuple[float, int, int]] = []
        self.abstained = 0
        weights = np.round(pairs.weight, 6).tolist()
        for left, right, weight in zip(pairs.left.tolist(), pairs.right.tolist(), weights, strict=True):
            for record in (left, right):
                self._add(record, int(records.source[record]), bool(records.single[record]))
            self._between[left][right] = self._between[right][left] = (weight, 1)
            self._push(left, right)

    def run(self) -> None:
        """Merge until no two parts have evidence for each other."""
        while self._queue:
            negative, left, right = heapq.heappop(self._queue)
            if right not in self._between[left] or self._evidence(left, right) != -negative:
                continue
            rivals = self._rivals(left, right, -negative) | self._rivals(right, left, -negative)
            if rivals:
                self._abstain(left, right, rivals)
            else:
                self._merge(left, right)

    def records(self) -> list[int]:
        """Return the record numbers this contraction decided."""
        return list(self._parent)

    def root(self, record: int) -> int:
        """Return the smallest record number of the part that `record` is in."""
        while self._parent[record] != record:
            record = self._parent[record]
        return record

    def _add(self, record: int, source: int, single: bool) -> None:
        if record not in self._parent:
            self._parent[record] = record
            self._sources[record] = {source}
            self._single[record] = {source} if single else set()

    def _evidence(self, left: int, right: int) -> float:
        """Return the bits for merging two parts; minus infinity where they may not be one child."""
        if self._single[left] & self._single[right]:
            return -np.inf
        total, pairs = self._between[left][right]
        return total / pairs - DUPLICATE_BITS * len(self._sources[left] & self._sources[right])

    def _push(self, left: int, right: int) -> None:
        evidence = self._evidence(left, right)
        if evidence >= self._threshold:
            heapq.heappush(self._queue, (-evidence, min(left, right), max(left, right)))

    def _rivals(self, part: int, chosen: int, evidence: float) -> set[tuple[int, int]]:
        """Return pairs (part, other) almost as good as (part, chosen), where both cannot be true."""
        least = max(self._threshold, evidence - TIE_BITS)
        return {
            (part, other)
            for other in self._between[part]
            if other != chosen and self._single[other] & self._single[chosen] and self._evidence(part, other) >= least
        }

    def _abstain(self, left: int, right: int, rivals: set[tuple[int, int]]) -> None:
        for one, other in {(left, right), *rivals}:
            self._between[one][other] = self._between[other][one] = (-np.inf, 1)
        self.abstained += 1

    def _merge(self, left: int, right: int) -> None:
        kept, gone = min(left, right), max(left, right)
        self._parent[gone] = kept
        self._sources[kept] |= self._sources.pop(gone)
        self._single[kept] |= self._single.pop(gone)
        for other, (total, pairs) in self._between.pop(gone).items():
            del self._between[other][gone]
            if other != kept:
                known, count = self._between[kept].get(other, (0.0, 0))
                merged = (known + total, count + pairs)
                self._between[kept][other] = self._between[other][kept] = merged
        for other in self._between[kept]:
            self._push(kept, other)


def _renumber(cluster: np.ndarray) -> np.ndarray:
    """Return clusters numbered from 0 in the order of their first record."""
    _, first, inverse = np.unique(cluster, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
