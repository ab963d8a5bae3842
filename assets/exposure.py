"""How exposed tonight's tokens are: measured while linking and at rest, warned of in a check, a gate before a release.

What belongs here: `state/exposure.json` (counts and shares of one night, never of a record), the check
`reidentification` and the gate. What does not: the attacks themselves and the limits' meaning (`linkage.attack`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey

from assets.night import Night
from assets.release.policy import ReleaseError
from linkage.attack import Finding, Limits, findings, measure_transcript
from linkage.attack.at_rest import Store
from linkage.attack.limits import told
from linkage.attack.nights import measure_nights
from linkage.transcript import Transcript
from linkage.vault import Vault

REIDENTIFICATION = "reidentification"
_REMEDY = "see docs/attack.md for what to do, or raise that limit with a reason"
_HOW = "run the night again: it measures whatever it links, and its store"


class ExposureError(ReleaseError):
    """The night's tokens are not measured, or say too much: nothing is published."""


class ExposureLimitError(ExposureError):
    """The night's tokens were measured and say too much: its release is refused, the rest of the night stands."""


def observer(night: Night) -> Callable[[Transcript], None]:
    """Return the `observe` of `linkage.run.link` that measures what crossed into linking and writes its figures down.

    A night that is linked in several runs keeps the figures of each; a run that linked nothing new adds none.
    """

    def observe(transcript: Transcript) -> None:
        earlier = _read(night.paths.exposure)
        same = earlier.get("night") == night.date.isoformat()
        measured = measure_transcript(transcript)
        transcripts = [*(earlier["transcripts"] if same else []), *([measured] if measured["all"]["records"] else [])]
        nights = earlier.get("two_nights", []) if same else []
        figures = {"night": night.date.isoformat(), "transcripts": transcripts, "two_nights": nights}
        _write(night.paths.exposure, figures)

    return observe


def comparer(night: Night) -> Callable[[Vault, Vault], None]:
    """Return the `compare` of `linkage.run.link`: it measures tonight's store beside last night's while both last.

    A night that is linked in several runs keeps the figures of each.
    """

    def compare(now: Vault, before: Vault) -> None:
        measured = _of_night(night)
        _write(night.paths.exposure, measured | {"two_nights": [*measured["two_nights"], measure_nights(now, before)]})

    return compare


def measure_at_rest(night: Night) -> dict[str, Any]:
    """Attack the store as tonight's linking left it, add the figures to the night's, and return all of them.

    Raises ExposureError when this night's linking was not measured.
    """
    measured = _of_night(night)
    measured |= {"links": _links(night), "at_rest": Store.of(Vault(night.paths.vault, night.keys)).measure()}
    _write(night.paths.exposure, measured)
    return measured


def reidentification_spec(asset: AssetKey) -> AssetCheckSpec:
    """Return the spec of the check on the asset that holds the links."""
    return AssetCheckSpec(
        REIDENTIFICATION,
        asset=asset,
        description="Without a key, almost no record can be singled out of the token store, of one agency's tokens in "
        "transit, or of tonight's whole transcript. docs/attack.md says what to do when it fails.",
    )


def reidentification_check(night: Night, asset: AssetKey) -> AssetCheckResult:
    """Measure the store and judge it with tonight's transcripts: WARN past a warning limit, ERROR past one that stops.

    The check stops nothing itself; the gate before a release does.
    """
    measured = measure_at_rest(night)
    found = judged(measured, night.settings.exposure)
    return AssetCheckResult(
        asset_key=asset,
        check_name=REIDENTIFICATION,
        passed=not found,
        severity=AssetCheckSeverity.ERROR if any(one.stops for one in found) else AssetCheckSeverity.WARN,
        description=f"{told(found)}; {_REMEDY}" if found else None,
        metadata={"singled out": _shares(measured)},
    )


def release_gate(night: Night) -> None:
    """Let a release pass whose night was measured and is within the limits.

    Raises ExposureError for a night without figures or figures of other links than the ledger's, ExposureLimitError for
    a share past a limit that stops.
    """
    measured = _of_night(night)
    if "at_rest" not in measured:
        raise ExposureError(f"{night.paths.exposure}: the store was not measured after linking on {night.date}; {_HOW}")
    if measured["links"] != _links(night):
        raise ExposureError(f"{night.paths.exposure}: measured other links than the ledger's; {_HOW}")
    if stopping := [one for one in judged(measured, night.settings.exposure) if one.stops]:
        raise ExposureLimitError(f"nothing was published: {told(stopping)}; {_REMEDY}, then run the night again")


def judged(measured: dict[str, Any], limits: Limits) -> list[Finding]:
    """Return every share of a night's figures past a limit."""
    return findings(measured["at_rest"], measured["transcripts"], limits, measured.get("two_nights", []))


def last_measured(path: Path) -> dict[str, Any]:
    """Return the figures of the night measured last, from its file; nothing where no night was."""
    return _read(path)


def _of_night(night: Night) -> dict[str, Any]:
    measured = _read(night.paths.exposure)
    if measured.get("night") != night.date.isoformat():
        found = f"found figures of {measured['night']}" if "night" in measured else "found no figures"
        raise ExposureError(f"{night.paths.exposure}: {found}, expected those of {night.date}; {_HOW}")
    return measured


def _links(night: Night) -> str:
    """Return a digest of the ledger's file, which changes with every change of links."""
    if not night.paths.ledger.exists():
        return ""
    with night.paths.ledger.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shares(measured: dict[str, Any]) -> dict[str, Any]:
    return {
        "store at rest": _singled_out(measured["at_rest"]),
        "last night's store beside tonight's": [_singled_out(one) for one in measured.get("two_nights", [])],
        "in transit, and the whole transcript (all)": [_singled_out(one) for one in measured["transcripts"]],
    }


def _singled_out(figures: dict[str, Any]) -> dict[str, float]:
    return {name: one["singled_out"] for name, one in [*figures["sources"].items(), ("all", figures["all"])]}


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        raise ExposureError(f"{path}: not readable as JSON; remove it, and {_HOW}") from None


def _write(path: Path, measured: dict[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
