"""What a reviewer has decided about pairs of records: these are one child, these are not.

Plain values that linking obeys. How decisions are made and kept is `linkage.review`.
"""

from dataclasses import dataclass, field

import numpy as np


def _no_pairs() -> np.ndarray:
    return np.empty((0, 2, 16), np.uint8)


@dataclass(frozen=True)
class Decisions:
    """Pairs of record keys, each uint8 of shape (k, 2, 16): `must` be one child, `cannot` be one child.

    A `must` wins over anything scored, a `cannot` too; where both are said of one pair, `cannot` wins.
    """

    must: np.ndarray = field(default_factory=_no_pairs)
    cannot: np.ndarray = field(default_factory=_no_pairs)
