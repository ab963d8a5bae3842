"""The two cryptographic steps tokens are made of: a leaf per distinct value, and AES over whole columns.

`leaves` is HMAC-SHA256, once per distinct value. `Chain` is the pseudorandom function over a *fixed*
number of 16-byte blocks that both anchors and features use: AES(... AES(AES(block 1) xor block 2) ...),
which is CBC-MAC and therefore sound only because every key is used for one number of blocks (Bellare,
Kilian, Rogaway 1994). Blocks are uint8 matrices of shape (n, 16). Which keys and values meet is not
decided here.
"""

import hashlib
import hmac
from typing import Final

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK: Final = 16


class Chain:
    """A pseudorandom function over exactly `blocks` columns of 16-byte blocks, under one 32-byte key."""

    def __init__(self, key: bytes, blocks: int):
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - one block a call site: a PRF
        self._blocks = blocks

    def __call__(self, *blocks: np.ndarray) -> np.ndarray:
        """Return n pseudorandom blocks; raises ValueError when given another number of blocks."""
        if len(blocks) != self._blocks:
            raise ValueError(f"found {len(blocks)} blocks, expected {self._blocks}: a chain has one length")
        state = self._encrypt(blocks[0])
        for block in blocks[1:]:
            state = self._encrypt(state ^ block)
        return state

    def _encrypt(self, block: np.ndarray) -> np.ndarray:
        encrypted = self._cipher.encryptor().update(np.ascontiguousarray(block).data)
        return np.frombuffer(encrypted, np.uint8).reshape(-1, BLOCK)


class Permutation:
    """AES on 16-byte blocks under one key: re-keys stored tokens, and can be undone to change the key."""

    def __init__(self, key: bytes):
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - a permutation of tokens

    def forward(self, blocks: np.ndarray) -> np.ndarray:
        """Return `blocks`, shape (..., 16), each permuted."""
        return self._through(self._cipher.encryptor().update, blocks)

    def backward(self, blocks: np.ndarray) -> np.ndarray:
        """Undo `forward`."""
        return self._through(self._cipher.decryptor().update, blocks)

    @staticmethod
    def _through(step: object, blocks: np.ndarray) -> np.ndarray:
        contiguous = np.ascontiguousarray(blocks, np.uint8)
        if not contiguous.size or not callable(step):
            return contiguous
        return np.frombuffer(step(contiguous.data), np.uint8).reshape(contiguous.shape)


def leaves(values: pa.Array, key: bytes) -> np.ndarray:
    """Return one 16-byte leaf a record, shape (n, 16): HMAC-SHA256 of its value, zero where it is null."""
    coded = values.dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    digests = b"".join(hmac.digest(key, value.encode(), hashlib.sha256)[:BLOCK] for value in distinct)
    table: np.ndarray = np.frombuffer(digests + bytes(BLOCK), np.uint8).reshape(-1, BLOCK)
    codes: np.ndarray = coded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return np.asarray(table[codes])


def constant_block(text: str, key: bytes) -> np.ndarray:
    """Return the (1, 16) leaf of a constant, for instance the name of a column."""
    return np.frombuffer(hmac.digest(key, text.encode(), hashlib.sha256)[:BLOCK], np.uint8).reshape(1, BLOCK)
