"""Child IDs: an AES permutation of the ledger's counter, under a key of its own, as text.

`c-` and 26 letters of base32. The ID is unrelated to any fact about the child; only the key's holder can tell
which of two IDs is older. Nothing here knows about records.
"""

from typing import Final

import numpy as np

from linkage.keys import KeyRing
from linkage.prf import BLOCK, Aes

PREFIX: Final = "c-"
LETTERS: Final = 26
_ALPHABET: Final = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)
_PLACE: Final = np.array([16, 8, 4, 2, 1], np.uint8)


class ChildIds:
    """Counters to child IDs and back, for whole arrays."""

    def __init__(self, ring: KeyRing):
        self._permutation = Aes(ring.derive("child.permutation"))

    def encode(self, counters: np.ndarray) -> np.ndarray:
        """Return the child IDs of n counters (int64 >= 0) as an array of str."""
        blocks = np.zeros((len(counters), 2), ">u8")
        blocks[:, 1] = counters
        permuted = self._permutation(blocks.view(np.uint8).reshape(-1, BLOCK))
        bits = np.zeros((len(counters), LETTERS * 5), np.uint8)
        bits[:, : BLOCK * 8] = np.unpackbits(permuted, axis=1)
        letters = _ALPHABET[bits.reshape(-1, LETTERS, 5) @ _PLACE]
        text = np.ascontiguousarray(letters).view(f"S{LETTERS}").ravel().astype(str)
        return np.char.add(PREFIX, text)

    def decode(self, child_ids: np.ndarray) -> np.ndarray:
        """Return the counters (int64) of n child IDs; raises ValueError for an ID of another key ring."""
        if not len(child_ids):
            return np.empty(0, np.int64)
        text = child_ids.astype(f"U{LETTERS + len(PREFIX)}")
        letters = text.astype(f"S{LETTERS + len(PREFIX)}").view(np.uint8).reshape(len(text), -1)[:, len(PREFIX) :]
        value = np.searchsorted(np.sort(_ALPHABET), letters)
        digit = np.argsort(_ALPHABET)[np.minimum(value, len(_ALPHABET) - 1)].astype(np.uint8)
        bits = (digit[:, :, None] >> np.arange(4, -1, -1, dtype=np.uint8)) & 1
        blocks = np.packbits(bits.reshape(len(text), -1)[:, : BLOCK * 8], axis=1)
        words = self._permutation.back(blocks).copy().view(">u8")
        counters = words[:, 1].astype(np.int64)
        if words[:, 0].any() or (self.encode(counters) != child_ids).any():
            raise ValueError("no child ID, or one of another key ring; the ledger needs the keys it was made with")
        return counters
