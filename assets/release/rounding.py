"""Rounded counts: how a table of the night shows its counts, and what a reader can infer from one.

What belongs here: rounding to an even base, half up, and its inverse as an interval. What does not: which
tables are rounded (their `rounding` in the catalogue).

A rounded table hides counts of 1..t-1 like any other, so that a shown 0 is a true 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def rounded(values: Floats, base: int) -> Floats:
    """Return whole numbers rounded half up to a multiple of `base`; NaN stays NaN."""
    return np.asarray(np.floor((values + base / 2) / base) * base, np.float64)


def behind(shown: Floats, base: int, threshold: int | npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the smallest and largest count behind a shown number, given that 1..t-1 are hidden."""
    low = np.where(shown == 0, 0, np.maximum(shown - base / 2, threshold))
    high = np.where(shown == 0, 0, shown + base / 2 - 1)
    return np.asarray(low, np.float64), np.asarray(np.maximum(low, high), np.float64)
