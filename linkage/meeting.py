"""Whom tonight's new records meet in the vault: by every tag and anchor, and where somebody must ask, by asking.

An anchor that is asked (`linkage.rules`) joins two records only where one of them has no known birth date. What the
meetings are used for is `linkage.universe`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from linkage.batch import TokenBatch
from linkage.multimap import SLOTS, free_slots
from linkage.rounds import among
from linkage.rows import ordered
from linkage.rules import ANCHORS, ASKED, HANDLES, TAGS
from linkage.vault import Vault


@dataclass(frozen=True)
class Met:
    """Entries that new records have found: column number, the new record, its slot, the stored record; all (k,).

    `asking` bool (k,): whether the stored record is one that asks under this column.
    """

    column: np.ndarray
    probe: np.ndarray
    slot: np.ndarray
    record: np.ndarray
    asking: np.ndarray

    def take(self, use: np.ndarray) -> "Met":
        """Return some of them, by flag."""
        return Met(self.column[use], self.probe[use], self.slot[use], self.record[use], self.asking[use])


_FIRST_ASKING: Final = len(TAGS) + len(ANCHORS)
_RECORDS: Final = 1 << 17
"""How many new records are looked up at a time."""

_NOBODY: Final = Met(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.uint32, np.int64, np.bool_)))


def asks(values: np.ndarray) -> np.ndarray:
    """Return under which asked anchors each record asks, bool (asked, n), given the tokens uint64 (HANDLES, n)."""
    asking = len(TAGS) + len(ANCHORS)
    return np.asarray(values[asking:] == values[[len(TAGS) + number for number in ASKED]])


def meet(vault: Vault, batch: TokenBatch, asking: np.ndarray, stale: np.ndarray) -> tuple[Met, np.ndarray]:
    """Return which stored records share a tag or anchor with which new one, and the slots that are in use.

    `batch` are the tokens of the new records, `asking` bool (asked, n) says who of them asks, `stale` are positions
    of stored records that no longer count. `Met.record` are positions in the vault; slots in use are uint64 (HANDLES,
    n), one bit each.
    """
    taken = np.zeros((HANDLES, len(batch)), np.uint64)
    if not len(vault.rows):
        return _NOBODY, taken
    finder = _Finder(vault, stale)
    parts = [_NOBODY]
    for start in range(0, len(batch), _RECORDS):
        rows = slice(start, start + _RECORDS)
        parts.append(_met(finder, batch.rows(rows), asking[:, rows], taken[:, rows], start))
    return Met(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Met))), taken


def _met(finder: "_Finder", batch: TokenBatch, asking: np.ndarray, taken: np.ndarray, start: int) -> Met:
    """Return whom some new records meet, `start` and following, and note the slots in use."""
    hits = finder.find(batch, ((number, number) for number in range(HANDLES)))
    np.bitwise_or.at(taken, (hits.column, hits.probe), np.uint64(1) << hits.slot.astype(np.uint64))
    met = finder.real(hits)
    met = met.take(met.column < _FIRST_ASKING)
    askers = finder.real(finder.find(batch, ((len(TAGS) + n, _FIRST_ASKING + at) for at, n in enumerate(ASKED))))
    for place, number in enumerate(ASKED):
        under = np.flatnonzero(met.column == len(TAGS) + number)
        those = askers.take(askers.column == _FIRST_ASKING + place)
        size = finder.size
        met.asking[under] = among(met.probe[under] * size + met.record[under], those.probe * size + those.record)
        use = np.ones(len(met.column), bool)
        use[under] = met.asking[under] | asking[place, met.probe[under]]
        met = met.take(use)
    return replace(met, probe=met.probe + start)


def new_slots(values: np.ndarray, taken: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the slot of each new entry; one beyond `SLOTS` is never looked up, and is of that record alone."""
    order = ordered(values)
    starts = np.ones(len(order), bool)
    starts[1:] = values[order[1:]] != values[order[:-1]]
    slots = free_slots(order, starts, taken)
    alone = np.ascontiguousarray(keys).view("<u4")[:, 0] | np.uint32(1 << 31)
    return np.where(slots < SLOTS, slots, alone)


class _Finder:
    """Finds stored records that still count."""

    def __init__(self, vault: Vault, stale: np.ndarray):
        self._vault = vault
        self._stale = stale
        self._hidden = vault.entries_of(stale)
        self.size = len(vault.rows)

    def find(self, batch: TokenBatch, columns: Iterable[tuple[int, int]]) -> "_Entries":
        """Return the entries under the tokens of some columns; each is looked for among those of another column."""
        among = [(column, self._vault.secrets(batch.column(tokens), column)) for tokens, column in columns]
        hits = self._vault.map.find(np.concatenate([secrets for _, secrets in among]), self._hidden)
        numbers = np.array([column for column, _ in among])
        return _Entries(numbers[hits.probe // len(batch)], hits.probe % len(batch), hits.slot, hits.row)

    def real(self, hits: "_Entries") -> Met:
        """Return the entries that lead to a record which still counts; nobody of it asks, as yet."""
        row = self._vault.rows.find(hits.row)
        real = (row >= 0) & ~among(row, self._stale)
        column, probe, slot, record = (part[real] for part in (hits.column, hits.probe, hits.slot, row))
        return Met(column, probe, slot, record, np.zeros(len(record), bool))


@dataclass(frozen=True)
class _Entries:
    """Entries that were found: column number, new record, slot, and number of the record pointed to; all (k,)."""

    column: np.ndarray
    probe: np.ndarray
    slot: np.ndarray
    row: np.ndarray
