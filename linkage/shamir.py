"""Shamir's secret sharing, byte by byte over GF(2^8) (Shamir, "How to share a secret", CACM 22, 1979).

Each byte of the secret is the value at 0 of its own random polynomial of degree k - 1; share x holds the values at x.
Any k shares give the secret back; k - 1 shares of any secret are equally likely, so they say nothing about it. The
field is that of AES (FIPS 197, section 4.2), as in HashiCorp Vault and SLIP-39. Nothing here notices a wrong share:
headers, check digits and files belong to `linkage.escrow`. The tables are indexed by secret bytes, so this is for a
ceremony on a machine of one's own, not for a server that others time.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

MAX_SHARES: Final = 255
Bytes = npt.NDArray[np.uint8]


def _tables() -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Return powers of the generator 3, twice in a row (510,), and the logarithm of each byte (256,)."""
    powers, logs, value = np.zeros(510, np.uint8), np.zeros(256, np.int64), 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logs[value] = exponent
        doubled = value << 1
        value ^= doubled ^ (0x11B if doubled > 0xFF else 0)
    return powers, logs


_POWERS, _LOGS = _tables()


def multiply(a: Bytes, b: Bytes) -> Bytes:
    """Return the products of bytes in GF(2^8), element by element."""
    return np.where((a == 0) | (b == 0), 0, _POWERS[_LOGS[a] + _LOGS[b]]).astype(np.uint8)


def divide(a: Bytes, b: Bytes) -> Bytes:
    """Return the quotients of bytes in GF(2^8), element by element; no element of `b` may be 0."""
    return np.where(a == 0, 0, _POWERS[_LOGS[a] - _LOGS[b] + 255]).astype(np.uint8)


def split(secret: bytes, shares: int, threshold: int, random: Callable[[int], bytes] = os.urandom) -> dict[int, bytes]:
    """Return `shares` shares of `secret` by number (1, 2, ...), of which any `threshold` give it back.

    Every share is as long as the secret. Raises ValueError unless 2 <= threshold <= shares <= 255.
    """
    if not 2 <= threshold <= shares <= MAX_SHARES:
        raise ValueError(f"found {threshold} of {shares} shares, expected 2 <= threshold <= shares <= {MAX_SHARES}")
    drawn = np.frombuffer(random((threshold - 1) * len(secret)), np.uint8).reshape(threshold - 1, len(secret))
    constant = np.frombuffer(secret, np.uint8)
    return {x: _value_at(x, constant, drawn).tobytes() for x in range(1, shares + 1)}


def restore(shares: Mapping[int, bytes]) -> bytes:
    """Return the secret of shares by number: all of them count, so give exactly the threshold or more of one set."""
    numbers = np.array(list(shares), np.uint8)
    secret = np.zeros(len(next(iter(shares.values()))), np.uint8)
    for x, share in shares.items():
        weight = np.ones(1, np.uint8)
        for other in numbers[numbers != x]:
            weight = multiply(weight, divide(np.array([other]), np.array([other ^ np.uint8(x)])))
        secret ^= multiply(weight, np.frombuffer(share, np.uint8))
    return secret.tobytes()


def _value_at(x: int, constant: Bytes, drawn: Bytes) -> Bytes:
    value, place = np.zeros_like(constant), np.array([x], np.uint8)
    for coefficients in drawn[::-1]:
        value = multiply(value ^ coefficients, place)
    return value ^ constant
