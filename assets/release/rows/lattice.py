"""The node of a lattice of levels that loses least: best first, and nothing below a node that cannot do.

What belongs here: the search over nodes, each a choice (an integer) and a tuple of levels (0 is the finest). It knows
of a node a lower bound of its loss, and when asked its loss, whether it will do, and whether it is `hopeless`: neither
it nor any finer node of the same choice will do, as with the generalisation and rollup properties (LeFevre et al. 2005,
Incognito; El Emam et al. 2009, OLA). What does not belong here: what is lost, and what a node must do (`classes`).

The answer is that of looking at every node: bounds grow with the levels, so nodes are taken by their bound, and the
first bound that is no smaller than the best loss so far ends the search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

Node = tuple[int, ...]
"""A choice, between whose values there is no order, and then levels."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a node. `loss` is in millionths of a bit, as whole numbers; meaningless where it will not do."""

    will_do: bool
    loss: int = 0
    hopeless: bool = False


@dataclass
class Search:
    """A search over the nodes below `heights`; verdicts are kept, so that it can be asked again with nodes barred."""

    heights: Sequence[int]
    bound: Callable[[Node], int]
    judge: Callable[[Node], Verdict]

    def __post_init__(self) -> None:
        self.verdicts: dict[Node, Verdict] = {}
        self._hopeless: list[Node] = []
        nodes = product(*(range(height) for height in self.heights))
        self._order = sorted((self.bound(node), node) for node in nodes)

    def best(self, barred: Iterable[Node] = ()) -> Node | None:
        """Return the node that will do with the least loss, first by loss, then by levels; None where none will.

        `barred` nodes, and all that are finer in the same choice, will not do either.
        """
        out = list(barred)
        found: tuple[int, Node] | None = None
        for bound, node in self._order:
            if found is not None and bound > found[0]:
                break
            if not self._possible(node, out):
                continue
            verdict = self._judged(node)
            if verdict.will_do and (found is None or (verdict.loss, node) < found):
                found = verdict.loss, node
        return found[1] if found else None

    def _possible(self, node: Node, out: Sequence[Node]) -> bool:
        """Say whether a node may do; asks a node halfway to the top first, which may rule out very many."""
        if node in self.verdicts:
            return not self._below(node, out)
        if self._below(node, (*out, *self._hopeless)):
            return False
        levels = zip(node[1:], self.heights[1:], strict=True)
        halfway = (node[0], *((level + height) // 2 for level, height in levels))
        return halfway == node or not self._judged(halfway).hopeless

    def _judged(self, node: Node) -> Verdict:
        if node not in self.verdicts:
            self.verdicts[node] = self.judge(node)
            if self.verdicts[node].hopeless:
                self._hopeless.append(node)
        return self.verdicts[node]

    @staticmethod
    def _below(node: Node, tops: Iterable[Node]) -> bool:
        return any(node[0] == top[0] and all(a <= b for a, b in zip(node[1:], top[1:], strict=True)) for top in tops)
