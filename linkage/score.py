"""Scoring: Splink on DuckDB over the tokens of all sources, in memory.

The connection has no file and no folder to spill to: nothing of a record but tokens is ever in it, and tokens
do not leave memory either. The result is pairs of record numbers with a match weight, no token.
"""

import logging
from dataclasses import dataclass, replace
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from splink import DuckDBAPI, Linker

from linkage.model import RECORD_COLUMN, SINGLE_COLUMN, SOURCE_COLUMN, Model
from linkage.rules import Round

CROWDED: Final = 100
"""An anchor that more records share than this is a mistyped default, not a child: it is left out."""

_SETTINGS: Final = ("set disabled_optimizers = 'join_order'", "set preserve_insertion_order = false")


@dataclass(frozen=True)
class Records:
    """The tokens of n records for linking: transient 64-bit halves.

    `source` int16 (n,), `single` bool (n,): a source with one record a child; `tokens` uint64 (columns, n).
    `crowded` counts the anchors that were left out.
    """

    source: np.ndarray
    single: np.ndarray
    tokens: np.ndarray
    crowded: int = 0

    def uncrowded(self, round_: Round) -> "Records":
        """Return the records without the anchors that more than `CROWDED` of them share."""
        tokens, crowded = self.tokens.copy(), 0
        for row in range(len(round_.anchors)):
            _, inverse, counts = np.unique(tokens[row], return_inverse=True, return_counts=True)
            too_many = counts > CROWDED
            crowded += int(too_many.sum())
            of_record = np.flatnonzero(too_many[inverse])
            tokens[row, of_record] = of_record.astype(np.uint64)
        return replace(self, tokens=tokens, crowded=crowded)

    def table(self, round_: Round) -> pa.Table:
        """Return the Arrow table Splink reads; `record` is the row number."""
        columns = {name: pa.array(self.tokens[number]) for number, name in enumerate(round_.columns)}
        return pa.table(
            {
                RECORD_COLUMN: np.arange(len(self.source), dtype=np.int32),
                SOURCE_COLUMN: self.source.astype(np.int16),
                SINGLE_COLUMN: self.single,
                **columns,
            }
        )


@dataclass(frozen=True)
class Pairs:
    """Scored pairs: record numbers left < right, and the match weight in bits, sorted by left and right."""

    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray


def score(records: Records, round_: Round, model: Model) -> Pairs:
    """Return every pair of records that shares an anchor, with Splink's match weight."""
    table = predict(records, round_, model, ("match_weight",))
    left, right = table.column(f"{RECORD_COLUMN}_l").to_numpy(), table.column(f"{RECORD_COLUMN}_r").to_numpy()
    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low))
    return Pairs(low[order], high[order], table.column("match_weight").to_numpy()[order])


def predict(records: Records, round_: Round, model: Model, columns: tuple[str, ...]) -> pa.Table:
    """Return the given columns of Splink's prediction and the two record numbers, in no particular order."""
    table = records.table(round_)
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        for setting in _SETTINGS:
            connection.execute(setting)
        api = DuckDBAPI(connection=connection)
        linker = Linker(
            api.register(table, dataset_display_name="records"),
            model.settings(round_, len(records.source), show_levels=columns != ("match_weight",)),
            log_level=logging.ERROR,
        )
        predicted = linker.inference.predict(warning_mode="never").physical_name
        wanted = ", ".join((f"{RECORD_COLUMN}_l", f"{RECORD_COLUMN}_r", *columns))
        return connection.sql(f"select {wanted} from {predicted}").to_arrow_table()  # noqa: S608
