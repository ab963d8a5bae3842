"""What a mode may draw on: tonight's tables, the keys, the series, the night.

What belongs here: plain values that every mode is made with. What does not: any mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import duckdb

from assets.release.modes.budget import Account


class Derives(Protocol):
    """What a mode needs of a key ring."""

    def derive(self, use: str, length: int = 32) -> bytes:
        """Return the key of one use."""


@dataclass(frozen=True)
class Setting:
    """What a mode may draw on: `con` with tonight's tables in the schema `work`, the keys, the series, the night.

    `account`: where the budget of differential privacy is kept. `may_draw`: whether it may spend, or only look up what
    was drawn before.
    """

    con: duckdb.DuckDBPyConnection
    keys: Derives
    releases: Path
    night: date
    account: Account | None = None
    may_draw: bool = True
