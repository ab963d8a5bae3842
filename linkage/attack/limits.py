"""How much exposure a city accepts: the share of records singled out from which it is warned, or stops.

Here are only the limits and the comparison. What is measured is in the attacks, what stops is in `assets`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkage.errors import LinkageError


@dataclass(frozen=True)
class Limit:
    """Shares (0..1) of records singled out: above `warn` a person is told, above `stop` nothing is published."""

    warn: float
    stop: float

    def __post_init__(self) -> None:
        if not 0 <= self.warn <= self.stop <= 1:
            raise LinkageError(
                f"exposure limits: found warn {self.warn} and stop {self.stop}, expected 0 <= warn <= stop <= 1"
            )


@dataclass(frozen=True)
class Limits:
    """The limits of the store `at_rest`, of one agency's tokens in `transit`, and of a night's whole `transcript`.

    Of fewer than `least_records` records a share says nothing about the encoding: whoever knows that one record was
    sent knows which. Such a share is shown and not judged, but for the store at rest, which always is.
    """

    at_rest: Limit = Limit(0.001, 0.01)
    transit: Limit = Limit(0.01, 0.05)
    transcript: Limit = Limit(0.10, 0.20)
    least_records: int = 1000


@dataclass(frozen=True)
class Finding:
    """A share past a limit: of what, which source (or ``all``), the share, the limit, and whether it stops."""

    what: str
    source: str
    singled_out: float
    limit: float
    stops: bool

    def __str__(self) -> str:
        return (
            f"{self.what}, {self.source}: {self.singled_out:.2%} of records can be singled out without a key, "
            f"expected at most {self.limit:.2%}"
        )


def findings(at_rest: Mapping[str, Any], transcripts: list[Mapping[str, Any]], limits: Limits) -> list[Finding]:
    """Return every share past a limit: of the store (`sources`, `all`) and of each transcript of a night."""
    found = [
        finding
        for name, figures in [*at_rest["sources"].items(), ("all", at_rest["all"])]
        for finding in _past("store at rest", name, figures, limits.at_rest, 0)
    ]
    for transcript in transcripts:
        for name, figures in transcript["sources"].items():
            found += _past("tokens in transit", name, figures, limits.transit, limits.least_records)
        found += _past("the night's transcript", "all", transcript["all"], limits.transcript, limits.least_records)
    return found


def _past(what: str, source: str, figures: Mapping[str, Any], limit: Limit, least: int) -> list[Finding]:
    share, records = float(figures["singled_out"]), int(figures["records"])
    if records < least or share <= limit.warn:
        return []
    stops = share > limit.stop
    return [Finding(what, source, share, limit.stop if stops else limit.warn, stops)]
