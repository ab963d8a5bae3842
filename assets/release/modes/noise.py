"""Noise from OpenDP, and what OpenDP proves about it.

What belongs here: the one mechanism that a release uses (integer noise of the discrete Laplace distribution on a vector
of counts, CKS20), the privacy map that says what a draw of it spends, and how far from the truth it lands. What does
not: how much one child can change (`contribution`), how often something is drawn (`budget`).

The noise comes from the operating system's generator; it is never seeded, so a draw cannot be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np

from assets.release.system import Ints

CERTAINTY = 0.95
"""The share of counts that the margin of error speaks of."""


def mechanism() -> str:
    """Name the library and the mechanism, for the ledger and the manifest."""
    return f"opendp {version('opendp')} make_laplace on integers, pure differential privacy"


def proven(scale: float, distance: int) -> float:
    """Return the epsilon that a draw at `scale` spends where one child changes counts by `distance` in all (L1).

    It is what OpenDP's privacy map says, rounded up there; no formula of our own.
    """
    return float(_measurement(scale).map(distance))


def noisy(counts: Ints, scale: float) -> Ints:
    """Return whole counts, shape (n,), each with fresh noise of its own at `scale`; some come out below zero."""
    if not len(counts):
        return counts
    return np.asarray(_measurement(scale)(counts.tolist()), np.int64)


@dataclass(frozen=True)
class Spread:
    """How far numbers of one kind lie from the truth: on average, and x such that 95 % of them lie within x."""

    average: float
    margin: int


def spread(scale: float, terms: int = 1) -> Spread:
    """Return how far a sum of `terms` noisy counts lies from the truth.

    The chances of one draw fall by exp(-1/scale) a step to either side; those of a sum are their convolution.
    """
    reach = int(np.ceil(scale * (20 + 10 * terms**0.5))) + 10
    away = np.arange(-reach, reach + 1)
    chance = np.exp(-np.abs(away) / scale)
    spectrum = np.fft.rfft(np.fft.ifftshift(chance / chance.sum())) ** terms
    whole = np.fft.irfft(spectrum, 2 * reach + 1)[: reach + 1]
    within = whole[0] + 2 * np.concatenate([[0.0], np.cumsum(whole[1:])])
    average = float(2 * (whole * np.arange(reach + 1)).sum())
    return Spread(average, int(np.searchsorted(within, CERTAINTY - 1e-9)))


@cache
def _opendp() -> ModuleType:
    import opendp.prelude as dp  # noqa: PLC0415  (half a second, and only this mode needs it)

    dp.enable_features("contrib")
    return dp


def _measurement(scale: float) -> Any:
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    return dp.m.make_laplace(*space, scale=scale)
