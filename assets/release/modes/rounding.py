"""Random rounding to base 3 or 5: every count becomes one of its two neighbours among the multiples of the base.

What belongs here: the draw, the cut below which nothing is shown, and what the mode says. What does not: what must be
hidden beside (`protect`), what a reader infers (`assets.release.inferred`).

A multiple of the base stays; a remainder r goes up with probability r / base, so that the expected number is the count
(Fellegi, Controlled random rounding, Survey Methodology 1, 1975; Stats NZ, census confidentiality rules, RR3 [V]).
Rounding alone does not keep small counts from a reader: a 5 among fives stands for 1 to 9. So a rounded number up to
the first multiple that is not below t - 1 is not shown. A shown number then never stands for a count below t, a hidden
one may stand for one of t or more, and a shown 0 is a true 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assets.release.modes.draws import draws
from assets.release.modes.form import Setting
from assets.release.system import Bools, Floats, System
from assets.release.tables import Catalogue


class RandomRounding:
    """Random rounding to `base` under the threshold t."""

    hides = True

    def __init__(self, setting: Setting, base: int, threshold: int) -> None:
        self._setting, self._base = setting, base
        self.name = f"round-{base}"
        self.hidden_up_to = -(-(threshold - 1) // base) * base

    def shown(self, system: System, fixed: Bools) -> Floats:
        """Return each count rounded, shape (n,); NaN where the rounded number is too small to show."""
        drawn, _ = draws(self._setting.con, system, self._setting.keys.derive("release.rounding"))
        out = rounded(system.values, drawn, self._base)
        out[(system.values != 0) & (out <= self.hidden_up_to)] = np.nan
        return out

    def behind(self, shown: Floats) -> tuple[Floats, Floats]:
        """Return the least and the greatest count behind shown numbers."""
        reach = np.where(shown == 0, 0, self._base - 1)
        return shown - reach, shown + reach

    def about(self, catalogue: Catalogue) -> dict[str, Any]:
        """Return what the manifest says."""
        loss = (self._base**2 - 1) / (3 * self._base)
        return {
            "name": self.name,
            "says": f"Counts are rounded at random to a multiple of {self._base}, small ones are hidden, and 0 is 0; "
            "rows do not add up to their totals.",
            "base": self._base,
            "least_shown": self.hidden_up_to + self._base,
            "loss": {spec.name: loss for spec in catalogue.tables if spec.counts and not spec.rounding},
        }


def rounded(values: Floats, draw: Floats, base: int) -> Floats:
    """Return whole numbers rounded to a multiple of `base`: up where a draw of 0..1 is below remainder / base."""
    remainder = np.mod(values, base)
    return np.asarray(values - remainder + np.where(draw < remainder / base, base, 0), np.float64)
