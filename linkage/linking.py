"""One night's linking in memory: tags, anchors, scores, resolution. Numbers in, clusters out; nothing is written.

The order of the rounds is decided here. Reading the vault and writing the ledger is `linkage.run`.
"""

import time
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from linkage.backends import Backend
from linkage.model import Model
from linkage.opening import Opened, open_rounds
from linkage.resolve import Edges, Links, Parts, edges_between, resolve
from linkage.rounds import Joins, grouped, joined_by
from linkage.rules import ROUND, TAGS
from linkage.score import Pairs, score
from linkage.universe import Universe
from linkage.vault import Vault


@dataclass
class Clock:
    """Seconds by step."""

    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.monotonic)

    def lap(self, step: str) -> None:
        """Note the time since the last lap as that of `step`."""
        now = time.monotonic()
        self.seconds[step] = round(now - self._last, 2)
        self._last = now


@dataclass(frozen=True)
class Linked:
    """Tonight's result: the records concerned, the group of every node, and the cluster of every node, int64."""

    tonight: Universe
    joins: Joins
    group: np.ndarray
    opened: Opened
    pairs: Pairs
    edges: Edges
    links: Links

    @property
    def cluster(self) -> np.ndarray:
        """The cluster of every node."""
        return np.asarray(self.links.cluster[self.group])


@dataclass(frozen=True)
class Recalled:
    """Earlier evidence about children that are taken apart: records `left` and `right`, and a `weight` in bits."""

    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray


NOTHING_RECALLED: Final = Recalled(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def link_tonight(
    tonight: Universe,
    vault: Vault,
    model: Model,
    threshold: float,
    clock: Clock,
    recalled: Recalled = NOTHING_RECALLED,
    backend: Backend | None = None,
) -> Linked:
    """Run the rounds over tonight's records."""
    parts = [joined_by(tonight.holding(tag), tag, tonight.one_record) for tag in range(len(TAGS))]
    joins = Joins(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("left", "right", "tag")))
    by_tag = np.stack([tonight.node[joins.left], tonight.node[joins.right]], axis=1)
    group = grouped(tonight.nodes, by_tag, tonight.must, tonight.cannot)
    clock.lap("tags")
    opened = open_rounds(tonight, group, vault)
    clock.lap("anchors")
    pairs = score(opened.table, ROUND, model, backend)
    clock.lap("score")
    part = opened.table.group
    sides = [(pairs.left, recalled.left), (pairs.right, recalled.right)]
    left, right = (np.concatenate([part[new], group[tonight.node[old]]]) for new, old in sides)
    edges = edges_between(left, right, np.concatenate([pairs.weight, recalled.weight]))
    sources, single = tonight.nodes.gathered(group)
    links = resolve(edges, Parts(sources, single, group[tonight.cannot]), threshold)
    clock.lap("resolve")
    return Linked(tonight, joins, group, opened, pairs, edges, links)
