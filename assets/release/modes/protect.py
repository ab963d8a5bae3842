"""What a release shows of each count, and what it hides: suppression alone, or a mode and suppression within its room.

What belongs here: putting together what earlier releases settled, what the mode draws, and what must be hidden all
the same. A number that is shown changed is not known, so the search for complements may count on its room. What does
not: the draw (`modes`), the search (`suppress`), the judgement (`audit`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.release.coding import Labels
from assets.release.modes import Perturbation, mode_of
from assets.release.modes.form import Setting
from assets.release.policy import ReleasePolicy
from assets.release.sensitivity import Demands, demands
from assets.release.suppress import Suppression, suppress
from assets.release.system import Bools, Floats, Kind, System, by_rule, rules_of
from assets.release.tables import Catalogue
from assets.release.working import bounds_told, frozen, published_as

SUPPRESSION: dict[str, Any] = {
    "name": "suppress",
    "says": "Small counts, and what would give them away, are hidden; every number shown is exact.",
}


@dataclass(frozen=True)
class Protected:
    """What to show, all of shape (n,): `hidden` counts, the `shown` number of the others (NaN for no count).

    `changed`: counts whose shown number is not the count itself, so that the annex keeps it. `demands`: what was
    protected. `coded`: bounds of percentages told beside hidden numerators, None where no rule codes any.
    """

    hidden: Bools
    shown: Floats
    changed: Bools
    demands: Demands
    coded: Labels | None = None


class Protector:
    """Protects one system under one policy; the mode draws once, what is hidden may widen with each audit."""

    def __init__(
        self, setting: Setting, system: System, policy: ReleasePolicy, before: Mapping[str, ReleasePolicy]
    ) -> None:
        self._system, self._policy, self._before = system, policy, before
        self._published, self._withheld = frozen(setting.con, system)
        self._told = bounds_told(setting.con, system)
        settled = self._published | self._withheld
        policies, index = by_rule(system, policy, before)
        modes = [mode_of(one, setting) for one in policies]
        self._mode = modes[0]
        self._shown = np.where(system.kind == Kind.COUNT, system.values, np.nan)
        if self._mode is not None:
            drawn = self._mode.shown(system, settled)
            self._shown = np.where(_own_form(system) | settled, self._shown, drawn)
        self._shown = np.where(settled, published_as(setting.con, system), self._shown)
        self._changed, self._room = _changed(system, modes, index, self._shown)

    def protect(self, stricter: Mapping[int, int]) -> Protected:
        """Return what to show; `stricter`: what an audit found too narrow, by how much."""
        system, nothing = self._system, np.isnan(self._shown) & (self._system.kind == Kind.COUNT)
        withheld = self._withheld | nothing
        if self._mode is None or self._mode.hides:
            found = suppress(
                system,
                self._policy,
                self._published,
                withheld,
                stricter,
                before=self._before,
                room=self._room,
                told=self._told,
            )
        else:
            rules = rules_of(system, self._policy, self._before)
            told = self._told if (self._told != "").any() else None
            found = Suppression(withheld, demands(system, rules, self._published), 0, coded=told)
        return Protected(found.hidden, self._shown, self._changed & ~found.hidden, found.demands, found.coded)

    @property
    def draw(self) -> bytes:
        """The sealed draw that goes with the release, empty in modes that draw nothing."""
        return getattr(self._mode, "sealed", b"")

    def about(self, catalogue: Catalogue) -> dict[str, Any]:
        """Return what the manifest says of the mode."""
        return dict(SUPPRESSION) if self._mode is None else self._mode.about(catalogue)


def _own_form(system: System) -> Bools:
    """Return the counts, shape (n,), of tables that are rounded in every mode."""
    out = np.zeros(len(system.values), bool)
    for block in system.blocks:
        if block.spec.rounding:
            out[block.offset : block.offset + block.rows * len(block.spec.counts)] = True
    return out


def _changed(
    system: System, modes: list[Perturbation | None], index: np.ndarray, shown: Floats
) -> tuple[Bools, tuple[Floats, Floats]]:
    """Return which counts are shown changed, and how far below and above its value each could lie, all (n,)."""
    changed = np.zeros(len(shown), bool)
    down, up = np.zeros(len(shown)), np.zeros(len(shown))
    counts = (system.kind == Kind.COUNT) & ~_own_form(system) & ~np.isnan(shown)
    for number, mode in enumerate(modes):
        if mode is not None:
            mine = counts & (index == number)
            low, high = mode.behind(shown[mine])
            changed[mine] = True
            down[mine] = np.maximum(system.values[mine] - low, 0)
            up[mine] = np.maximum(high - system.values[mine], 0)
    return changed, (down, up)
