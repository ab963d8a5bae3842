"""A key ring for tests of releases: fixed keys, so that the same release is made twice."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class FixedKeys:
    """What a release asks of a key ring."""

    def __init__(self, seed: bytes = b"1") -> None:
        self._seed = seed
        self.signing_key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"sign" + seed).digest())

    def derive(self, use: str, length: int = 32) -> bytes:
        return hashlib.sha256(self._seed + use.encode()).digest()[:length]
