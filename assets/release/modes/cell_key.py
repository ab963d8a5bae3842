"""Cell-key perturbation: to every count a small noise that its own children decide, in every table and every release.

What belongs here: the table of noise, its look-up by the key of a cell's children, and what the mode says. What does
not: the keys (`assets.outcomes.child_keys`), what must be hidden beside (`protect`).

The noise lies in -D..D, has mean 0 and variance V and otherwise the most entropy that these allow, so that its
probabilities are proportional to exp(-a d^2) (Giessing, Computational issues in the design of transition probabilities
and disclosure risk estimation for additive noise, PSD 2016, which others solve with a solver; the method: Fraser and
Wooton 2005, and the Australian Bureau of Statistics' TableBuilder). 0 stays 0. Changed numbers up to t - 1 + D are not
shown, so a shown number never stands for a count below t; counts for which the usual tables need extra rows (no number
below 0, none of 1..js) are all below that and hidden.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import brentq

from assets.release.modes.draws import draws
from assets.release.modes.form import Setting
from assets.release.policy import ReleaseError
from assets.release.system import Bools, Floats, Kind, System
from assets.release.tables import Catalogue

DEVIATION = 5
VARIANCE = 4.0
"""D and V: a project choice, the variance of random rounding to base 5. The mode's name fixes them."""


class CellKey:
    """Cell-key perturbation under the threshold t."""

    name = "cell-key"
    hides = True

    def __init__(self, setting: Setting, threshold: int) -> None:
        self._setting = setting
        self.hidden_up_to = threshold - 1 + DEVIATION

    def shown(self, system: System, fixed: Bools) -> Floats:
        """Return each count with its noise, shape (n,); NaN where the number is too small to show.

        Raises ReleaseError naming a table whose children the outcomes give no key for.
        """
        drawn, keyed = draws(self._setting.con, system, self._setting.keys.derive("release.cell-key.noise"))
        _require(system, keyed | fixed | (system.values == 0))
        out = system.values + np.where(system.values == 0, 0, noise(drawn))
        out[(system.values != 0) & (out <= self.hidden_up_to)] = np.nan
        return np.asarray(out, np.float64)

    def behind(self, shown: Floats) -> tuple[Floats, Floats]:
        """Return the least and the greatest count behind shown numbers."""
        reach = np.where(shown == 0, 0, DEVIATION)
        return shown - reach, shown + reach

    def about(self, catalogue: Catalogue) -> dict[str, Any]:
        """Return what the manifest says."""
        loss = float(np.abs(np.arange(-DEVIATION, DEVIATION + 1)) @ probabilities())
        return {
            "name": self.name,
            "says": f"Counts are changed by up to {DEVIATION}, the same children always alike, small ones are hidden, "
            "and 0 is 0; rows do not add up to their totals.",
            "deviation": DEVIATION,
            "variance": VARIANCE,
            "least_shown": self.hidden_up_to + 1,
            "loss": {spec.name: loss for spec in catalogue.tables if spec.counts and not spec.rounding},
        }


@cache
def probabilities() -> Floats:
    """Return the probabilities of the noise -D..D, shape (2 D + 1,): most entropy with mean 0 and variance V."""
    step = np.arange(-DEVIATION, DEVIATION + 1.0)

    def weights(a: float) -> Floats:
        raw = np.exp(-a * step**2)
        return np.asarray(raw / raw.sum(), np.float64)

    a = brentq(lambda one: float(weights(one) @ step**2) - VARIANCE, 0.0, 50.0, xtol=1e-15)
    return weights(float(a))


def noise(draw: Floats) -> Floats:
    """Return the noise that draws of 0..1 stand for, by the cumulative table."""
    cuts = np.cumsum(probabilities())[:-1]
    return np.asarray(np.searchsorted(cuts, draw, side="right") - DEVIATION, np.float64)


def _require(system: System, known: Bools) -> None:
    for block in system.blocks:
        span = slice(block.offset, block.offset + block.rows * len(block.spec.counts))
        if not block.spec.rounding and not (known | (system.kind != Kind.COUNT))[span].all():
            raise ReleaseError(
                f"table {block.spec.name} has counts without a key of their children, which the mode cell-key needs; "
                "run the night again, or choose another mode"
            )
