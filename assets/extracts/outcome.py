"""The outcomes of rows: what a batch came to once it was split, and what the hub then withholds by consent.

Keys, treated columns, row numbers and reasons; raw identifiers only in `Split.identifiers`, which never rests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.extracts.columns import KEY, RECORD_KEY, ROW_KEY, SEQUENCE, Flags, combined, is_in
from assets.extracts.delivery import Reason

FINDINGS = pa.schema([("row", pa.int64()), ("column_name", pa.string()), ("reason", pa.string())])
"""Rows that cannot be used: which, and why."""

QUARANTINED = pa.schema([*FINDINGS, (RECORD_KEY, KEY), (ROW_KEY, KEY)])
"""Findings of the split, with the keys of the row; both are null where the row lacks one of its keys."""

UNREAD = pa.schema([(SEQUENCE, pa.int64()), ("column_name", pa.string())])
"""Values of kept, live rows that could not be read and became empty."""


@dataclass(frozen=True)
class Split:
    """What one batch came to.

    `staged`: `__seq`, `__row`, `__gone` (withdrawn), record_key (tables with a record column), row_key,
    digest and the treated columns of the kept rows. `identifiers`: `__seq`, record_key and raw identifier
    columns of the live rows (None where the table has no link field, and never at rest). `removed`: row keys whose
    stored rows must go, because the row was dropped. `quarantined` (schema `QUARANTINED`): rows whose stored rows
    stay. `unread` (schema `UNREAD`). `by_policy` counts rows by policy index.
    """

    staged: pa.Table
    identifiers: pa.Table | None
    removed: pa.Array
    quarantined: pa.Table
    unread: pa.Table
    by_policy: Mapping[int, int]


def withhold(split: Split, optouts: pa.Array) -> Split:
    """Return the split without the raw identifiers of records that opted out (fixed_size_binary(16)).

    Their rows stay to be judged with the others, so that nothing an agency hears of its delivery depends on a family's
    decision; the store leaves them out afterwards (`ContentStore.withhold`).
    """
    raw = split.identifiers
    if raw is None or len(optouts) == 0:
        return split
    return replace(split, identifiers=raw.filter(pa.array(~is_in(combined(raw[RECORD_KEY]), optouts))))


class Verdict:
    """One outcome a row: the first that takes a row keeps it."""

    def __init__(self, rows: npt.NDArray[np.int64], keys: pa.Array | None, row_keys: pa.Array) -> None:
        self._rows = rows
        self._keys = pa.nulls(len(rows), KEY) if keys is None else keys
        self._row_keys = row_keys
        self.free: Flags = np.ones(len(rows), bool)
        self._found: list[pa.Table] = []

    def take(self, wanted: Flags) -> Flags:
        """Take those of the `wanted` rows that are still free and return which they were."""
        taken = wanted & self.free
        self.free = self.free & ~taken
        return taken

    def quarantine(self, wanted: Flags, column: str | None, reason: str) -> None:
        """Take those of the `wanted` rows that are still free, each with this column and reason."""
        taken = self.take(wanted)
        count = int(taken.sum())
        if count:
            which = pa.array(taken)
            keyless = reason == Reason.MISSING_KEY
            keys = [pa.nulls(count, KEY) if keyless else k.filter(which) for k in (self._keys, self._row_keys)]
            told = [pa.repeat(pa.scalar(column, pa.string()), count), pa.repeat(str(reason), count)]
            self._found.append(pa.table([pa.array(self._rows[taken]), *told, *keys], schema=QUARANTINED))

    def quarantined(self) -> pa.Table:
        """Return the quarantined rows (schema `QUARANTINED`)."""
        return pa.concat_tables(self._found) if self._found else QUARANTINED.empty_table()
