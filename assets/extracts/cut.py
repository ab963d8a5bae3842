"""A raw delivery cut into splits, table by table: what a hub stages and what an agency seals, in the same order.

Tables that define records are read first, then those that refer to them; fact tables are streamed, and only tables
that an exclusion needs whole are held. Raw identifiers are in memory here, in `assets.extracts.split`, and nowhere
else. Needs neither a store nor a workspace. What a hub does with the events is `assets.extracts.unit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.births import Births
from assets.extracts.columns import RECORD_KEY, ROW_KEY, SEQUENCE, as_record_keys, combined
from assets.extracts.delivery import ROW, Batch, Delivery, Mode
from assets.extracts.exclusions import Excluded, find_excluded, held_tables
from assets.extracts.keyed import KeyedDigests
from assets.extracts.outcome import FINDINGS, Split
from assets.extracts.references import Shape, shape_of
from assets.extracts.split import Splitter
from assets.extracts.terms import Terms
from assets.extracts.treat import BIRTH_CLASS
from linkage.identifiers import IDENTIFIERS
from mou_policies.model import SourcePolicy, TablePolicy

Place = tuple[str, str]
"""A file and a table."""

Policies = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Begins:
    """A table begins; `columns` are those of its staged rows, of which there are none here."""

    table: str
    columns: pa.Table


@dataclass(frozen=True)
class Piece:
    """One batch of a table from one file: how many rows were read, and what they came to."""

    table: str
    file: str
    rows: int
    split: Split


@dataclass(frozen=True)
class Ends:
    """A table is over; `repeated` (int64) are rows, by `__seq`, whose key an earlier row of a linking table has."""

    table: str
    repeated: pa.Array


Event = Begins | Piece | Ends


class Cutting(Protocol):
    """Whatever brings the splits of one delivery: read here from raw files, or made at an agency.

    `excluded` holds from the first event on; counts are complete when the events are over.
    """

    mode: Mode
    tables: tuple[str, ...]
    excluded: Excluded

    def events(self) -> Iterator[Event]:
        """Yield the tables one by one: how each begins, its pieces, how it ends."""
        ...

    def rows_read(self) -> Mapping[Place, int]:
        """Return the rows met, usable or not."""
        ...

    def problems(self, place: Place) -> pa.Table:
        """Return the rows that the reader could not use (schema `FINDINGS`)."""
        ...

    def unnamed_columns(self) -> Mapping[Place, Sequence[str]]:
        """Return the columns that no agreement names."""
        ...

    def absent_columns(self) -> Mapping[Place, Sequence[str]]:
        """Return the columns that the agreement names and the file lacks."""
        ...


class Cut:
    """The cutting of raw files. Files in `births_only` were loaded before and are read for birth dates alone."""

    def __init__(self, terms: Terms, delivery: Delivery, births_only: frozenset[str] = frozenset()) -> None:
        self.mode: Mode = delivery.mode
        self.shape: Shape = shape_of(terms.source)
        self.tables = self.shape.order(delivery.tables)
        self.excluded = Excluded()
        self._terms = terms
        self._delivery = delivery
        self._births_only = births_only

    def events(self) -> Iterator[Event]:
        """Read, split and judge every delivered table; raises DeliveryError and SourceRefusedError."""
        source = self._terms.source
        with KeyedDigests(self._terms.keys.derive("content.rows")) as digests:
            splitter = Splitter(self._terms, digests, Births())
            held = self._hold(splitter)
            for name in self.tables:
                yield from self._table(source.tables[name], splitter, held.get(name))

    def rows_read(self) -> Mapping[Place, int]:
        """Return the rows met in the files that count, usable or not."""
        return {place: read for place, read in self._delivery.rows_read.items() if not self._ignores(place[0])}

    def problems(self, place: Place) -> pa.Table:
        """Return the rows that the reader could not use (schema `FINDINGS`)."""
        found = [p for p in self._delivery.problems if (p.file, p.table) == place and p.row is not None]
        columns = [[p.row for p in found], [p.column for p in found], [str(p.reason) for p in found]]
        return pa.table([pa.array(c, t) for c, t in zip(columns, FINDINGS.types, strict=True)], schema=FINDINGS)

    def unnamed_columns(self) -> Mapping[Place, Sequence[str]]:
        """Return the columns that no agreement names."""
        return self._delivery.unnamed_columns

    def absent_columns(self) -> Mapping[Place, Sequence[str]]:
        """Return the columns that the agreement names and the file lacks."""
        return self._delivery.absent_columns

    def _ignores(self, file: str) -> bool:
        return any(file == name or file.startswith((f"{name}/", f"{name}:")) for name in self._births_only)

    def _hold(self, splitter: Splitter) -> dict[str, list[tuple[Batch, Policies]]]:
        """Read whole the tables that exclusions need, and find which policy drops each of their rows."""
        source = self._terms.source
        names = [t for t in held_tables(source, self.shape) if t in self.tables]
        held = {name: list(self._delivery.batches(name)) for name in names}
        whole = {}
        for name, batches in held.items():
            table = source.tables[name]
            rows = pa.concat_tables([b.rows for b in batches] or [empty_rows(table)], promote_options="default")
            keys = splitter.record_keys(rows, table)
            whole[name] = rows if keys is None else rows.append_column("__record_key", keys)
        self.excluded = find_excluded(source, self.shape, whole)
        return {name: _with_policies(batches, self.excluded.rows[name]) for name, batches in held.items()}

    def _table(
        self, table: TablePolicy, splitter: Splitter, held: list[tuple[Batch, Policies]] | None
    ) -> Iterator[Event]:
        name = table.table
        yield Begins(name, splitter.split(Batch(name, "", empty_rows(table)), table, self.excluded).staged)
        streamed = ((batch, None) for batch in self._delivery.batches(name))
        batches: Iterable[tuple[Batch, Policies | None]] = streamed if held is None else held
        linking: list[pa.Table] = []
        for batch, policies in batches:
            if self._ignores(batch.file):
                splitter.note_births(batch.rows, table, splitter.record_keys(batch.rows, table))
                continue
            split = splitter.split(batch, table, self.excluded, policies)
            if split.identifiers is not None:
                linking.append(split.staged.select([SEQUENCE, ROW_KEY]))
            yield Piece(name, batch.file, batch.rows.num_rows, split)
        yield Ends(name, _repeated(linking))


def empty_rows(table: TablePolicy) -> pa.Table:
    """Return a batch of no rows with every column the agreement wants, to fix the columns of a stage."""
    return pa.table({**{name: pa.array([], pa.string()) for name in table.wanted}, ROW: pa.array([], pa.int64())})


def columns_of(terms: Terms, table: TablePolicy) -> pa.Schema:
    """Return the columns that staged rows of `table` have under these terms, and no others."""
    with KeyedDigests(terms.keys.derive("content.rows")) as digests:
        nothing = Splitter(terms, digests, Births()).split(Batch(table.table, "", empty_rows(table)), table, Excluded())
    return nothing.staged.schema


def one_row_a_record(parts: Sequence[pa.Table], rejected: pa.Array) -> pa.Table:
    """Return one row of raw identifiers a record, without the rows (`__seq`) that were rejected. In memory only.

    Several rows of one record, in one table or in several, are one person: of each identifier the value stated last
    counts, in the order of tables, files and rows.
    """
    rows = pa.concat_tables(parts, promote_options="default")
    rows = rows.filter(pc.invert(pc.is_in(rows[SEQUENCE], value_set=rejected)))
    names = [name for name in IDENTIFIERS if name in rows.column_names]
    last = pc.ScalarAggregateOptions(skip_nulls=True)
    merged = rows.group_by(RECORD_KEY, use_threads=False).aggregate([(name, "last", last) for name in names])
    return pa.table({RECORD_KEY: as_record_keys(merged[RECORD_KEY]), **{n: merged[f"{n}_last"] for n in names}})


def birth_format(source: SourcePolicy) -> str | None:
    """Return the form in which the source writes birth dates, if its agreement states one."""
    stated = (f.date_format for t in source.tables.values() for f in t.link_fields if f.cls == BIRTH_CLASS)
    return next((form for form in stated if form), source.date_format)


def _repeated(parts: list[pa.Table]) -> pa.Array:
    """Return the sequence numbers of rows that repeat the row key of an earlier one."""
    if not parts:
        return pa.array([], pa.int64())
    rows = pa.concat_tables(parts)
    if rows.num_rows == 0:
        return pa.array([], pa.int64())
    codes = combined(rows[ROW_KEY]).dictionary_encode().indices.to_numpy()  # numbered by first appearance
    seen = np.concatenate([[-1], np.maximum.accumulate(codes)[:-1]])
    return combined(rows[SEQUENCE]).filter(pa.array(codes <= seen))


def _with_policies(batches: list[Batch], policies: Policies) -> list[tuple[Batch, Policies]]:
    ends = np.cumsum([batch.rows.num_rows for batch in batches])
    return list(zip(batches, np.split(policies, ends[:-1]), strict=True)) if batches else []
