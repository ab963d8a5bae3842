"""What the refused pairs tell: how many links are wrong, and which refused pairs were missed links.

After the duplicate method of Blakely and Salmond (2002): a child has one record in most sources, so two children
(sets of linked records) that share a source are almost surely two. Scored pairs between such children count the wrong
pairs of a night. Wrong pairs fall on children without a common source as well, in the proportion r in which two
random children have none in common; r is known from what the children of the night are made of. So

* wrong links = r x pairs at or above the threshold between children that share a source,
* of the n pairs of a band of weight between children that share none, n - r x (those that share one) are missed links.

No weight is believed here: they only put pairs in bands. Pairs that linking never scores, because both children have
a record of a source with one record a child, are left out of both sides. Where that leaves next to no pairs to learn
from, weights are believed after all, with a wide margin.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from linkage.evidence import TIED
from linkage.quality_pairs import World

_BANDS: Final = np.array([-np.inf, -7.0, -5.0, -2.0, 0.0, 2.0, 5.0, 10.0])
_MOST_KINDS: Final = 4096
"""Children of rarer make-up than this many kinds are left out of r."""

_SEEN_LEAST: Final = 0.02
"""The least share of random pairs of children that must share a source and be scored, to learn from them."""

_MARGIN: Final = 8.0
"""How far weights may be off where they must be believed: three bits."""


@dataclass(frozen=True)
class Refused:
    """Two children (`left`, `right` int (k,)) with no common source that evidence speaks of, and what it is worth.

    `missed` float (k,): the chance that they are one; `least` and `most` with r at its highest and at zero.
    `wrong_links`: expected wrong merges of two children, None where it cannot be counted; `wrong_share` is then by
    what the share of wrong links that weights imply is to be multiplied. `pairs_a_merge`: record pairs a merge adds.
    """

    left: np.ndarray
    right: np.ndarray
    missed: np.ndarray
    least: np.ndarray
    most: np.ndarray
    wrong_links: float | None
    wrong_share: tuple[float, float, float]
    pairs_a_merge: float


@dataclass(frozen=True)
class _Apart:
    """Of two random children: the chance of no common source, of one that linking scores, pairs the former make."""

    none: float
    seen: float
    pairs: float


def read_refused(world: World, threshold: float, one_record_sources: Collection[str] = ()) -> Refused:
    """Return what the pairs between different children tell.

    `one_record_sources`: pairs of children that share one of these are not scored. None: all are.
    """
    left, right, best, tied = _between(world)
    sources = np.zeros(int(world.child.max()) + 1 if len(world.child) else 0, np.int64)
    np.bitwise_or.at(sources, world.child, np.int64(1) << world.source)
    single = np.int64(sum(1 << number for number, name in enumerate(world.sources) if name in one_record_sources))
    common = sources[left] & sources[right]
    apart = _apart(sources, np.bincount(world.child), single)
    band = np.searchsorted(_BANDS, best, side="right") - 1
    seen = (common != 0) & (common & single == 0)
    free, weight, even = common == 0, best[common == 0], np.where(tied, 0.5, 1.0)[common == 0]
    if apart.seen < _SEEN_LEAST:
        least, missed, most = (even / (1 + apart.none * part * 2.0**-weight) for part in (_MARGIN, 1.0, 1 / _MARGIN))
        share = (apart.none / _MARGIN, apart.none, apart.none * _MARGIN)
        return Refused(left[free], right[free], missed, least, most, None, share, apart.pairs)
    sharing = np.bincount(band[seen], minlength=len(_BANDS))
    not_sharing = np.bincount(band[free], minlength=len(_BANDS))
    ratio = apart.none / apart.seen
    # No band can hold more wrong pairs without a common source than it holds pairs: that bounds r from above.
    bound = min(ratio, float(((not_sharing + 2.0) / np.maximum(sharing, 1e-9)).min()))
    missed, least = (
        even * (1 - np.clip(r * sharing / np.maximum(not_sharing, 1), 0, 1))[band[free]] for r in (bound, ratio)
    )
    wrong = bound * float((seen & (best >= threshold)).sum())
    return Refused(left[free], right[free], missed, least, even, wrong, (0.0, 0.0, 0.0), apart.pairs)


def _between(world: World) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return all pairs of different children with evidence, their best weight, and whether a tie is among it."""
    one, other = world.child[world.left], world.child[world.right]
    apart = one != other
    low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
    found, at = np.unique(np.stack([low, high]), axis=1, return_inverse=True)
    at = at.ravel()
    best = np.full(found.shape[1], -np.inf)
    np.maximum.at(best, at, world.weight[apart])
    tied = np.bincount(at, world.outcome[apart] == TIED, found.shape[1]) > 0
    return found[0], found[1], best, tied


def _apart(sources: np.ndarray, size: np.ndarray, single: np.int64) -> _Apart:
    if not len(sources):
        return _Apart(1.0, 0.0, 1.0)
    kinds, at, counts = np.unique(sources, return_inverse=True, return_counts=True)
    kept = np.argsort(-counts)[:_MOST_KINDS]
    mean = (np.bincount(at.ravel(), size) / counts)[kept]
    share = counts[kept] / counts[kept].sum()
    common, chance = kinds[kept][:, None] & kinds[kept][None, :], np.outer(share, share)
    none = float(chance[common == 0].sum())
    seen = float(chance[(common != 0) & (common & single == 0)].sum())
    made = float((chance * np.outer(mean, mean))[common == 0].sum())
    return _Apart(none, seen, made / none if none else 1.0)
