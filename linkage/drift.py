"""Drift: whether tonight's linked pairs still look as the model expects, by comparison, from levels alone.

The measure is the population stability index, PSI = sum((p - m) * ln(p / m)) over the levels of a comparison, with p
the share of tonight's linked pairs that show a level (Siddiqi 2006: under 0.1 no change, over 0.25 another population).
It says that something changed, not what: a source's new form, another city, or mostly families that moved.

What belongs here: the measure and its limit. What is done about it is training again, by a person's word.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from linkage.comparisons import comparisons
from linkage.evidence import MISSING
from linkage.model import Model
from linkage.model_levels import explained
from linkage.rules import ROUND

LIMIT: Final = 0.25
LEAST_PAIRS: Final = 500
"""Linked pairs that must say something in a comparison before its shares are judged, or shown at all."""

_HALF: Final = 0.5


@dataclass(frozen=True)
class Drift:
    """One comparison: its PSI against the model's m, and the level that moved most, with its share tonight."""

    comparison: str
    psi: float
    level: str
    expected: float
    found: float

    def __str__(self) -> str:
        return (
            f"{self.comparison}: PSI {self.psi:.2f}, expected at most {LIMIT}; level {self.level!r} in "
            f"{self.found:.0%} of linked pairs, the model says {self.expected:.0%}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, shares of whole percents."""
        shares = {"expected": round(self.expected, 2), "found": round(self.found, 2)}
        return {"psi": round(self.psi, 2), "level": self.level, **shares}


def measure_drift(levels: np.ndarray, model: Model) -> tuple[Drift, ...]:
    """Return the drift of every comparison that training may change and enough linked pairs say something about.

    `levels` uint8 (k, comparisons) of pairs that tonight's linking left in one child.
    """
    found = []
    for number, one in enumerate(comparisons(ROUND)):
        said = levels[levels[:, number] != MISSING, number]
        if len(said) < LEAST_PAIRS or "fixed" in explained()[one.name]:
            continue
        m = np.array([model.probabilities[one.name][level.name].m for level in one.levels])
        share = (np.bincount(said, minlength=len(m)) + _HALF) / (len(said) + _HALF * len(m))
        parts = (share - m) * np.log(share / m)
        at = int(parts.argmax())
        found.append(Drift(one.name, math.fsum(parts), one.levels[at].name, float(m[at]), float(share[at])))
    return tuple(found)


def drifted(found: tuple[Drift, ...]) -> tuple[Drift, ...]:
    """Return those past the limit."""
    return tuple(one for one in found if one.psi > LIMIT)
