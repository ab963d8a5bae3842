"""Birth dates of the records of one delivery, in memory only, to turn event dates into ages.

They are never stored. So an agency whose delta brings events must bring the person too: an event of a person
who is not in the same delivery has no age, and its row is quarantined where the steward sees it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.columns import KEY


class Births:
    """Record keys of this delivery and their birth dates; a record's last readable date wins."""

    def __init__(self) -> None:
        self._keys: list[pa.Array] = []
        self._dates: list[pa.Array] = []
        self._index: tuple[pa.Array, pa.Array] | None = None

    def add(self, record_keys: pa.Array, dates: pa.Array) -> None:
        """Remember records (fixed_size_binary(16)) and their birth dates (date32, null where unknown)."""
        self._keys.append(record_keys)
        self._dates.append(dates)
        self._index = None

    def of(self, record_keys: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Return (birth date or null, whether the record is in this delivery) of each record key."""
        keys, dates = self._indexed()
        at = pc.index_in(record_keys, value_set=keys)
        return dates.take(at), at.is_valid()

    def _indexed(self) -> tuple[pa.Array, pa.Array]:
        """Return one entry a record: its last readable date, else null."""
        if self._index is None:
            keys = pa.concat_arrays(self._keys) if self._keys else pa.array([], KEY)
            dates = pa.concat_arrays(self._dates) if self._dates else pa.array([], pa.date32())
            known = dates.is_valid()
            # index_in answers with the first match: readable dates first, the latest of them foremost
            latest = pa.array(np.arange(len(keys))[::-1])
            order = pa.concat_arrays([latest.filter(known.take(latest)), latest.filter(pc.invert(known).take(latest))])
            self._index = (keys.take(order), dates.take(order))
        return self._index
