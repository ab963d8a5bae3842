"""The form of a file of rows: its name, its columns and what a manifest says of it.

What belongs here: what those who write a file of rows and those who attack it must agree on. What does not: any rule.

A file holds one table, one row a child and year: `child` (a random id, the same in all rows of a child and in no other
file), `period`, quasi-identifiers as text, outcomes as Yes, No or Unknown (not counted by the measure).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.release.folder import StoredRelease

ROWS = "rows.duckdb"
YES, NO, UNKNOWN = "Yes", "No", "Unknown"
ENTRY = "rows"
"""Key of a manifest: one entry for each licence that asks for rows; `refused` says why there are none."""


@dataclass(frozen=True)
class Outcome:
    """An outcome column and the measure whose numerator it is."""

    column: str
    measure: str
    version: str


def column_of(measure: str, version: str) -> str:
    """Return the name of the column of a measure's outcome."""
    return re.sub(r"[^a-z0-9]+", "_", f"{measure} {version}".lower()).strip("_")


@dataclass(frozen=True)
class RowFile:
    """A file of rows on disk, and what its manifest says of it."""

    path: Path
    about: Mapping[str, Any]

    @property
    def table(self) -> str:
        """Name of its table."""
        return str(self.about["table"])

    @property
    def quasi(self) -> tuple[str, ...]:
        """Its quasi-identifiers beside `period`."""
        return tuple(item["name"] for item in self.about["quasi"])

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Its outcomes."""
        return tuple(Outcome(**item) for item in self.about["outcomes"])

    @property
    def counted(self) -> tuple[Outcome, ...]:
        """The outcomes that can be counted in it: its own, and those that it shows as quasi-identifiers."""
        return (*self.outcomes, *(Outcome(**item) for item in self.about["declared"]))


def row_files(releases: Sequence[StoredRelease]) -> tuple[RowFile, ...]:
    """Return the files of rows of releases."""
    return tuple(
        RowFile(release.path / ROWS, entry)
        for release in releases
        for entry in release.manifest.get(ENTRY, [])
        if "refused" not in entry
    )
