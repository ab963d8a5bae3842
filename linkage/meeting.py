"""Whom tonight's new records meet in the vault: by every tag and anchor, and where somebody must ask, by asking.

An anchor that is asked (`linkage.rules`) joins two records only where one of them has no known birth date. What the
meetings are used for is `linkage.universe`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from linkage.batch import TokenBatch
from linkage.multimap import SLOTS, Hits, free_slots
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
    parts: list[list[np.ndarray]] = []
    for number in range(HANDLES):
        column = batch.column(number)
        hits = vault.map.find(vault.secrets(column, number), finder.hidden)
        np.bitwise_or.at(taken[number], hits.probe, np.uint64(1) << hits.slot.astype(np.uint64))
        probe, slot, row = finder.real(hits)
        if number >= len(TAGS) + len(ANCHORS):
            continue
        stored = np.zeros(len(probe), bool)
        if number - len(TAGS) in ASKED:
            place = ASKED.index(number - len(TAGS))
            stored = finder.asking(column, len(TAGS) + len(ANCHORS) + place, probe, row)
            use = stored | asking[place, probe]
            probe, slot, row, stored = probe[use], slot[use], row[use], stored[use]
        parts.append([np.full(len(probe), number), probe, slot, row, stored])
    return Met(*(np.concatenate(part) for part in zip(*parts, strict=True))), taken


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
        self.hidden = vault.entries_of(stale)

    def real(self, hits: Hits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return probe, slot and position in the vault of the hits that lead to a record."""
        row = self._vault.rows.find(hits.row)
        real = (row >= 0) & ~among(row, self._stale)
        return hits.probe[real], hits.slot[real], row[real]

    def asking(self, tokens: np.ndarray, column: int, probe: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Return which of some meetings, new record `probe` and stored record `row`, are with one that asks."""
        found, _, asking = self.real(self._vault.map.find(self._vault.secrets(tokens, column), self.hidden))
        size = len(self._vault.rows)
        return among(probe * size + row, found * size + asking)
