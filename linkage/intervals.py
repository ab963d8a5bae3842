"""Intervals of shares."""

import math
from typing import Final

Z95: Final = 1.959964


def wilson(hits: float, total: float) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share (Wilson 1927); (0, 1) when nothing was counted.

    `hits` may be an expected count and so need not be whole.
    """
    if total <= 0:
        return 0.0, 1.0
    share, z2 = hits / total, Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)
