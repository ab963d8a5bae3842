"""The cryptographic steps tokens are made of, for whole columns: leaves, chains, permutations, one-way hashing.

`Aes` encrypts every 16-byte block of an array under one key. A chain over a *fixed* number of blocks, AES(...
AES(AES(block 1) xor block 2) ...), is CBC-MAC and therefore sound only because every key is used for one number of
blocks (Bellare, Kilian, Rogaway 1994); `leaves` chains the padded text of each distinct value. `OneWay` is TMMO,
pi(pi(x) ^ tweak) ^ pi(x), which stays one-way and correlation robust even for somebody who holds its key (Guo, Katz,
Wang, Yu, IEEE S&P 2020).
Blocks are uint8 arrays of shape (..., 16). Which keys and values meet is not decided here.
"""

import hashlib
import hmac
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

BLOCK: Final = 16
_WIDTHS: Final = (16, 32, 64, 128, 256)
"""Bytes that texts are padded to, the last of them their length."""
_ROWS: Final = 1 << 16


class Aes:
    """AES on 16-byte blocks under one key: a pseudorandom function of each block, and a permutation to be undone."""

    def __init__(self, key: bytes):
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - single blocks, each a PRF input of its own

    def __call__(self, blocks: np.ndarray) -> np.ndarray:
        """Return every block encrypted, in the shape given."""
        return _through(self._cipher.encryptor(), blocks)

    def back(self, blocks: np.ndarray) -> np.ndarray:
        """Undo a call."""
        return _through(self._cipher.decryptor(), blocks)

    def chain(self, *blocks: np.ndarray) -> np.ndarray:
        """Return the CBC-MAC of each row of blocks; a key that chains must always chain the same number."""
        state = self(blocks[0])
        for block in blocks[1:]:
            state = self(state ^ block)
        return state


def _through(context: CipherContext, blocks: np.ndarray) -> np.ndarray:
    """Put blocks through a cipher into memory that numpy asked for: in large pages, five times as fast as bytes."""
    contiguous = np.ascontiguousarray(blocks, np.uint8)
    out = np.empty(contiguous.size + BLOCK, np.uint8)
    if contiguous.size:
        context.update_into(contiguous.data.cast("B"), out.data)
    return out[: contiguous.size].reshape(contiguous.shape)


class OneWay:
    """A tweaked one-way function of secrets, shape (n, 16): what is stored instead of them."""

    def __init__(self, key: bytes, secrets: np.ndarray):
        self._pi = Aes(key)
        self._inner = self._pi(secrets)

    def __call__(self, use: int, slot: np.ndarray | int = 0) -> np.ndarray:
        """Return n blocks for one use (0 to 255) and a slot (each row's own, or one for all)."""
        tweaked = self._inner.copy()
        words = tweaked.view("<u4")
        words[:, 0] ^= np.uint32(use + 1)
        words[:, 1] ^= np.asarray(slot, np.uint32)
        return np.asarray(self._pi(tweaked) ^ self._inner)


def keystream(key: bytes, start: np.ndarray, blocks: int) -> np.ndarray:
    """Return n pseudorandom rows of `blocks` blocks, uint8 (n, blocks, 16), from n distinct starts (n, 16)."""
    aes = Aes(key)
    counters = np.repeat(aes(start)[:, np.newaxis], blocks, axis=1)
    counters.view("<u4")[:, :, 0] ^= np.arange(1, blocks + 1, dtype=np.uint32)
    return aes(counters)


def leaves(values: pa.Array, key: bytes) -> np.ndarray:
    """Return one 16-byte leaf a record, shape (n, 16): `of_texts` of its value, zero where it is null."""
    coded = values.dictionary_encode()
    table = np.concatenate([of_texts(coded.dictionary, key), np.zeros((1, BLOCK), np.uint8)])
    codes: np.ndarray = coded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(table[codes])


def of_texts(texts: pa.Array, key: bytes) -> np.ndarray:
    """Return a PRF of each of n texts (UTF-8, none null), shape (n, 16).

    A chain over the text, padded, and its length, under a key for every width; HMAC-SHA256 of texts beyond the widest.
    """
    out = np.empty((len(texts), BLOCK), np.uint8)
    sizes: np.ndarray = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    least = 0
    for width in _WIDTHS:
        rows = np.flatnonzero((sizes >= least) & (sizes < width))
        cipher = Aes(hmac.digest(key, width.to_bytes(2, "big"), hashlib.sha256))
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            out[some] = cipher.chain(*_padded(texts.take(pa.array(some)), sizes[some], width))
        least = width
    for row in np.flatnonzero(sizes >= least).tolist():
        whole = hmac.digest(key, texts[row].as_py().encode(), hashlib.sha256)
        out[row] = np.frombuffer(whole[:BLOCK], np.uint8)
    return out


def _padded(texts: pa.Array, sizes: np.ndarray, width: int) -> np.ndarray:
    """Return texts of less than `width` bytes, zeros behind them and their length last: uint8 (blocks, n, 16)."""
    if not len(texts):
        return np.empty((width // BLOCK, 0, BLOCK), np.uint8)
    padded = pc.ascii_rpad(texts, width, padding="\0")
    rows = np.frombuffer(padded.buffers()[2], np.uint8)[: len(texts) * width].reshape(len(texts), width).copy()
    rows[:, -1] = sizes
    return np.moveaxis(rows.reshape(len(texts), width // BLOCK, BLOCK), 1, 0)


def constant_block(text: str, key: bytes) -> np.ndarray:
    """Return the (1, 16) leaf of a constant, for instance the name of a column."""
    return np.frombuffer(hmac.digest(key, text.encode(), hashlib.sha256)[:BLOCK], np.uint8).reshape(1, BLOCK)
