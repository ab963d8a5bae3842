"""Modes beside suppression: releases in which every number is shown a little changed.

What belongs here: what every mode is to the rest of the room (`Perturbation`), and which one a policy names. What
does not: how a mode draws (`rounding`, `cell_key`), what must be hidden all the same (`protect`), what a reader can
infer from a changed number (`assets.release.inferred`, the auditor's own).

A table with a `rounding` of its own (of the night, about records) keeps it in every mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Protocol

import duckdb

from assets.release.modes.budget import PrivacyRefusedError
from assets.release.modes.cell_key import CellKey
from assets.release.modes.differential import Differential
from assets.release.modes.domains import complete
from assets.release.modes.form import Setting
from assets.release.modes.rounding import RandomRounding
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.system import Bools, Floats, System
from assets.release.tables import Catalogue, PublishedTable

ROUNDING = {"round-3": 3, "round-5": 5}
EARLIER = " Rows that an earlier release showed first keep that release's form; release_log names its rule."


class Perturbation(Protocol):
    """One mode. `hides`: what must not be known under the threshold is hidden as well, and audited like it."""

    @property
    def name(self) -> str:
        """The mode, as the policy names it; the name fixes every parameter."""

    @property
    def hides(self) -> bool:
        """Whether small numbers are hidden too."""

    def shown(self, system: System, fixed: Bools) -> Floats:
        """Return the number to show for each count, shape (n,); NaN where the mode itself shows none.

        `fixed` (n,): counts whose form an earlier release settled; what is returned for them is not used. Every value
        of the system is known. Entries that are no counts, or counts of a table with its own rounding, are not used.
        """

    def behind(self, shown: Floats) -> tuple[Floats, Floats]:
        """Return the least and the greatest count that a reader must take as possible behind shown numbers."""

    def about(self, catalogue: Catalogue) -> dict[str, Any]:
        """Return what the manifest says: `name`, `says` (one sentence for people), parameters, and `loss`.

        `loss`: expected absolute change of a shown number, by table.
        """


def complete_rows(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, policy: ReleasePolicy, night: date) -> None:
    """Give tonight's tables in the schema `work` the rows that a mode shows, before their counts are read."""
    if policy.mode == "differential-privacy":
        complete(con, catalogue, night)


def refuse_rows(policy: ReleasePolicy) -> None:
    """Raise PrivacyRefusedError where rows of children may not go out beside a mode's numbers."""
    if policy.mode == "differential-privacy":
        raise PrivacyRefusedError(
            "nothing was published: a licence asks for rows of children beside counts under differential privacy, and "
            "no noise hides a child in exact rows; release the rows in a series of their own, or choose another mode"
        )


def mode_of(policy: ReleasePolicy, setting: Setting) -> Perturbation | None:
    """Return the mode that a policy names; None for suppression. Raises ReleaseError for one that is not there."""
    if policy.mode == "suppress":
        return None
    if policy.mode in ROUNDING:
        return RandomRounding(setting, ROUNDING[policy.mode], policy.threshold)
    if policy.mode == "cell-key":
        return CellKey(setting, policy.threshold)
    if policy.mode == "differential-privacy":
        return Differential(policy, setting)
    raise ReleaseError(f"release mode {policy.mode} cannot be made here; correct `mode` in the release section")


def comment(about: Mapping[str, Any], spec: PublishedTable) -> str:
    """Return what a table's comment says of the mode and what it costs; empty for a table of no or of other counts."""
    if (note := about.get("notes", {}).get(spec.name)) is not None:
        return str(note)
    if not spec.counts or spec.rounding:
        return ""
    return f"{about['says']}{_off(about, spec.name)}{EARLIER if spec.period and 'loss' in about else ''}"


def in_words(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a manifest says of its mode and its loss; nothing for one made before there were modes."""
    about = manifest.get("mode")
    if about:
        yield f"{about['name']}: {about['says']}"
        losses = about.get("loss", {})
        for loss in sorted(set(losses.values())):
            named = ", ".join(sorted(table for table, one in losses.items() if one == loss))
            yield f"a number of {named} is {loss:.2g} off on average, before any is hidden"


def _off(about: Mapping[str, Any], table: str) -> str:
    loss = about.get("loss", {}).get(table)
    return "" if loss is None else f" A number is {loss:.2g} off on average, before any is hidden."
