"""The rounds of linking as pure functions over numbers: exact tags, who sends anchors, which of them collide.

A *node* is what is one child before tonight's rounds: a new record, or a child of the ledger. A *group* is one or more
nodes that tags have joined. Nothing here reads a file or scores a pair.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from linkage.multimap import SLOTS
from linkage.resolve import components

ONE: Final = np.uint64(1)


@dataclass(frozen=True)
class Nodes:
    """What n nodes hold, a bit a source: `sources` uint64 (n,), `single` those of sources with one record a child.

    `member_node` and `member_source` int64 (m,) list every record of every node and its source.
    """

    sources: np.ndarray
    single: np.ndarray
    member_node: np.ndarray
    member_source: np.ndarray

    @classmethod
    def of(cls, count: int, node: np.ndarray, source: np.ndarray, one_record: np.ndarray) -> "Nodes":
        """Return the nodes of m records; `one_record` bool (sources,) says which sources promise one a child."""
        sources, single = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
        bit = ONE << source.astype(np.uint64)
        np.bitwise_or.at(sources, node, bit)
        promised = one_record[source]
        np.bitwise_or.at(single, node[promised], bit[promised])
        return cls(sources, single, node, source)

    def gathered(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return `sources` and `single` of groups, given the group of every node."""
        count = int(group.max()) + 1 if len(group) else 0
        both = np.zeros((2, count), np.uint64)
        np.bitwise_or.at(both[0], group, self.sources)
        np.bitwise_or.at(both[1], group, self.single)
        return both[0], both[1]


@dataclass(frozen=True)
class Held:
    """Who holds a token: `value` uint64, `record`, `node`, `source` int64, all (k,)."""

    value: np.ndarray
    record: np.ndarray
    node: np.ndarray
    source: np.ndarray

    def take(self, rows: np.ndarray) -> "Held":
        """Return some of them, by number or by flag."""
        return Held(self.value[rows], self.record[rows], self.node[rows], self.source[rows])


@dataclass(frozen=True)
class Joins:
    """Records joined by a tag: `left` and `right` record numbers, `tag` its number, all int64 (k,)."""

    left: np.ndarray
    right: np.ndarray
    tag: np.ndarray


def joined_by(held: Held, tag: int, one_record: np.ndarray) -> Joins:
    """Return neighbours in a chain through all records that share a tag, unless it cannot be one child.

    It cannot where a source that promises one record a child, `one_record` bool (sources,), holds the tag twice. In
    any other source two records of one tag are one child entered twice.
    """
    order = np.lexsort((held.node, held.source, held.value))
    value, source, node = held.value[order], held.source[order], held.node[order]
    same = value[1:] == value[:-1]
    twice = same & (source[1:] == source[:-1]) & (node[1:] != node[:-1]) & one_record[source[1:]]
    number = np.concatenate([[0], np.cumsum(~same)]) if len(value) else np.empty(0, np.int64)
    refused = np.zeros(int(number[-1]) + 1 if len(number) else 0, bool)
    refused[number[1:][twice]] = True
    use = same & ~refused[number[1:]] if len(value) else np.empty(0, bool)
    left, right = order[:-1][use], order[1:][use]
    return Joins(held.record[left], held.record[right], np.full(len(left), tag, np.int64))


def grouped(nodes: Nodes, joins: np.ndarray, must: np.ndarray, cannot: np.ndarray) -> np.ndarray:
    """Return the group of every node, int64 (n,): joined by tags or by a reviewer, unless that contradicts itself.

    `joins`, `must` and `cannot` are pairs of nodes, (k, 2). A group that would hold two records of a source which
    promises one a child, or two nodes that a reviewer has called two children, loses its tags first; if what reviewers
    joined contradicts itself all the same, by itself or in a chain, the group falls back to its nodes.
    """
    n = len(nodes.sources)
    pairs = np.concatenate([joins, must])
    group = components(n, pairs[:, 0], pairs[:, 1])
    bad = _contradictory(nodes, group, cannot)
    if bad.any():
        keep = joins[~bad[group[joins[:, 0]]]]
        decided = must[~_apart(must, cannot)]
        pairs = np.concatenate([keep, decided])
        group = components(n, pairs[:, 0], pairs[:, 1])
        bad = _contradictory(nodes, group, cannot)
        pairs = pairs[~bad[group[pairs[:, 0]]]]
        group = components(n, pairs[:, 0], pairs[:, 1])
    return group


def _contradictory(nodes: Nodes, group: np.ndarray, cannot: np.ndarray) -> np.ndarray:
    count = int(group.max()) + 1 if len(group) else 0
    _, single = nodes.gathered(group)
    held = np.bincount(group, np.bitwise_count(nodes.single), count)
    bad = held > np.bitwise_count(single)
    one, other = group[cannot[:, 0]], group[cannot[:, 1]]
    bad[one[one == other]] = True
    return np.asarray(bad)


def _apart(must: np.ndarray, cannot: np.ndarray) -> np.ndarray:
    """Return which decisions to join are contradicted by a decision to keep apart."""
    listed = {frozenset(pair) for pair in cannot.tolist()}
    return np.array([frozenset(pair) in listed for pair in must.tolist()], bool)


def among(values: np.ndarray, few: np.ndarray) -> np.ndarray:
    """Return which values are among a few, bool (n,)."""
    if not len(few):
        return np.zeros(len(values), bool)
    known = np.unique(few)
    return np.asarray(known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values)


def representatives(group: np.ndarray, value: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return one record for every distinct value in every active group: record numbers, int64, sorted.

    `group` and `value` are (n,) of the new records, `active` bool (n,).
    """
    rows = np.flatnonzero(active)
    order = rows[np.lexsort((rows, value[rows], group[rows]))]
    first = np.ones(len(order), bool)
    first[1:] = (group[order[1:]] != group[order[:-1]]) | (value[order[1:]] != value[order[:-1]])
    return np.sort(order[first])


def collisions(
    value: np.ndarray, group: np.ndarray, single: np.ndarray
) -> tuple[Iterator[tuple[np.ndarray, np.ndarray]], int]:
    """Return pairs of positions that share a value and may be one child, and how many values were too crowded.

    `value` uint64, `group` int64, `single` uint64 (of the group), all (k,). Pairs come in batches.
    """
    order = np.argsort(value, kind="stable")
    ordered = value[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else order
    sizes = np.diff(np.append(starts, len(ordered)))
    crowded = sizes > SLOTS
    left = np.repeat(~crowded, sizes)
    return _pairs(order[left], ordered[left], group, single), int(crowded.sum())


def _pairs(
    order: np.ndarray, ordered: np.ndarray, group: np.ndarray, single: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    at, step = np.arange(len(order)), 1
    while True:
        at = at[at + step < len(order)]
        at = at[ordered[at] == ordered[at + step]]
        if not len(at):
            return
        one, other = order[at], order[at + step]
        meet = (group[one] != group[other]) & ((single[group[one]] & single[group[other]]) == 0)
        yield one[meet], other[meet]
        step += 1
