"""The sealed annex of a release: what only the auditor may know, so that the audit can be run again.

What belongs here: the numbers that a release does not show, which of them are sensitive by themselves, and
the equations that a late correction broke; their canonical form, and sealing it under the auditor's key. What
does not: anything that the public manifest may say.

Sealing is AES-256-GCM. The nonce is a keyed digest of the text (HMAC-SHA256 under a second key derived from
the first), so that the same release seals to the same bytes, and two texts share a nonce only if they are the
same.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assets.release.policy import ReleaseError
from assets.release.system import Floats, Ints

NONCE_BYTES = 12
PADDED_TO = 1 << 16
"""Bytes to a multiple of which an annex is filled: its length would tell how many digits hidden numbers have."""
ASSOCIATED = b"cradlepath release annex v1"


@dataclass(frozen=True)
class Annex:
    """What a release leaves out. Variables are numbered as `build_system` numbers the released tables.

    `hidden` (h,) and `truth` (h,): counts that are not shown as they are, and what they are. `sensitive` (s,) and
    `demand` (s,): variables that are sensitive by themselves, and how (`Demand`). `drifting`: equations
    between rows of different releases that no longer hold. `intervals`: variable -> (least, greatest) value
    that the audit proved possible; empty until there was one.
    """

    hidden: Ints
    truth: Floats
    sensitive: Ints
    demand: Ints
    drifting: Ints
    intervals: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    contributions: Floats = field(default_factory=lambda: np.empty((3, 0)))
    """(3, a): largest, second and largest few contributions of each amount, NaN where not given"""

    def to_bytes(
        self, intervals: Mapping[int, tuple[float, float]] | None = None, programs: tuple[int, int] = (0, 0)
    ) -> bytes:
        """Return the annex as canonical JSON, with the intervals that an audit proved possible.

        `programs`: how many programs that took, and how many of them in whole numbers.
        """
        proven = {str(variable): ends for variable, ends in (intervals or {}).items() if np.isfinite(ends).all()}
        whole = {
            "hidden": self.hidden.tolist(),
            "truth": _plain(self.truth),
            "sensitive": self.sensitive.tolist(),
            "demand": self.demand.astype(np.int64).tolist(),
            "drifting": self.drifting.tolist(),
            "intervals": proven,
            "programs": list(programs),
            **({"contributions": [_plain(row) for row in self.contributions]} if self.contributions.size else {}),
        }
        text = json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()
        return text + b" " * (-len(text) % PADDED_TO)

    @classmethod
    def from_bytes(cls, text: bytes) -> Annex:
        """Read what `to_bytes` wrote. Raises ReleaseError when it is something else."""
        try:
            whole = json.loads(text)
            return cls(
                hidden=np.asarray(whole["hidden"], np.int64),
                truth=np.asarray(whole["truth"], np.float64),
                sensitive=np.asarray(whole["sensitive"], np.int64),
                demand=np.asarray(whole["demand"], np.int64),
                drifting=np.asarray(whole["drifting"], np.int64),
                intervals={int(v): (float(ends[0]), float(ends[1])) for v, ends in whole.get("intervals", {}).items()},
                contributions=np.asarray(whole.get("contributions", [[], [], []]), np.float64),
            )
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise ReleaseError("the annex of a release is not in its form; restore it from a backup") from None


def _plain(values: Floats) -> list[int | float | None]:
    """Return numbers as JSON has them: whole ones without a point, unknown ones null."""
    return [None if isnan(v) else int(v) if v == int(v) else v for v in values.tolist()]


def seal(text: bytes, key: bytes) -> bytes:
    """Encrypt `text` under the auditor's 32-byte key; the same text gives the same bytes."""
    nonce = hmac.new(hashlib.sha256(b"nonce" + key).digest(), text, hashlib.sha256).digest()[:NONCE_BYTES]
    return nonce + AESGCM(key).encrypt(nonce, text, ASSOCIATED)


def unseal(sealed: bytes, key: bytes) -> bytes:
    """Decrypt what `seal` wrote. Raises ReleaseError for a wrong key or altered bytes."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], ASSOCIATED)
    except (InvalidTag, ValueError):
        raise ReleaseError(
            "the annex does not open: expected the auditor's key of this workspace and unaltered bytes; "
            "check the key ring, or restore the release from a backup"
        ) from None
