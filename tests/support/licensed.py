"""A night whose policy is compiled from signed agreements, over births written by hand, and the release it makes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from support.hub import Hub, table_of
from support.licences import DSA, DUL, EMOU, folder_of
from support.release_keys import FixedKeys

from assets.night import Night
from assets.outcomes.catalogue import catalogue
from assets.outcomes.definitions import linked_tables
from assets.outcomes.run import OutcomesReport, build_outcomes
from assets.release.nightly import ReleaseSettings, order_of
from assets.release.order import Order
from assets.release.policy import ReleasePolicy
from assets.spine.build import build_spine
from mou_policies.policy import compile_policy

NIGHT = date(2026, 9, 1)
MEASURES = ("low_birthweight", "preterm")
COLUMNS = ("birth_year", "birth_school_year", "sex", "birth_weight_g", "gestation_weeks", "school", "zip3", "seen")


class Keys(FixedKeys):
    """Fixed keys with what a manifest says of a key ring."""

    fingerprint = "fixed"
    mode = "hub-tokenised"


def births(children: int = 90) -> dict[str, str]:
    """Every third child is a girl, every fourth small, every fifth early."""
    lines = [
        f"c{n} | 2025 | 2025-26 | {'M' if n % 3 else 'F'} | {3400 if n % 4 else 2400} | {40 if n % 5 else 36} | "
        "Elm | 029 | 2026-01"
        for n in range(children)
    ]
    return {"birth.births": "\n".join([" | ".join(("record", *COLUMNS)), *lines])}


def night_of(root: Path, *texts: str, on: date = NIGHT, signed: bool = True, children: int = 90) -> Night:
    """Return a night over `root`, under the EMOU, the DSA and a licence, or under the texts given."""
    agreements = root / f"agreements-{len(list(root.glob('agreements-*')))}" / "agreements"
    folder_of(agreements, *(texts or (EMOU, DSA, DUL)))
    if not signed:
        (agreements / "outcomes-2026.yaml.sig.json").unlink()
    return replace(Hub(root / "state", births(children)).night(on), policy=compile_policy(agreements, on), keys=Keys())


def outcomes_of(night: Night) -> OutcomesReport:
    """Build spine and outcomes of a night; nothing was delivered to it by file."""
    build_spine(night)
    report = build_outcomes(night, only={*MEASURES, *(table.name for table in linked_tables())})
    night.paths.nights.unlink(missing_ok=True)
    return report


def order_for(night: Night, threshold: int = 10) -> Order:
    """Return what the release of a night would be made from, over the whole catalogue of outcomes."""
    return order_of(night, catalogue(), ReleaseSettings("monthly", ReleasePolicy(threshold=threshold)))


def withheld(night: Night) -> list[tuple[object, ...]]:
    """Return what the measures of MEASURES had to do without: name, effect, column, reason, clause."""
    rows = "select name, effect, column_name, reason, clause from measure_withheld order by all"
    return [row for row in table_of(night.paths.outcomes, rows) if row[0] in MEASURES]
