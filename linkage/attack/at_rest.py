"""What a thief of the hub's disk holds: the vault's files as tables of tokens, one night's or two nights'.

A thief sees fixed rows of numbers and some sealed files. Any number of any table is taken to be comparable with any
other, because nothing tells the thief that it is not. Two nights are joined row by row by the first column of each
table, which is the key that orders it. Which files there are is `linkage.vault`; nothing here has a key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from linkage.attack.frequency import frequency
from linkage.attack.known_pairs import known_pairs
from linkage.attack.structure import Colours, Exposure, exposure, refine
from linkage.attack.tables import Graph, TokenTable, graph

RECORDS: Final = "records"
"""The table of `linkage.vault.Vault.tables` that has one row a record; all others are of unknown owners."""

BEFORE: Final = "_before"
"""What the columns of the earlier of two nights end in."""


class StoredRows(Protocol):
    """What is asked of `linkage.vault.Stored`: the source of each row, by number."""

    @property
    def source(self) -> np.ndarray:
        """Shape (n,)."""
        ...


class Vault(Protocol):
    """What is asked of `linkage.vault.Vault`."""

    @property
    def names(self) -> list[str]:
        """The sources, by number."""
        ...

    def tables(self) -> dict[str, pa.Table]:
        """Return what a thief of the disk sees."""
        ...

    def stored(self, at: np.ndarray) -> StoredRows:
        """Return whose rows of the table `records` lie at the given positions."""
        ...


@dataclass(frozen=True)
class Store:
    """The tables of a store, and which source each row of `records` is of: `sources` names, `source` int (n,).

    Whose rows they are is not on the disk for a thief to read: it is used only to give figures by source.
    """

    tables: Mapping[str, pa.Table]
    sources: tuple[str, ...] = ()
    source: np.ndarray | None = None

    @classmethod
    def of(cls, vault: Vault) -> "Store":
        """Return a vault as its files are, with the source of every row."""
        tables = vault.tables()
        return cls(tables, tuple(vault.names), vault.stored(np.arange(tables[RECORDS].num_rows)).source)

    @cached_property
    def seen(self) -> "Seen":
        """What the tables show, all columns in one graph."""
        parts, start, places = [], 0, {}
        for name, table in self.tables.items():
            places[name] = slice(start, start + table.num_rows)
            parts.append(_part(name, table, np.arange(table.num_rows) + start))
            start += table.num_rows
        tokens = graph(start, comparable(parts))
        return Seen(tokens, refine(tokens), places)

    def measure(self) -> dict[str, Any]:
        """Return the exposure of the records: `sources` (the rows of each alone), `all` in all tables, and the rest.

        `tables` are the rows of each table, `shared_between_tables` the values that would join rows of two of them;
        `frequency` and `known_pairs` are of the records.
        """
        sizes, records = self.seen.colours.sizes, self.seen.places.get(RECORDS, slice(0, 0))
        tables = {name: Exposure.of(sizes[place]).to_json() for name, place in self.seen.places.items()}
        return {
            "sources": {self.sources[number]: self._of_source(number) for number in self.numbers},
            "all": Exposure.of(sizes[records]).to_json(),
            "tables": tables,
            "shared_between_tables": self._joining(),
            "frequency": frequency(self.seen.tokens, self.seen.colours, records),
            "known_pairs": known_pairs(self.seen.tokens, among=records),
        }

    @property
    def numbers(self) -> list[int]:
        """The sources that have rows, by number, in the order of their names."""
        present = [] if self.source is None else np.unique(self.source[self.source >= 0]).tolist()
        return sorted(present, key=lambda number: self.sources[number])

    def rows_of(self, number: int) -> pa.Table:
        """Return the rows of one source, by its number."""
        if self.source is None:
            return self.tables[RECORDS].slice(0, 0)
        return self.tables[RECORDS].take(pa.array(np.flatnonzero(self.source == number)))

    def _joining(self) -> int:
        """Count the values that rows of two tables hold."""
        tokens = self.seen.tokens
        held = np.zeros((len(self.tables), tokens.shared), bool)
        for number, name in enumerate(self.tables):
            for edges in tokens.edges:
                if tokens.columns[edges.column].startswith(f"{name}."):
                    held[number, edges.token] = True
        return int((held.sum(axis=0) > 1).sum())

    def _of_source(self, number: int) -> dict[str, int | float]:
        rows = self.rows_of(number)
        return exposure(rows.num_rows, comparable([_part(RECORDS, rows, np.arange(rows.num_rows))])).to_json()


@dataclass(frozen=True)
class Seen:
    """The graph of a store, its colours, and which of its nodes are the rows of which table."""

    tokens: Graph
    colours: Colours
    places: Mapping[str, slice]


def two_nights(now: Store, before: Store) -> Store:
    """Return both nights' stores as one: rows of the same key are one row, with the columns of both.

    A row of one night only has no token of the other: that it is new, or gone, shows.
    """
    tables, numbers = {}, None
    for name in dict.fromkeys([*now.tables, *before.tables]):
        tables[name], at = _joined(now.tables.get(name), before.tables.get(name))
        if name == RECORDS:
            numbers = _sources(now, before, at)
    names = tuple(dict.fromkeys([*now.sources, *before.sources]))
    return Store(tables, names, numbers)


def comparable(parts: list[TokenTable]) -> list[TokenTable]:
    """Return the same tables with all columns of all of them declared comparable."""
    names = tuple(dict.fromkeys(name for part in parts for name in part.columns))
    return [TokenTable(part.record, part.columns, (names,)) for part in parts]


def _part(name: str, table: pa.Table, record: np.ndarray) -> TokenTable:
    return TokenTable(record, {f"{name}.{column}": table.column(column) for column in table.column_names})


@dataclass(frozen=True)
class _At:
    """Where each joined row is now and was before, int64, -1 where it is not."""

    now: np.ndarray
    before: np.ndarray


def _joined(now: pa.Table | None, before: pa.Table | None) -> tuple[pa.Table, _At]:
    nights = [table if table is not None else pa.table({}) for table in (now, before)]
    keys = [table.column(0).to_numpy() if table.num_columns else np.empty(0, np.uint64) for table in nights]
    both = np.union1d(*keys)
    places, columns = [], {}
    for table, own, ending in zip(nights, keys, ("", BEFORE), strict=True):
        at = np.full(len(both), -1)
        at[np.searchsorted(both, own)] = np.arange(len(own))
        places.append(at)
        for name in table.column_names:
            columns[f"{name}{ending}"] = table.column(name).take(pa.array(at, mask=at < 0))
    return pa.table(columns), _At(*places)


def _sources(now: Store, before: Store, at: _At) -> np.ndarray:
    names = list(dict.fromkeys([*now.sources, *before.sources]))
    of = np.full(len(at.now), -1)
    for store, rows in ((before, at.before), (now, at.now)):
        if store.source is not None:
            renamed = np.array([names.index(name) for name in store.sources], np.int64)
            of[rows >= 0] = renamed[store.source[rows[rows >= 0]]]
    return of
