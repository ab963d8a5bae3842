"""The mode `differential-privacy`: each draw once, paid for from the budget of the series, before anything is shown.

The draw of a release is planned, known again by its inputs or made and paid for in one transaction of the registry, and
only then shown. So nobody can see two draws for the same numbers, however often a night is run. What each crash leaves
is a table in docs/adr/0015-differential-privacy.md.

What belongs here: the mode as the rest of the room sees it. What does not: how much noise (`spending`), which rows
(`domains`), the ledger (`budget`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assets.release.manifest import AUDITOR_KEY
from assets.release.modes import kept
from assets.release.modes.budget import NotDrawnError, carried, take
from assets.release.modes.domains import left_out
from assets.release.modes.form import Setting
from assets.release.modes.noise import mechanism
from assets.release.modes.shared import new_counts
from assets.release.modes.spending import Plan, clamped, draw, plan
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.system import Bools, Floats, System
from assets.release.tables import Catalogue, PublishedTable
from consent.privacy import Ask, Spend, parts_down, shown

UNIT = "a child of the city with all its records; two cities are neighbours when one has one child more"


class Differential:
    """The mode for one release under `policy`; what it shows is drawn when it is first asked for."""

    name = "differential-privacy"
    hides = False

    def __init__(self, policy: ReleasePolicy, setting: Setting) -> None:
        self._policy, self._setting = policy, setting
        self._plan: Plan | None = None
        self._spend: Spend | None = None

    @property
    def sealed(self) -> bytes:
        """The draw under the auditor's key, empty where nothing was drawn: it goes with the release."""
        return self._spend.sealed if self._spend else b""

    def shown(self, system: System, fixed: Bools) -> Floats:
        """Return the number to show for each new count, shape (n,), NaN for others.

        Raises ReleaseError where the budget does not allow it, or the draw was not to be made.
        """
        self._plan = plan(system, self._policy)
        if not self._plan.parts:
            return np.full(len(system.values), np.nan)
        setting, planned = self._setting, self._plan
        if setting.account is None and not setting.may_draw:
            raise NotDrawnError("there is no registry to look a draw up in, and none may be made")
        if setting.account is None or self._policy.budget is None:
            raise ReleaseError(
                "differential privacy needs the registry, which keeps the budget of the series; run it in a workspace"
            )
        key = setting.keys.derive(AUDITOR_KEY)
        ask = Ask(
            night=setting.night.isoformat(),
            inputs=kept.inputs_digest(system, planned, setting.keys.derive("release.draw")),
            epsilon=planned.parts,
            budget=parts_down(self._policy.budget),
            clause=setting.account.clause,
            mechanism=mechanism(),
            carried=frozenset(carried(setting.releases)),
        )

        def drawn() -> bytes:
            return kept.sealed(system, draw(system, planned), key)

        self._spend = take(setting.account, ask, drawn, may_draw=setting.may_draw)
        raw = kept.laid_out(system, kept.opened(self._spend.sealed, key))
        return np.where(new_counts(system), clamped(system, raw), np.nan)

    def behind(self, shown: Floats) -> tuple[Floats, Floats]:
        """Return the box of a noisy count: noise has no bound, so any count may stand behind it."""
        return np.zeros(len(shown)), np.full(len(shown), 10.0 * (shown.max(initial=0.0) + 100.0))

    def about(self, catalogue: Catalogue) -> dict[str, Any]:
        """Return what the manifest says of the mode; `privacy` is the proof and the account."""
        errors = self._plan.errors if self._plan else {}
        absent = left_out(self._setting.con, catalogue)
        return {
            "name": self.name,
            "says": self._says(),
            "loss": {table: max(one.average for one in counts.values()) for table, counts in sorted(errors.items())},
            "notes": {spec.name: self._note(spec, absent) for spec in catalogue.tables if spec.counts},
            "privacy": self._privacy(errors, absent),
        }

    def _says(self) -> str:
        noise = (
            "Every count that this release shows first has random noise (differential privacy), so small numbers are "
            "shown, none is exact, and parts do not add up to their totals."
        )
        if self._spend is None:
            return f"{noise} Nothing new is shown, so nothing was spent."
        one = self._spend
        return (
            f"{noise} It spends an epsilon of {shown(one.epsilon)}; the series has spent {shown(one.cumulative)} of "
            f"{shown(one.budget)}."
        )

    def _note(self, spec: PublishedTable, absent: tuple[str, ...]) -> str:
        if spec.name in absent:
            return "Shows nothing new in a release under differential privacy."
        errors = self._plan.errors.get(spec.name, {}) if self._plan else {}
        within = ", ".join(f"{count} within {one.margin:,}" for count, one in errors.items())
        said = f" 95 % of the numbers lie near the truth: {within}." if within else ""
        return (
            f"Counts have random noise (differential privacy); parts do not add up.{said} Rows that an earlier release "
            "showed first keep that release's form; release_log names its rule."
        )

    def _privacy(self, errors: Any, absent: tuple[str, ...]) -> dict[str, Any]:
        planned, one = self._plan, self._spend
        return {
            "unit": UNIT,
            "mechanism": mechanism(),
            "draw": one.draw if one else None,
            "epsilon": shown(one.epsilon) if one else "0",
            "cumulative": shown(one.cumulative) if one else None,
            "budget": shown(one.budget if one else parts_down(self._policy.budget or 0)),
            "clause": one.clause if one else None,
            "tables": {name: vars(table) for name, table in sorted(planned.tables.items())} if planned else {},
            "margins": {table: {c: s.margin for c, s in counts.items()} for table, counts in sorted(errors.items())},
            "left_out": list(absent),
        }
