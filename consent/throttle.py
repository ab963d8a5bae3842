"""How refused sign-ins slow down what comes after them, in one process.

After a few refusals of one key id, or from one address, the next attempt has to wait: twice as long after each, up to
a minute. A key has 150 secret bits, so guessing is hopeless without it; this keeps the audit trail and the processor
from being filled. A process that ends forgets, so at the command line the cost of scrypt is the floor.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

FREE = 5
"""Refusals that cost nothing yet."""
LONGEST = 60.0
"""Seconds that an attempt waits at most."""
KEPT = 4096
"""How many ids and addresses are remembered; the oldest are forgotten first."""


class Throttle:
    """Counts refusals by name (a key id, an address); safe for threads. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, *names: str) -> float:
        """Return the seconds until an attempt of all these names may be made; 0 if it may be now."""
        now = self._clock()
        with self._lock:
            return max([0.0, *(self._seen[name][1] - now for name in names if name in self._seen)])

    def refused(self, *names: str) -> None:
        """Note that an attempt was refused."""
        now = self._clock()
        with self._lock:
            for name in names:
                count = self._seen.pop(name, (0, now))[0] + 1
                pause = min(2.0 ** (count - FREE), LONGEST) if count >= FREE else 0.0
                self._seen[name] = (count, now + pause)
            while len(self._seen) > KEPT:
                self._seen.popitem(last=False)

    def opened(self, *names: str) -> None:
        """Forget the refusals of names that an attempt has opened for."""
        with self._lock:
            for name in names:
                self._seen.pop(name, None)
