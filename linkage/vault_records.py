"""The record rows of the vault: one row a record, of one shape, that a thief of the disk cannot tell from another.

A row is the record's number (a permutation of its key), a keyed digest of its identifiers, and a body masked under K2:
its source, the labels of its entries in the multimap, and its features, the features of each anchor masked once more by
that anchor. The mask depends on the digest, so that changed content never meets the same mask twice.

Which records there are and how they are found is `linkage.vault`.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from linkage.batch import TokenBatch
from linkage.keys import KeyRing
from linkage.multimap import FEATURES
from linkage.prf import BLOCK, Aes, OneWay, keystream
from linkage.rows import SortedRows
from linkage.rules import ANCHORS, HANDLES, ROUND

_LABELS: Final = slice(2, 2 + 8 * HANDLES)
_FEATURES: Final = _LABELS.stop
BODY_BYTES: Final = -(-(_FEATURES + 2 * len(ROUND.features)) // BLOCK) * BLOCK
_COLUMNS: Final = {"number": ("<u8", 0), "rest": ("<u8", 0), "digest": ("<u8", 0), "body": ("|u1", BODY_BYTES)}

Secrets = Callable[[int], tuple[OneWay, np.ndarray]]
"""Of an anchor's number: the one-way function of each record's anchor, and the slot of its entry."""


class RecordRows:
    """The record rows of one file, under the keys of one ring."""

    def __init__(self, path: Path, ring: KeyRing):
        self._path = path
        self._ring = ring
        self._rows = SortedRows.read(path, _COLUMNS)

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, numbers: np.ndarray) -> np.ndarray:
        """Return the position of each record number (its first half, uint64), -1 where it is not there."""
        return self._rows.find(numbers)

    def numbers(self, at: np.ndarray) -> np.ndarray:
        """Return the whole numbers of the records at `at`, uint8 (n, 16)."""
        both = np.stack([self._rows.columns["number"][at], self._rows.columns["rest"][at]], axis=1)
        return both.view(np.uint8)

    def digests(self, at: np.ndarray) -> np.ndarray:
        """Return the keyed digests of the records at `at`, uint64 (n,)."""
        return np.asarray(self._rows.columns["digest"][at])

    def digest_of(self, digests: np.ndarray) -> np.ndarray:
        """Return the form in which digests (n, 16) of a batch are stored, uint64 (n,)."""
        return Aes(self._ring.derive("store.digest"))(digests).view("<u8")[:, 0].copy()

    @cached_property
    def sources(self) -> np.ndarray:
        """The source number of every record row, int16."""
        columns = self._rows.columns
        first = np.asarray(columns["body"])[:, :BLOCK]
        mask = _mask(self._ring, columns["number"], columns["rest"], columns["digest"], 1)
        return np.ascontiguousarray((first ^ mask)[:, :2]).view("<u2")[:, 0].astype(np.int16)

    def labels(self, at: np.ndarray) -> np.ndarray:
        """Return the labels of the entries of the records at `at`, uint64 (n, HANDLES)."""
        return np.ascontiguousarray(self._bodies(at)[:, _LABELS]).view("<u8")

    def features(self, at: np.ndarray, anchor: int, hashed: OneWay, slots: np.ndarray) -> np.ndarray:
        """Return the features under one anchor of the records at `at`, uint16 (n, features of that anchor).

        `hashed` is of that anchor's secrets, `slots` where each record's entry is.
        """
        masked = self._bodies(at)[:, _span(anchor)]
        return np.ascontiguousarray(masked ^ _feature_mask(hashed, slots, masked.shape[1])).view("<u2")

    def rewrite(
        self,
        drop: np.ndarray,
        batch: TokenBatch,
        source: np.ndarray,
        numbers: np.ndarray,
        labels: np.ndarray,
        secrets: Secrets,
    ) -> None:
        """Write the file anew without the rows at `drop` and with those of `batch`.

        `source` int16 (n,), `numbers` uint64 (n, 2), `labels` uint64 (n, HANDLES).
        """
        n = len(batch)
        body = np.zeros((n, BODY_BYTES), np.uint8)
        body[:, :2] = source.astype("<u2").view(np.uint8).reshape(n, 2)
        body[:, _LABELS] = np.ascontiguousarray(labels).view(np.uint8).reshape(n, 8 * HANDLES)
        for anchor in range(len(ANCHORS)):
            plain = np.ascontiguousarray(batch.features[:, ROUND.spans[anchor]]).view(np.uint8)
            body[:, _span(anchor)] = plain ^ _feature_mask(*secrets(anchor), plain.shape[1])
        digest = self.digest_of(batch.digests)
        body ^= _mask(self._ring, numbers[:, 0], numbers[:, 1], digest)
        add = {"number": numbers[:, 0], "rest": numbers[:, 1], "digest": digest, "body": body}
        self._rows.rewrite(self._path, drop, add)

    def rekey(self, new: KeyRing, renamed: Callable[[np.ndarray], np.ndarray]) -> None:
        """Put every body under another K2; `renamed` gives the new label of each old one."""
        everything = np.arange(len(self))
        body = self._bodies(everything)
        labels = renamed(np.ascontiguousarray(body[:, _LABELS]).view("<u8").ravel())
        body[:, _LABELS] = labels.view(np.uint8).reshape(len(self), 8 * HANDLES)
        columns = {name: np.asarray(self._rows.columns[name]) for name in ("number", "rest", "digest")}
        body ^= _mask(new, columns["number"], columns["rest"], columns["digest"])
        self._rows.rewrite(self._path, everything, columns | {"body": body})

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns as they lie on the disk, the body as 64-bit words."""
        plain = {name: np.asarray(self._rows.columns[name]) for name in ("number", "rest", "digest")}
        words = np.asarray(self._rows.columns["body"]).view("<u8")
        return plain | {f"body_{number}": words[:, number] for number in range(words.shape[1])}

    def _bodies(self, at: np.ndarray) -> np.ndarray:
        columns = {name: column[at] for name, column in self._rows.columns.items()}
        return np.asarray(columns["body"] ^ _mask(self._ring, columns["number"], columns["rest"], columns["digest"]))


def _mask(
    ring: KeyRing, number: np.ndarray, rest: np.ndarray, digest: np.ndarray, blocks: int = BODY_BYTES // BLOCK
) -> np.ndarray:
    start = np.stack([number, rest ^ digest], axis=1).view(np.uint8)
    return keystream(ring.derive("rekey.bodies"), start, blocks).reshape(len(number), blocks * BLOCK)


def _feature_mask(hashed: OneWay, slots: np.ndarray, width: int) -> np.ndarray:
    parts = [hashed(FEATURES + number, slots) for number in range(-(-width // BLOCK))]
    return np.concatenate(parts, axis=1)[:, :width]


def _span(anchor: int) -> slice:
    span = ROUND.spans[anchor]
    return slice(_FEATURES + 2 * span.start, _FEATURES + 2 * span.stop)
