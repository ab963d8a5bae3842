"""What an attacker holds: tables of tokens, and which records they are about, as one graph.

A `TokenTable` is one table as it was sent or stored. Several about the same records make one `Graph` of records and
shared tokens; an edge says that a record has a token in a column. A token that nobody else has tells only that it is
there. What is done with a graph is in the modules of the attacks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from linkage.attack.words import repeated, scramble, words
from linkage.errors import LinkageError


@dataclass(frozen=True)
class TokenTable:
    """A table of tokens: `record` int64 (k,) says which record each of k rows is about, null is no token.

    `columns` holds k tokens (scalars or lists) for each column name. Columns of several tables that share a name are
    one column. `comparable` lists groups of columns whose tokens can equal one another; leaving one out flatters.
    """

    record: np.ndarray
    columns: Mapping[str, pa.Array]
    comparable: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(
        cls, tokens: pa.Table, comparable: Sequence[Sequence[str]] = (), id_column: str = "record_id"
    ) -> "TokenTable":
        """Return an Arrow table of tokens, one row a record; its id column, if it has one, is no token."""
        columns = {name: tokens.column(name) for name in tokens.column_names if name != id_column}
        return cls(np.arange(tokens.num_rows), columns, tuple(tuple(group) for group in comparable))

    def renumbered(self, number: np.ndarray) -> "TokenTable":
        """Return the rows about some records: `number` int64 is each record's new number, or -1 to leave it out."""
        new = number[self.record]
        keep = np.flatnonzero(new >= 0)
        taken = pa.array(keep)
        return TokenTable(new[keep], {name: c.take(taken) for name, c in self.columns.items()}, self.comparable)


@dataclass(frozen=True)
class Edges:
    """The shared tokens of one column: `record` and `token` int64 (e,), `once` where no record has two of them."""

    column: int
    record: np.ndarray
    token: np.ndarray
    once: bool


@dataclass(frozen=True)
class Graph:
    """Records, and the tokens that more than one edge leads to.

    `domain` uint64 (tokens,) says of which kind of value each token is. `alone` uint64 (records,) stands for the
    columns in which a record has tokens that nobody shares.
    """

    records: int
    columns: tuple[str, ...]
    edges: tuple[Edges, ...]
    domain: np.ndarray
    alone: np.ndarray

    @cached_property
    def shared(self) -> int:
        """How many tokens are shared."""
        return len(self.domain)


def graph(records: int, tables: Sequence[TokenTable]) -> Graph:
    """Return the graph of `records` records, numbered from 0, and the tokens of all tables.

    Raises LinkageError when a group of comparable columns names one that is not there.
    """
    columns = tuple(dict.fromkeys(name for table in tables for name in table.columns))
    place = {name: number for number, name in enumerate(columns)}
    alone = np.zeros(records, np.uint64)
    edges: list[Edges] = []
    domains: list[np.ndarray] = []
    first = 0
    for number, names in enumerate(_domains(columns, tables)):
        held = list(_held(names, tables))
        shared = repeated([token for _, _, token in held])
        for name, record, token in held:
            at = np.searchsorted(shared, token) if len(shared) else np.zeros(len(token), np.int64)
            again = shared[np.minimum(at, len(shared) - 1)] == token if len(shared) else np.zeros(len(token), bool)
            single = record[~again]
            np.add.at(alone, single, scramble(np.full(1, place[name], np.uint64))[0])
            if len(single) < len(record):
                edges.append(_edges(place[name], record[again], at[again] + first))
        domains.append(np.full(len(shared), number, np.uint64))
        first += len(shared)
    return Graph(records, columns, tuple(edges), np.concatenate(domains) if domains else np.empty(0, np.uint64), alone)


def _edges(column: int, record: np.ndarray, token: np.ndarray) -> Edges:
    once = bool((np.bincount(record) <= 1).all())
    return Edges(column, record, token, once)


def _domains(columns: Sequence[str], tables: Sequence[TokenTable]) -> list[list[str]]:
    """Return columns grouped by comparability; groups that share a column are one."""
    of = {name: name for name in columns}
    for group in (group for table in tables for group in table.comparable):
        if unknown := [name for name in group if name not in of]:
            raise LinkageError(f"comparable columns that are not there: {', '.join(sorted(unknown))}; name others")
        joined = {of[name] for name in group}
        of = {name: group[0] if domain in joined else domain for name, domain in of.items()}
    found: dict[str, list[str]] = {}
    for name, domain in of.items():
        found.setdefault(domain, []).append(name)
    return list(found.values())


def _held(names: Sequence[str], tables: Sequence[TokenTable]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the column, records and words of every table's part of some comparable columns."""
    parts = [(name, table) for name in names for table in tables if name in table.columns]
    found = words([table.columns[name] for name, table in parts])
    for (name, table), (rows, token) in zip(parts, found, strict=True):
        yield name, table.record[rows], token
