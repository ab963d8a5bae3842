"""Scoring: Splink over the tokens of all sources. The result is pairs of record numbers with a match weight, no token.

What belongs here: the table that is scored, in which batches, and what becomes of the answer. Which engine does it, in
how much memory and with which files, is `linkage.backends`; nothing of a record but tokens is ever handed to it.
"""

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from linkage.backends import Backend, DuckDb, OutOfMemoryLimitError
from linkage.comparisons import comparisons
from linkage.model import GROUP_COLUMN, HELD_COLUMN, RECORD_COLUMN, Model
from linkage.rules import Round


@dataclass(frozen=True)
class Records:
    """The tokens of n records for linking: transient 64-bit halves.

    `group` int32 (n,): rows of one group are never compared; `held` uint64 (n,), a bit a source with one record a
    child: rows that share a bit are never compared; `tokens` uint64 (columns, n). `population`
    is how many records there are in all, of which these are the few still in question.
    """

    group: np.ndarray
    held: np.ndarray
    tokens: np.ndarray
    population: int

    def taken(self, rows: np.ndarray) -> "Records":
        """Return some of the records; all of them are not copied."""
        if len(rows) == len(self.group):
            return self
        return Records(self.group[rows], self.held[rows], self.tokens[:, rows], self.population)

    def table(self, round_: Round) -> pa.Table:
        """Return the Arrow table Splink reads; `record` is the row number."""
        columns = {name: pa.array(self.tokens[number]) for number, name in enumerate(round_.columns)}
        return pa.table(
            {
                RECORD_COLUMN: np.arange(len(self.group), dtype=np.int32),
                GROUP_COLUMN: self.group.astype(np.int32),
                HELD_COLUMN: self.held,
                **columns,
            }
        )


@dataclass(frozen=True)
class Pairs:
    """Scored pairs: record numbers left < right, and the match weight in bits, sorted by left and right."""

    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray
    levels: np.ndarray


def score(records: Records, round_: Round, model: Model, backend: Backend | None = None) -> Pairs:
    """Return every pair of records that shares an anchor, with Splink's match weight.

    Raises LinkageError where the backend is not installed or its memory limit is too small for a single block.
    """
    engine = backend or DuckDb()
    engine.sweep()
    everyone = np.arange(len(records.group))
    if len(everyone) < 2:
        return _merged([], records, round_)
    parts = engine.batches(records.tokens.nbytes)
    lists = batches(records, everyone, round_, parts) if parts > 1 else [everyone]
    found = [pairs for rows in lists for pairs in _scored(records, rows, round_, model, engine)]
    return _merged(found, records, round_)


def _scored(records: Records, rows: np.ndarray, round_: Round, model: Model, backend: Backend) -> list[Pairs]:
    """Return the pairs among some records, in halves where they need more memory than there is."""
    shapes = comparisons(round_)
    names = [f"gamma_{one.name}" for one in shapes]
    settings = model.settings(round_, records.population, show_levels=True)
    try:
        table = backend.predict(records.taken(rows).table(round_), settings, ("match_weight", *names))
    except OutOfMemoryLimitError:
        halves = batches(records, rows, round_, 2)
        if max(map(len, halves), default=0) == len(rows):
            raise
        return [pairs for half in halves for pairs in _scored(records, half, round_, model, backend)]
    left, right = (rows[table.column(f"{RECORD_COLUMN}_{side}").to_numpy()] for side in "lr")
    gammas = np.stack([table.column(name).to_numpy() for name in names], axis=1).astype(np.int16)
    levels = np.where(gammas < 0, 255, np.array([len(one.levels) - 1 for one in shapes]) - gammas).astype(np.uint8)
    return [Pairs(np.minimum(left, right), np.maximum(left, right), table.column("match_weight").to_numpy(), levels)]


def batches(records: Records, rows: np.ndarray, round_: Round, parts: int) -> list[np.ndarray]:
    """Return about `parts` lists of rows, each in order: two rows that share an anchor are in one list at least.

    Rows that share anchors get neighbouring places; every anchor goes, with all its rows, where its first place is.
    """
    anchors = records.tokens[: len(round_.anchors), rows]
    order = np.argsort(anchors, axis=1, kind="stable")
    ordered = np.take_along_axis(anchors, order, axis=1)
    begins = np.ones(anchors.shape, bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    member, start = order.ravel(), np.flatnonzero(begins)
    size = np.diff(np.append(start, len(member)))
    linked = ~begins.ravel()
    graph = coo_array((linked[linked], (member[linked], member[np.flatnonzero(linked) - 1])), shape=(len(rows),) * 2)
    place = np.empty(len(rows), np.int64)
    place[reverse_cuthill_mckee((graph + graph.T).tocsr(), symmetric_mode=True)] = np.arange(len(rows))
    batch = np.repeat(np.minimum.reduceat(place[member], start) * parts // len(rows), size)
    shared = np.repeat(size > 1, size)
    seats = np.unique(batch[shared] * len(rows) + member[shared])
    ends = np.searchsorted(seats, np.arange(1, parts) * len(rows))
    return [rows[part % len(rows)] for part in np.split(seats, ends) if len(part)]


def _merged(found: list[Pairs], records: Records, round_: Round) -> Pairs:
    """Return the pairs of all batches, each pair once, in order."""
    nothing = Pairs(*(np.empty(0, np.int64),) * 2, np.empty(0), np.empty((0, len(comparisons(round_))), np.uint8))
    left, right, weight, levels = (
        np.concatenate([getattr(one, field.name) for one in (nothing, *found)]) for field in fields(Pairs)
    )
    _, first = np.unique(left.astype(np.int64) * len(records.group) + right, return_index=True)
    return Pairs(left[first], right[first], weight[first], levels[first])
