"""Scoring: Splink on DuckDB over the tokens of all sources, in memory.

The connection has no file and no folder to spill to: nothing of a record but tokens is ever in it, and tokens
do not leave memory either. The result is pairs of record numbers with a match weight, no token.
"""

import logging
from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from splink import DuckDBAPI, Linker

from linkage.comparisons import comparisons
from linkage.model import GROUP_COLUMN, HELD_COLUMN, RECORD_COLUMN, Model
from linkage.rules import Round

_SETTINGS: Final = ("set disabled_optimizers = 'join_order'", "set preserve_insertion_order = false")


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


def score(records: Records, round_: Round, model: Model) -> Pairs:
    """Return every pair of records that shares an anchor, with Splink's match weight."""
    shapes = comparisons(round_)
    names = [f"gamma_{one.name}" for one in shapes]
    table = predict(records, round_, model, ("match_weight", *names))
    left, right = table.column(f"{RECORD_COLUMN}_l").to_numpy(), table.column(f"{RECORD_COLUMN}_r").to_numpy()
    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low))
    gammas = np.stack([table.column(name).to_numpy() for name in names], axis=1)[order].astype(np.int16)
    levels = np.where(gammas < 0, 255, np.array([len(one.levels) - 1 for one in shapes]) - gammas).astype(np.uint8)
    return Pairs(low[order], high[order], table.column("match_weight").to_numpy()[order], levels)


def predict(records: Records, round_: Round, model: Model, columns: tuple[str, ...]) -> pa.Table:
    """Return the given columns of Splink's prediction and the two record numbers, in no particular order."""
    table = records.table(round_)
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        for setting in _SETTINGS:
            connection.execute(setting)
        api = DuckDBAPI(connection=connection)
        linker = Linker(
            api.register(table, dataset_display_name="records"),
            model.settings(round_, records.population, show_levels=columns != ("match_weight",)),
            log_level=logging.ERROR,
        )
        predicted = linker.inference.predict(warning_mode="never").physical_name
        wanted = ", ".join((f"{RECORD_COLUMN}_l", f"{RECORD_COLUMN}_r", *columns))
        return connection.sql(f"select {wanted} from {predicted}").to_arrow_table()  # noqa: S608
