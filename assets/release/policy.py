"""The rule of a release: from which count on a number may be shown, and what else is hidden.

What belongs here: the thresholds as plain data, their limits and their form as JSON in a manifest, and the
errors of this room. What does not: who agreed to them (the release section of an agreement), how they are
applied (`sensitivity`, `suppress`, `audit`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Switch = Literal["shown", "hidden"]


class ReleaseError(Exception):
    """A release that cannot be built, read or trusted; one line: what was found, where, and what to do."""


@dataclass(frozen=True)
class ReleasePolicy:
    """What counts may be shown.

    `threshold` t: a count of 1..t-1 is never shown or derivable (10; 11 where CMS data flow in).
    `zeros`: whether a count of 0 may be shown (CMS: yes; UK LLC: no).
    `certain`: whether a rate of exactly 0 % or 100 % may be shown: it tells an attribute of every child of
    the group at any size, so by default its numerator is hidden. Sources: reference page on disclosure
    control.
    """

    threshold: int = 10
    zeros: Switch = "shown"
    certain: Switch = "hidden"

    def __post_init__(self) -> None:
        if self.threshold < 3:
            raise ReleaseError(
                f"release threshold is {self.threshold}, expected 3 or more; "
                "set it in the release section of the workspace or the agreement"
            )
        if self.zeros not in ("shown", "hidden") or self.certain not in ("shown", "hidden"):
            raise ReleaseError("release switches `zeros` and `certain` take 'shown' or 'hidden'; correct them")

    @property
    def name(self) -> str:
        """A name for people and for the certificate."""
        return f"threshold-{self.threshold}/zeros-{self.zeros}/certain-{self.certain}"

    def to_json(self) -> dict[str, Any]:
        """Return the policy as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReleasePolicy:
        """Read what `to_json` wrote. Raises ReleaseError for an unknown or missing entry."""
        try:
            return cls(**data)
        except TypeError:
            raise ReleaseError(
                f"release policy has entries {sorted(data)}, expected threshold, zeros, certain; correct them"
            ) from None
