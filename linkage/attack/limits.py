"""How much exposure a city accepts: the share of records singled out from which it is warned, or stops.

Here are only the limits and the comparison. What is measured is in the attacks, what stops is in `assets`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
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
    sent knows which. Such a share is shown and not judged; but the store at rest as a whole always is, small or not.
    Two nights' stores, side by side, are judged as a whole, by the limit of one: that one of few records is new or
    changed no encoding hides, and whose rows they are is not on the disk.
    """

    at_rest: Limit = Limit(0.001, 0.01)
    transit: Limit = Limit(0.01, 0.05)
    transcript: Limit = Limit(0.10, 0.20)
    least_records: int = 1000


@dataclass(frozen=True)
class Finding:
    """A share past a limit: of what, which source (or ``all``), the share, the limit, and whether it stops.

    `name` is the limit's own (`at_rest`, `transit`, `transcript`), as it is set in the section `exposure`.
    """

    what: str
    source: str
    singled_out: float
    limit: float
    stops: bool
    name: str

    @property
    def setting(self) -> str:
        """Return where the limit is set in `cradlepath.yaml`."""
        return f"exposure.{self.name}.{'stop' if self.stops else 'warn'}"

    def __str__(self) -> str:
        return told([self])


def told(found: Sequence[Finding]) -> str:
    """Return findings as one line, those of one limit together: the shares of each source, and where the limit is."""
    parts = []
    for (what, setting, limit), group in groupby(found, key=lambda one: (one.what, one.setting, one.limit)):
        shares = ", ".join(f"{one.source} {one.singled_out:.2%}" for one in group)
        parts.append(
            f"{what}: {shares} of records can be singled out without a key, expected at most {limit:.2%} "
            f"({setting} in cradlepath.yaml)"
        )
    return "; ".join(parts)


def findings(
    at_rest: Mapping[str, Any],
    transcripts: Sequence[Mapping[str, Any]],
    limits: Limits,
    two_nights: Sequence[Mapping[str, Any]] = (),
) -> list[Finding]:
    """Return every share past a limit: of the store (`sources`, `all`), two nights' stores, a night's transcripts."""
    found = []
    for name, figures in at_rest["sources"].items():
        found += _past(("store at rest", name, "at_rest"), figures, limits.at_rest, limits.least_records)
    found += _past(("store at rest", "all", "at_rest"), at_rest["all"], limits.at_rest, 0)
    for both in two_nights:
        found += _past(("two nights' stores", "all", "at_rest"), both["all"], limits.at_rest, limits.least_records)
    for transcript in transcripts:
        for name, figures in transcript["sources"].items():
            found += _past(("tokens in transit", name, "transit"), figures, limits.transit, limits.least_records)
        whole = ("the night's transcript", "all", "transcript")
        found += _past(whole, transcript["all"], limits.transcript, limits.least_records)
    return found


def _past(about: tuple[str, str, str], figures: Mapping[str, Any], limit: Limit, least: int) -> list[Finding]:
    """Judge one share; `about` says of what it is, of which source, and by which limit."""
    share, records = float(figures["singled_out"]), int(figures["records"])
    if records < least or share <= limit.warn:
        return []
    what, source, name = about
    stops = share > limit.stop
    return [Finding(what, source, share, limit.stop if stops else limit.warn, stops, name)]
