"""Work on all cores of this machine: numpy and the ciphers let other threads run while they work on large arrays.

What belongs here: how pieces of work are handed out. Pieces write to places of their own, or return what they made.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Made = TypeVar("Made")


def on_all_cores(work: Callable[[Piece], Made], pieces: Iterable[Piece]) -> list[Made]:
    """Return what `work` makes of each piece, in order; an error of any of them is raised."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(work, pieces))
