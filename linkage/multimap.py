"""The encrypted multimap: who shares an anchor can be found by whoever brings that anchor, and by nobody else.

An entry is a label, a one-way function of (anchor, slot), and a pointer to a record, masked by another one. Both are
re-keyed under K2 before they are stored. No two entries share anything: the slot tells apart the records that share an
anchor. The hub forgets the anchors; a later record brings its own and finds who is there. Somebody who holds the file
and the hub's keys, but not K1, can neither group the entries nor read a pointer.

What a pointer leads to is `linkage.vault`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from linkage.keys import KeyRing
from linkage.prf import Aes, OneWay
from linkage.rows import SortedRows

SLOTS: Final = 64
"""An anchor that more records share than this is a mistyped default, not a child: it blocks nothing."""

COLUMNS: Final = {"label": ("<u8", 0), "check": ("<u8", 0), "pointer": ("<u8", 0)}
_WINDOWS: Final = (range(3), range(3, 12), range(12, SLOTS))
"""Slots are looked up window by window. An entry of no record, a *marker*, says that a window was ever reached."""

FIRST_WINDOW: Final = _WINDOWS[0].stop
"""The first slot that needs a marker."""

_MARKERS: Final = range(SLOTS, SLOTS + len(_WINDOWS))
_LOOKED_UP: Final = 1 << 18
"""How many secrets are looked up at a time."""

_LABEL, _POINTER = 0, 1
FEATURES: Final = 2
"""The first use of an anchor's one-way function that is left to the records themselves."""


@dataclass(frozen=True)
class Hits:
    """Who was found: `probe` int64 (k,) which secret, `slot` uint32 (k,), `row` uint64 (k,) the record pointed to."""

    probe: np.ndarray
    slot: np.ndarray
    row: np.ndarray


@dataclass(frozen=True)
class Entries:
    """New entries, each column uint64 (k,)."""

    label: np.ndarray
    check: np.ndarray
    pointer: np.ndarray

    def put(self, start: int, other: "Entries") -> None:
        """Write other entries over these, from `start` on."""
        end = start + len(other.label)
        self.label[start:end], self.check[start:end], self.pointer[start:end] = vars(other).values()


class Multimap:
    """The entries of one file, and what is needed to read and write them."""

    def __init__(self, path: Path, ring: KeyRing):
        self._path = path
        self._rows = SortedRows.read(path, COLUMNS)
        self._secret = ring.derive("store.anchor")
        self._labels = Aes(ring.derive("rekey.labels"))
        self._pointers = Aes(ring.derive("rekey.pointers"))

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, labels: np.ndarray) -> np.ndarray:
        """Return the position of each label, int64, -1 where it is not there."""
        return self._rows.find(labels)

    def find(self, secrets: np.ndarray, without: np.ndarray) -> Hits:
        """Return all entries of each secret, uint8 (n, 16), but for those at the positions `without`."""
        parts = [[np.empty(0, kind)] for kind in (np.int64, np.uint32, np.uint64)]
        hidden = np.zeros(len(self._rows), bool)
        hidden[without] = True
        for start in range(0, len(secrets) if len(self._rows) else 0, _LOOKED_UP):
            for found in self._found(secrets[start : start + _LOOKED_UP], hidden):
                for part, column in zip(parts, (found[0] + start, *found[1:]), strict=True):
                    part.append(column)
        return Hits(*(np.concatenate(part) for part in parts))

    def entries(self, secrets: np.ndarray, slots: np.ndarray, rows: np.ndarray) -> Entries:
        """Return the entry of each secret (n, 16) in its slot (n,), pointing to `rows` uint64 (n,)."""
        hashed = OneWay(self._secret, secrets)
        label = hashed(_LABEL, slots)
        words = self._labels(label).view("<u8")
        return Entries(words[:, 0].copy(), words[:, 1].copy(), rows ^ self._mask(hashed, label, slots))

    def markers(self, secrets: np.ndarray, slots: np.ndarray) -> Entries:
        """Return the markers that entries in these slots need and that are not there yet."""
        made = [np.empty((3, 0), np.uint64)]
        for window, marker in zip(_WINDOWS[1:], _MARKERS[1:], strict=True):
            inside = np.flatnonzero((slots >= window.start) & (slots < window.stop))
            entries = self.entries(secrets[inside], np.full(len(inside), marker, np.uint32), np.zeros(1, np.uint64))
            new = np.flatnonzero(self._rows.find(entries.label) < 0)
            new = new[np.unique(entries.label[new], return_index=True)[1]]
            made.append(np.stack([entries.label[new], entries.check[new], entries.pointer[new]]))
        return Entries(*np.concatenate(made, axis=1))

    def hashed(self, secrets: np.ndarray) -> OneWay:
        """Return the one-way function of these secrets, for masks of what they lead to."""
        return OneWay(self._secret, secrets)

    def rewrite(self, drop: np.ndarray, add: Entries) -> None:
        """Write the file anew without the entries at positions `drop` and with `add`, markers among them."""
        self._rows.rewrite(self._path, drop, add.label, {"check": add.check, "pointer": add.pointer})

    def rekeyed(self, old: KeyRing, new: KeyRing) -> Entries:
        """Return all entries, in their present order, as they are under another K2."""
        words = np.stack([self._rows.columns["label"], self._rows.columns["check"]], axis=1)
        label = Aes(old.derive("rekey.labels")).back(words.view(np.uint8))
        change = Aes(old.derive("rekey.pointers"))(label) ^ Aes(new.derive("rekey.pointers"))(label)
        fresh = Aes(new.derive("rekey.labels"))(label).view("<u8")
        pointer = self._rows.columns["pointer"] ^ change.view("<u8")[:, 0]
        return Entries(fresh[:, 0].copy(), fresh[:, 1].copy(), pointer)

    def columns(self) -> dict[str, np.ndarray]:
        """Return all stored columns as they lie on the disk, the one that orders them first."""
        return self._rows.columns

    def column(self, name: str) -> np.ndarray:
        """Return a stored column as it lies on the disk."""
        return self._rows.columns[name]

    def _found(self, secrets: np.ndarray, hidden: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Look slot after slot, in widening windows, as long as a marker says that there are more."""
        active = np.arange(len(secrets))
        for number, window in enumerate(_WINDOWS):
            hashed = OneWay(self._secret, secrets[active])
            slots = np.array([*window, *_MARKERS[number + 1 : number + 2]], np.uint32)[:, np.newaxis]
            label = np.stack([hashed(_LABEL, slot) for slot in slots])
            words = self._labels(label).view("<u8")
            at = self._rows.find(words[:, :, 0].ravel()).reshape(words.shape[:2])
            at[at >= 0] = np.where(self._rows.columns["check"][at[at >= 0]] == words[at >= 0, 1], at[at >= 0], -1)
            for place, slot in enumerate(window):
                hit = np.flatnonzero(at[place] >= 0)
                hit = hit[~hidden[at[place, hit]]]
                mask = self._mask(hashed, label[place], slot)[hit]
                pointer = self._rows.columns["pointer"][at[place, hit]] ^ mask
                yield active[hit], np.full(len(hit), slot, np.uint32), pointer
            active = active[at[-1] >= 0] if number + 1 < len(_WINDOWS) else active[:0]
            if not len(active):
                return

    def _mask(self, hashed: OneWay, label: np.ndarray, slots: np.ndarray | int) -> np.ndarray:
        return np.asarray(hashed(_POINTER, slots).view("<u8")[:, 0] ^ self._pointers(label).view("<u8")[:, 0])


def free_slots(order: np.ndarray, starts: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Return a free slot for each of n new entries, uint32, `SLOTS` where none is left.

    `order` (n,) sorts the entries so that those of one secret are adjacent, `starts` bool (n,) marks the first of each
    in that order; `taken` uint64 (n,) has a bit for every slot of its secret that is in use already.
    """
    rank = np.arange(len(order)) - np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    bits, slots = taken[order].copy(), np.full(len(order), SLOTS, np.uint32)
    left = np.arange(len(order))
    while len(left):
        full = bits[left] == np.uint64(0xFFFFFFFFFFFFFFFF)
        left = left[~full]
        lowest = ~bits[left] & (bits[left] + np.uint64(1))
        done = rank[left] == 0
        slots[left[done]] = np.log2(lowest[done].astype(np.float64)).astype(np.uint32)
        bits[left] |= lowest
        rank[left] -= 1
        left = left[~done]
    out = np.empty(len(order), np.uint32)
    out[order] = slots
    return out
