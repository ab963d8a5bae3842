"""From scored pairs to children: one record of a source for one child, twins apart, ties left alone.

Works on *parts*: records, or records that are one child already. The weight between two parts is that of the best
scored pair between them: one good agreement is not made worse by an older address. Parts linked at or above the
threshold form groups. A group in which nothing speaks against anything (no source twice, no pair below the threshold)
is a child. The others, a few in a hundred, are built up step by step: the two parts with the most evidence for each
other merge first (average linkage over parts). Their evidence is the mean weight, less `DUPLICATE_BITS` for every
source that both hold: two records of one child in one source are rare, two children with records in the same three
sources are not. Parts that share a source with one record a child never merge, nor do parts a reviewer has called two
children. A part that two rivals claim almost equally goes to neither: a wrong
link costs a child more than a missing one.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

TIE_BITS: Final = 1.0
"""Two rivals within this many bits are a tie."""

DUPLICATE_BITS: Final = 5.5
"""log2 of about 1 in 45: how many records have a second one of the same child in their own source."""


@dataclass(frozen=True)
class Parts:
    """What n parts hold, a bit a source: `sources` uint64 (n,), `single` those with one record a child.

    `apart` int64 (k, 2) lists parts that a reviewer has called two children.
    """

    sources: np.ndarray
    single: np.ndarray
    apart: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))


@dataclass(frozen=True)
class Edges:
    """The evidence between parts: numbers left < right, and the weight in bits."""

    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Links:
    """Who is one child: `cluster` int64 (n,) of any value; `tied` int64 (k, 2) parts left apart because of a rival."""

    cluster: np.ndarray
    tied: np.ndarray


def edges_between(left: np.ndarray, right: np.ndarray, weight: np.ndarray) -> Edges:
    """Return the evidence between parts, from scored pairs given by part numbers, int64 (k,)."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    both, place = np.unique(np.stack([low, high], axis=1), axis=0, return_inverse=True)
    best = np.full(len(both), -np.inf)
    np.maximum.at(best, place.ravel(), weight)
    return Edges(both[:, 0], both[:, 1], best)


def resolve(edges: Edges, parts: Parts, threshold_bits: float = 0.0) -> Links:
    """Return which parts are one child."""
    n = len(parts.sources)
    strong = edges.weight >= threshold_bits
    group = components(n, edges.left[strong], edges.right[strong])
    contested = _contested(group, edges, strong, parts)
    inside = contested[group[edges.left]] & (group[edges.left] == group[edges.right])
    cluster = np.where(contested[group], -1 - np.arange(n), group) if n else group
    contraction = _Contraction(edges, inside, parts, threshold_bits)
    contraction.run()
    for part in contraction.parts():
        cluster[part] = -1 - contraction.root(part)
    return Links(cluster, np.array(sorted(contraction.tied), np.int64).reshape(-1, 2))


def components(n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the number of the connected component of each of n nodes, int64 (n,)."""
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _contested(group: np.ndarray, edges: Edges, strong: np.ndarray, parts: Parts) -> np.ndarray:
    """Return, for every group, whether something in it speaks against its being one child."""
    count = int(group.max()) + 1 if len(group) else 0
    contested = np.zeros(count, bool)
    together = np.zeros(count, np.uint64)
    np.bitwise_or.at(together, group, parts.sources)
    held = np.bincount(group, np.bitwise_count(parts.sources), count)
    contested[held > np.bitwise_count(together)] = True
    against = ~strong & (group[edges.left] == group[edges.right])
    contested[group[edges.left[against]]] = True
    if len(parts.apart):
        one, other = group[parts.apart[:, 0]], group[parts.apart[:, 1]]
        contested[one[one == other]] = True
    return contested


class _Contraction:
    """Average linkage over the edges of contested groups; works on plain integers."""

    def __init__(self, edges: Edges, inside: np.ndarray, parts: Parts, threshold: float):
        self._threshold = threshold
        self._parent: dict[int, int] = {}
        self._sources: dict[int, int] = {}
        self._single: dict[int, int] = {}
        self._between: dict[int, dict[int, tuple[float, int]]] = defaultdict(dict)
        self._queue: list[tuple[float, int, int]] = []
        self.tied: set[tuple[int, int]] = set()
        weights = np.round(edges.weight[inside], 6).tolist()
        sides = (edges.left[inside].tolist(), edges.right[inside].tolist())
        for left, right, weight in zip(*sides, weights, strict=True):
            for part in (left, right):
                self._add(part, int(parts.sources[part]), int(parts.single[part]))
            self._between[left][right] = self._between[right][left] = (weight, 1)
        for left, right in parts.apart.tolist():
            if left in self._parent and right in self._parent:
                self._between[left][right] = self._between[right][left] = (-np.inf, 1)
        for left, right in zip(*sides, strict=True):
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

    def parts(self) -> list[int]:
        """Return the part numbers this contraction decided."""
        return list(self._parent)

    def root(self, part: int) -> int:
        """Return the smallest number of the parts that `part` is one child with."""
        while self._parent[part] != part:
            part = self._parent[part]
        return part

    def _add(self, part: int, sources: int, single: int) -> None:
        if part not in self._parent:
            self._parent[part] = part
            self._sources[part], self._single[part] = sources, single

    def _evidence(self, left: int, right: int) -> float:
        """Return the bits for merging two parts; minus infinity where they may not be one child."""
        if self._single[left] & self._single[right]:
            return -np.inf
        total, pairs = self._between[left][right]
        return total / pairs - DUPLICATE_BITS * (self._sources[left] & self._sources[right]).bit_count()

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
            self.tied.add((min(one, other), max(one, other)))

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
