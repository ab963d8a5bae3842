"""What crossed into linking in one night, round by round: the thing an eavesdropper would have seen.

Held in memory while linking runs, for those who measure it (`linkage.attack`), then forgotten.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sent:
    """Token columns of one round.

    `record` int64 (k,) says whose row each of k rows is (a row of `Transcript.source`); `columns` names c columns;
    `tokens` uint64 (c, k); `present` bool (c, k): whether a token was sent at all (padding counts as sent);
    `comparable` lists groups of columns, by number, whose tokens can equal one another.
    """

    round_id: str
    record: np.ndarray
    columns: tuple[str, ...]
    tokens: np.ndarray
    present: np.ndarray
    comparable: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Transcript:
    """All rounds of one night: `sources` names, `source` int16 (n,) of each record, what was `sent`."""

    sources: tuple[str, ...]
    source: np.ndarray
    sent: tuple[Sent, ...]
