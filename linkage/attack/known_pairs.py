"""The known-pairs attack: somebody knows which rows belong to a few children, and follows shared tokens from there.

Every token of a known row has a known value. A row is learnt when the known tokens that it holds are a combination
which no other unknown row holds: the attacker, who has the plaintext, finds the one record with those values, and then
knows all its tokens. This goes on until nothing more is learnt. Rows are chosen by a fixed draw: figures repeat.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from linkage.attack.structure import DIGITS, class_sizes
from linkage.attack.tables import Graph
from linkage.attack.words import scramble

KNOWN: Final = (10, 100, 1000)
_DRAW: Final = 20
_MOST_STEPS: Final = 100


def known_pairs(tokens: Graph, known: Sequence[int] = KNOWN, among: slice = slice(None)) -> list[dict[str, Any]]:
    """Return, for each number of known rows, how many more are learnt: `known`, `learnt`, and `share` of the others.

    `among` says which records of the graph are meant; a number that is not below theirs is left out.
    """
    rows = np.arange(tokens.records)[among]
    drawn = np.random.default_rng(_DRAW).permutation(rows)
    found = []
    for count in known:
        if count < len(rows):
            more = int(np.isin(learnt(tokens, drawn[:count]), rows, assume_unique=True).sum())
            found.append({"known": count, "learnt": more, "share": round(more / (len(rows) - count), DIGITS)})
    return found


def learnt(tokens: Graph, known: np.ndarray) -> np.ndarray:
    """Return the records that become known besides those `known` (record numbers), sorted."""
    is_known = np.zeros(tokens.records, bool)
    is_known[known] = True
    for _ in range(_MOST_STEPS):
        held = _held(tokens, is_known)
        candidates = np.flatnonzero(held.astype(bool) & ~is_known)
        more = candidates[class_sizes(held[candidates]) == 1]
        if not len(more):
            break
        is_known[more] = True
    is_known[known] = False
    return np.flatnonzero(is_known)


def _held(tokens: Graph, is_known: np.ndarray) -> np.ndarray:
    """Return what stands for the known tokens of every record, uint64, zero for none."""
    value_known = np.zeros(tokens.shared, bool)
    for edges in tokens.edges:
        value_known[edges.token[is_known[edges.record]]] = True
    held = np.zeros(tokens.records, np.uint64)
    for edges in tokens.edges:
        of = np.flatnonzero(value_known[edges.token])
        column = np.uint64(edges.column + 1) << np.uint64(48)
        np.add.at(held, edges.record[of], scramble(edges.token[of].astype(np.uint64) ^ column))
    return held
