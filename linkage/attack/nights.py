"""Two consecutive nights of the vault, compared while the hub still has both: what a thief of two copies could tell.

A row that is byte for byte the same in both copies shows nothing new: what it shares with others was measured at rest,
either night. So only the tokens of rows that differ are looked at, as they are and as they were; every record counts.
The figures are those of `linkage.attack.at_rest.two_nights`, which compares whole copies, unless one copy shares
something by itself. Of very many differing rows a part is looked at, and how much is said. Nothing is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from linkage.attack.at_rest import BEFORE, RECORDS, comparable
from linkage.attack.structure import Exposure, class_sizes, exposure, refine
from linkage.attack.tables import TokenTable, graph

MOST_WORDS: Final = 4_000_000
"""How many 64-bit words of differing record rows are looked at, and of rows of all other files: a few seconds' worth.

About 35,000 record rows that changed in one night, or 70,000 that are new.
"""
_WINDOW: Final = 1 << 14

Columns = Mapping[str, np.ndarray]
"""Columns of one file, the first of them the key that orders it: each (rows,), or (rows, bytes)."""


class Vault(Protocol):
    """What is asked of `linkage.vault.Vault`."""

    @property
    def names(self) -> list[str]:
        """The sources, by number."""
        ...

    def files(self) -> Mapping[str, Columns]:
        """Return the columns of each file as they lie on the disk; `records` is among them."""
        ...

    def sources_of(self, at: np.ndarray) -> np.ndarray:
        """Return the numbers of the sources of the record rows at some positions."""
        ...


@dataclass(frozen=True)
class Differing:
    """Rows of one file that are not the same in both nights: positions `now` and `before`, int64, by key.

    `same` int64 says for each of `before` which of `now` has its key, -1 where none has: that row is gone.
    """

    now: np.ndarray
    before: np.ndarray
    same: np.ndarray

    @classmethod
    def of(cls, now: Columns, before: Columns) -> "Differing":
        """Compare two nights' files, a window of rows at a time; both are in the order of their keys."""
        parts = list(_windows(now, before))
        mine, theirs = (np.concatenate([np.empty(0, np.int64), *side]) for side in zip(*parts, strict=True))
        keys, old = _key(now)[mine], _key(before)[theirs]
        at = np.searchsorted(keys, old)
        known = np.zeros(len(old), bool)
        inside = at < len(keys)
        known[inside] = keys[at[inside]] == old[inside]
        return cls(mine, theirs, np.where(known, at, -1))

    @property
    def gone(self) -> np.ndarray:
        """Which of `before` are in the earlier night alone, bool."""
        return np.asarray(self.same < 0)

    def nodes(self, now: np.ndarray, first_gone: int) -> np.ndarray:
        """Return the node of each of `before`: that of its row `now`, or one of its own from `first_gone` on."""
        own = first_gone + np.cumsum(self.gone) - 1
        return np.where(self.gone, own, now[self.same]) if len(now) else own


def measure_nights(now: Vault, before: Vault) -> dict[str, Any]:
    """Return what two nights' files show side by side.

    `rows`: how many record rows are `new`, `changed`, `gone` and `same`; `words`: how many words of tokens the
    differing rows of all files hold, and how many were looked at; `sources`, `all`: exposure of all records.
    """
    files, earlier = now.files(), before.files()
    found = {name: Differing.of(files[name], earlier[name]) for name in (RECORDS, *sorted({*files} - {RECORDS}))}
    records, rows = found[RECORDS], len(_key(files[RECORDS]))
    nodes, gone = rows + int(records.gone.sum()), records.before[records.gone]
    tables, end = list(_record_tables(records, files[RECORDS], earlier[RECORDS])), nodes
    for name in (name for name in found if name != RECORDS):
        tables += _other_tables(name, found[name], (files[name], earlier[name]), end, len(found) - 1)
        end += len(found[name].now) + int(found[name].gone.sum())
    colours = refine(graph(end, comparable(tables)))
    changed = len(records.before) - len(gone)
    names = list(dict.fromkeys([*now.names, *before.names]))
    source = np.concatenate([_named(now, np.arange(rows), names), _named(before, gone, names)])
    counts = {"new": len(records.now) - changed, "changed": changed, "gone": len(gone)}
    return {
        "rows": counts | {"same": rows - len(records.now)},
        "words": {
            "differing": sum(_words_of(files[name]) * (len(one.now) + len(one.before)) for name, one in found.items()),
            "looked_at": sum(len(table.record) * len(table.columns) for table in tables),
        },
        "sources": {
            names[number]: _of(tables, np.flatnonzero(source == number), end)
            for number in sorted(np.unique(source).tolist(), key=lambda number: names[number])
        },
        "all": Exposure.of(class_sizes(colours.record[:nodes])).to_json(),
    }


def _windows(now: Columns, before: Columns) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield window by window which rows, now and before, have no equal in the other night."""
    keys, old = _key(now), _key(before)
    start = 0
    for first in range(0, max(len(keys), 1), _WINDOW):
        here = slice(first, min(first + _WINDOW, len(keys)))
        last = here.stop == len(keys)
        end = len(old) if last else start + int(np.searchsorted(old[start:], keys[here.stop - 1], side="right"))
        at = np.searchsorted(old[start:end], keys[here])
        equal = at < end - start
        rows = np.flatnonzero(equal)
        for name, column in now.items():
            kept = column[here][rows] == before[name][start:end][at[rows]]
            rows = rows[kept if kept.ndim == 1 else kept.all(axis=1)]
        equal[:] = False
        equal[rows] = True
        left = np.ones(end - start, bool)
        left[at[rows]] = False
        yield np.flatnonzero(~equal) + first, np.flatnonzero(left) + start
        start = end


def _record_tables(found: Differing, now: Columns, before: Columns) -> Iterator[TokenTable]:
    """Yield the tokens of record rows, as they are and as they were; of very many rows only the first columns."""
    most = MOST_WORDS // max(len(found.now) + len(found.before), 1)
    gone = found.nodes(found.now, len(_key(now)))
    for at, record, columns, ending in ((found.now, found.now, now, ""), (found.before, gone, before, BEFORE)):
        kept = _words(columns, at, max(most, 1))
        yield TokenTable(record, {f"{RECORDS}.{name}{ending}": pa.array(words) for name, words in kept})


def _other_tables(
    name: str, found: Differing, nights: tuple[Columns, Columns], first: int, files: int
) -> Iterator[TokenTable]:
    """Yield the same of another file, whose rows are nodes from `first` on; of very many every second, third, … row."""
    words = _words_of(nights[0]) * (len(found.now) + len(found.before)) * files
    step = -(-words // MOST_WORDS) or 1
    record = first + np.arange(len(found.now))
    gone = found.nodes(record, first + len(found.now))
    sides = ((found.now, record, nights[0], ""), (found.before, gone, nights[1], BEFORE))
    for at, node, columns, ending in sides:
        kept = _words(columns, at[::step], _words_of(columns))
        yield TokenTable(node[::step], {f"{name}.{column}{ending}": pa.array(words) for column, words in kept})


def _words(columns: Columns, at: np.ndarray, most: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the first `most` columns of words of the rows at `at`, uint64, with their names."""
    for name, column in columns.items():
        if column.ndim == 1:
            if most > 0:
                yield name, column[at]
            most -= 1
            continue
        width = min(max(most, 0), column.shape[1] // 8)
        words = np.ascontiguousarray(column[at, : 8 * width]).view("<u8")
        yield from ((f"{name}_{number}", words[:, number]) for number in range(width))
        most -= column.shape[1] // 8


def _of(tables: list[TokenTable], nodes: np.ndarray, end: int) -> dict[str, int | float]:
    """Return the exposure of the record rows at some nodes, alone."""
    number = np.full(end, -1)
    number[nodes] = np.arange(len(nodes))
    return exposure(len(nodes), comparable([table.renumbered(number) for table in tables])).to_json()


def _named(vault: Vault, at: np.ndarray, names: list[str]) -> np.ndarray:
    """Return the sources of record rows, int64, by their number in `names`."""
    number = np.array([names.index(name) for name in vault.names], np.int64)
    return number[vault.sources_of(at)] if len(at) else np.empty(0, np.int64)


def _key(columns: Columns) -> np.ndarray:
    return next(iter(columns.values()))


def _words_of(columns: Columns) -> int:
    return sum(1 if column.ndim == 1 else column.shape[1] // 8 for column in columns.values())
