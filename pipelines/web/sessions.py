"""Sessions: who signed in, held in memory, under a token that only their browser knows.

A session ends 30 minutes after it was last used, 8 hours after it began, when its person signs out, or when the
process ends. What does not belong here: whether the key behind it still opens (`door`).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

IDLE, LONGEST = 30 * 60, 8 * 60 * 60
"""Seconds without a request, and seconds in all, after which a session is over."""
MOST = 1000
"""Sessions held at once; the one unused for longest goes first."""


@dataclass(frozen=True)
class Session:
    """One sign-in: the key it was made with, the token that its forms carry, when it began and was last used."""

    key_id: str
    csrf: str
    began: float
    used: float


class Sessions:
    """Sessions by the SHA-256 of their token; safe for threads. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._held: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, key_id: str) -> str:
        """Open a session for a key and return its token (256 random bits)."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._held[_name(token)] = Session(key_id, secrets.token_urlsafe(32), now, now)
            while len(self._held) > MOST:
                self._held.popitem(last=False)
        return token

    def of(self, token: str | None) -> Session | None:
        """Return the session of a token and count it as used now; None if there is none, or it is over."""
        if not token:
            return None
        name, now = _name(token), self._clock()
        with self._lock:
            held = self._held.pop(name, None)
            if held is None or now - held.used > IDLE or now - held.began > LONGEST:
                return None
            self._held[name] = replace(held, used=now)
            return held

    def end(self, token: str | None) -> None:
        """Close the session of a token."""
        with self._lock:
            self._held.pop(_name(token or ""), None)


def _name(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
