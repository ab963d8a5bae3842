"""Records of a source and what each night does to them: first sent, corrected, withdrawn.

Belongs here: the calendar of records over the nights. Does not belong here: their contents or their file
form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.demo.days import NIGHT_LIMIT
from pipelines.demo.draw import Ints, Mask, stream
from pipelines.demo.rates import rate


@dataclass(frozen=True)
class Records:
    """The records of one source, one row each.

    `child` is the true child, or -1 - n for adult n; `ids` the record ids as in the files; `seen` the
    day whose name and address the record holds; `first`, `corrected`, `withdrawn` are nights (0 =
    never).
    """

    source: str
    child: Ints
    ids: pa.Array
    seen: Ints
    first: Ints
    corrected: Ints
    withdrawn: Ints

    @property
    def size(self) -> int:
        """Number of records."""
        return self.child.size

    def visible(self, night: int) -> Mask:
        """Return which records a full extract of that night holds."""
        shown: Mask = (self.first <= night) & ((self.withdrawn == 0) | (self.withdrawn > night))
        return shown

    def sent(self, night: int) -> Mask:
        """Return which records a delta extract of that night holds: new ones and corrected ones."""
        changed: Mask = (self.first == night) | (self.corrected == night)
        return self.visible(night) & changed

    def gone(self, night: int) -> Mask:
        """Return which records are withdrawn on that night."""
        gone: Mask = self.withdrawn == night
        return gone

    def clean(self, night: int) -> Mask:
        """Return which records have been corrected by that night."""
        clean: Mask = (self.corrected > 0) & (self.corrected <= night)
        return clean


def schedule(
    seed: int,
    source: str,
    child: Ints,
    ids: pa.Array,
    seen: Ints,
    *,
    nights: Ints,
    withdraws: bool = True,
    last: int = NIGHT_LIMIT,
) -> Records:
    """Return the records with their nights.

    `nights` is the earliest night of each record, `last` the last night on which the source delivers at all.

    Every change has its rate (data/rates.csv) and happens at least once a night where the source has 30
    records or more.
    """
    rng = stream(seed, "nights", source)
    first = np.maximum(nights, 1)
    corrected = np.zeros(child.size, dtype=np.int64)
    withdrawn = np.zeros(child.size, dtype=np.int64)
    pool = rng.permutation(np.flatnonzero(first == 1))
    least = int(pool.size >= 30)
    start = 0
    for name, column in (("new_record", first), ("corrected", corrected), ("withdrawn", withdrawn)):
        for night in range(2, last + 1):
            count = max(least, round(rate(f"nights.{name}") * pool.size))
            if name != "withdrawn" or withdraws:
                column[pool[start : start + count]] = night
            start += count
    return Records(source, child, ids, seen, first, corrected, withdrawn)
