"""The record rows of the vault: one row a record, of one shape, that a thief of the disk cannot tell from another.

A row is the record's number (a permutation of its key), a keyed digest of its identifiers, and a body masked under K2:
its source, the labels of its entries in the multimap, and its features, the features of each anchor masked once more by
that anchor. The mask depends on the digest, so that changed content never meets the same mask twice.

Which records there are and how they are found is `linkage.vault`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from linkage.batch import TokenBatch
from linkage.keys import KeyRing
from linkage.multimap import FEATURES
from linkage.prf import BLOCK, Aes, OneWay, keystream
from linkage.rows import Column, SortedRows
from linkage.rules import HANDLES, ROUND

_LABELS: Final = slice(2, 2 + 8 * HANDLES)
_FEATURES: Final = _LABELS.stop
BODY_BYTES: Final = -(-(_FEATURES + 2 * len(ROUND.features)) // BLOCK) * BLOCK
_COLUMNS: Final = {"number": ("<u8", 0), "rest": ("<u8", 0), "digest": ("<u8", 0), "body": ("|u1", BODY_BYTES)}

Opened = Callable[[np.ndarray], Iterator[tuple[OneWay, np.ndarray]]]
"""Of some records, anchor after anchor: the one-way function of their anchors, and the slots of their entries."""


@dataclass(frozen=True)
class Fresh:
    """New rows of n records: their tokens, `source` int16 (n,), `numbers` uint64 (n, 2), `labels` uint64 (HANDLES, n).

    `opened` gives what masks the features of an anchor.
    """

    batch: TokenBatch
    source: np.ndarray
    numbers: np.ndarray
    labels: np.ndarray
    opened: Opened

    def body(self, at: np.ndarray) -> np.ndarray:
        """Return the bodies of some rows before they are masked under K2, uint8 (k, BODY_BYTES)."""
        n, features = len(at), self.batch.features[at]
        body = np.zeros((n, BODY_BYTES), np.uint8)
        body[:, :2] = self.source[at].astype("<u2").view(np.uint8).reshape(n, 2)
        body[:, _LABELS] = np.ascontiguousarray(self.labels[:, at].T).view(np.uint8).reshape(n, 8 * HANDLES)
        for anchor, (hashed, slots) in enumerate(self.opened(at)):
            plain = np.ascontiguousarray(features[:, ROUND.spans[anchor]]).view(np.uint8)
            body[:, _span(anchor)] = plain ^ _feature_mask(hashed, slots, plain.shape[1])
        return body


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

    def rewrite(self, drop: np.ndarray, fresh: Fresh, after: Callable[[], object]) -> None:
        """Write the file anew without the rows at `drop` and with those of `fresh`, once `after` has returned."""
        number, rest = fresh.numbers[:, 0], fresh.numbers[:, 1]
        digest = self.digest_of(fresh.batch.digests)

        def body(at: np.ndarray) -> np.ndarray:
            return np.asarray(fresh.body(at) ^ _mask(self._ring, number[at], rest[at], digest[at]))

        self._rows.rewrite(self._path, drop, number, {"rest": rest, "digest": digest, "body": body}, after)

    def rekey(self, new: KeyRing, renamed: Callable[[np.ndarray], np.ndarray]) -> None:
        """Put every body under another K2; `renamed` gives the new label of each old one."""
        number, rest, digest = (self._rows.columns[name] for name in ("number", "rest", "digest"))

        def body(at: np.ndarray) -> np.ndarray:
            plain = self._bodies(at)
            labels = renamed(np.ascontiguousarray(plain[:, _LABELS]).view("<u8").ravel())
            plain[:, _LABELS] = labels.view(np.uint8).reshape(len(at), 8 * HANDLES)
            return np.asarray(plain ^ _mask(new, number[at], rest[at], digest[at]))

        everything = np.arange(len(self))
        add: dict[str, Column] = {"rest": rest, "digest": digest, "body": body}
        self._rows.rewrite(self._path, everything, np.asarray(number), add)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns as they lie on the disk, the body as 64-bit words."""
        plain = {name: np.asarray(self._rows.columns[name]) for name in ("number", "rest", "digest")}
        words = np.asarray(self._rows.columns["body"]).view("<u8")
        return plain | {f"body_{number}": words[:, number] for number in range(words.shape[1])}

    def mapped(self) -> dict[str, np.ndarray]:
        """Return the columns as they lie on the disk, the body as bytes, without reading them."""
        return self._rows.columns

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
