"""Access keys of people: how one is written, read and hashed.

A key is 45 letters and digits (Crockford's base 32, without I, L, O and U) in groups of five: 10 are its public id (50
bits, drawn at random), 30 its secret (150 bits), 5 a check over both, so that a typing error is found before any
hash is computed. Upper and lower case, spaces and hyphens do not matter; O is read as 0, I and L as 1.

What belongs here: the text of a key and the scrypt hash of its secret. What does not: whose key it is (`people`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_LENGTH, SECRET_LENGTH, CHECK_LENGTH, GROUP = 10, 30, 5, 5
LENGTH = ID_LENGTH + SECRET_LENGTH + CHECK_LENGTH
SALT_BYTES, HASH_BYTES = 16, 32
_ALIKE = str.maketrans("OIL", "011", " -")


@dataclass(frozen=True)
class Cost:
    """What one scrypt hash costs (RFC 7914): `n` rounds of memory and time, block size `r`, parallelism `p`."""

    n: int = 2**15
    r: int = 8
    p: int = 1


COST = Cost()
"""The cost of keys made today, 32 MiB and about 0.1 s; a key made at another cost keeps its own until it is rotated."""


@dataclass(frozen=True)
class AccessKey:
    """A key as it was shown once; it is never printed by accident."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"AccessKey({self.key_id}, …)"

    @property
    def text(self) -> str:
        """The whole key for its person, in groups of five."""
        letters = self.key_id + self.secret + _check(self.key_id + self.secret)
        return "-".join(letters[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def new_access_key() -> AccessKey:
    """Draw a key."""
    return AccessKey(_draw(ID_LENGTH), _draw(SECRET_LENGTH))


def read_access_key(text: str) -> AccessKey | None:
    """Return the key that `text` spells, None if its form or its check letters do not fit."""
    letters = text[: 4 * LENGTH].strip().upper().translate(_ALIKE)
    if len(letters) != LENGTH or not set(letters) <= set(ALPHABET):
        return None
    body, check = letters[:-CHECK_LENGTH], letters[-CHECK_LENGTH:]
    if not hmac.compare_digest(_check(body), check):
        return None
    return AccessKey(body[:ID_LENGTH], body[ID_LENGTH:])


def hashed(key: AccessKey, salt: bytes, cost: Cost = COST) -> bytes:
    """Return the scrypt hash (32 bytes) of a key's secret under a salt (16 bytes)."""
    memory = 128 * cost.r * (cost.n + cost.p + 2)
    return hashlib.scrypt(
        key.secret.encode(), salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=2 * memory, dklen=HASH_BYTES
    )


def _draw(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    """Return the check letters (25 bits) of an id and a secret."""
    number = int.from_bytes(hashlib.sha256(b"cradlepath access key 1\n" + body.encode()).digest()[:4], "big") >> 7
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(CHECK_LENGTH)))
