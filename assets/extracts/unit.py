"""One delivery of one source, read and judged: every row has its outcome before anything is applied.

Tables that define records are read first, then those that refer to them; fact tables are streamed, and only
tables that an exclusion needs whole are held. Raw identifiers are in memory here and in
`assets.extracts.split`, nowhere else. How a judged delivery is applied and tokenised is
`assets.extracts.settle`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.births import Births
from assets.extracts.delivery import ROW, Batch, Delivery, Reason
from assets.extracts.exclusions import Excluded, find_excluded, held_tables
from assets.extracts.keyed import KeyedDigests
from assets.extracts.nights import FileCount
from assets.extracts.references import Shape, shape_of
from assets.extracts.split import FINDINGS, Split, Splitter, key_of
from assets.extracts.store import ContentStore
from assets.night import Night
from mou_policies.model import SourcePolicy, TablePolicy

Progress = Callable[[str, int], None]
"""Called with a table's name and the rows of it read so far."""

Place = tuple[str, str]
"""A file and a table."""

Policies = npt.NDArray[np.int16]


@dataclass
class Reading:
    """What reading a delivery has gathered, besides the rows staged in the store; all counts by (file, table)."""

    identifiers: list[pa.Table] = field(default_factory=list)
    findings: dict[Place, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    by_policy: dict[Place, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    by_consent: Counter[Place] = field(default_factory=Counter)
    unparsed: dict[Place, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rejected: dict[str, pa.Table] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def file_number(self, file: str) -> int:
        """Return the number under which rows of `file` are staged."""
        if file not in self.files:
            self.files.append(file)
        return self.files.index(file)

    def add(self, batch: Batch, split: Split) -> None:
        """Take over what one batch came to."""
        place = (batch.file, batch.table)
        if split.identifiers is not None:
            self.identifiers.append(split.identifiers)
        if split.findings.num_rows:
            self.findings[place].append(split.findings)
        self.by_policy[place].update(split.by_policy)
        self.by_consent[place] += split.by_consent
        self.unparsed[place].update(split.unparsed)


class Unit:
    """One delivery being read into the stage of the content store."""

    def __init__(
        self,
        night: Night,
        source: SourcePolicy,
        delivery: Delivery,
        store: ContentStore,
        births_only: frozenset[str],
    ) -> None:
        self.source = source
        self.delivery = delivery
        self.store = store
        self.shape: Shape = shape_of(source)
        self.reading = Reading()
        self.excluded = Excluded()
        self._night = night
        self._births_only = births_only

    @property
    def defining(self) -> tuple[str, ...]:
        """The delivered tables that define records."""
        return tuple(t for t in self.delivery.tables if t in self.shape.defining)

    @property
    def referring(self) -> tuple[str, ...]:
        """The granted tables whose rows refer to records that other tables define."""
        return tuple(n for n, t in self.source.tables.items() if t.record and n not in self.shape.defining)

    def ignores(self, file: str) -> bool:
        """Say whether `file` was loaded before and is only read for the birth dates it holds."""
        return any(file == name or file.startswith((f"{name}/", f"{name}:")) for name in self._births_only)

    def read(self, progress: Progress) -> None:
        """Read, split, stage and judge every delivered table."""
        with KeyedDigests(self._night.keys.derive("content.rows")) as digests:
            splitter = Splitter(self._night, self.source, digests, Births())
            held = self._hold(splitter)
            for name in self.defining:
                self._read_table(self.source.tables[name], splitter, held.get(name), progress)
            stored = self.delivery.mode == "delta" or self.source.records_of is not None
            self.store.note_known(self.source.namespace, self.defining, stored=stored)
            for name in self.delivery.tables:
                if name not in self.shape.defining:
                    self._read_table(self.source.tables[name], splitter, held.get(name), progress)

    def _hold(self, splitter: Splitter) -> dict[str, list[tuple[Batch, Policies]]]:
        """Read whole the tables that exclusions need, and find which policy drops each of their rows."""
        names = [t for t in held_tables(self.source, self.shape) if t in self.delivery.tables]
        held = {name: list(self.delivery.batches(name)) for name in names}
        whole = {}
        for name, batches in held.items():
            table = self.source.tables[name]
            rows = pa.concat_tables([b.rows for b in batches] or [empty_rows(table)], promote_options="default")
            keys = splitter.record_keys(rows, table)
            whole[name] = rows if keys is None else rows.append_column("__record_key", keys)
        self.excluded = find_excluded(self.source, self.shape, whole)
        return {name: _with_policies(batches, self.excluded.rows[name]) for name, batches in held.items()}

    def _read_table(
        self,
        table: TablePolicy,
        splitter: Splitter,
        held: list[tuple[Batch, Policies]] | None,
        progress: Progress,
    ) -> None:
        """Stage the usable rows of one table, then reject those that repeat a key or refer to nobody."""
        name = table.table
        nothing = splitter.split(Batch(name, "", empty_rows(table)), table, self.excluded)
        self.store.stage(name, 0, nothing.staged)
        streamed = ((batch, None) for batch in self.delivery.batches(name))
        batches: Iterable[tuple[Batch, Policies | None]] = streamed if held is None else held
        read = 0
        for batch, policies in batches:
            if self.ignores(batch.file):
                splitter.note_births(batch.rows, table, splitter.record_keys(batch.rows, table))
                continue
            split = splitter.split(batch, table, self.excluded, policies)
            self.store.stage(name, self.reading.file_number(batch.file), split.staged)
            self.store.mark(name, split.removed, held=False)
            self.store.mark(name, split.held, held=True)
            self.reading.add(batch, split)
            read += batch.rows.num_rows
            progress(name, read)
        self.store.reject_duplicates(name)
        if name in self.referring and (self.shape.defining or self.source.records_of):
            self.store.reject_orphans(name)
        self.reading.rejected[name] = self.store.rejects(name)

    # -- counting -----------------------------------------------------------------------------------

    def counts(self) -> dict[Place, FileCount]:
        """Return what was read and not kept, by file and table; what was kept is known once it is applied."""
        counts = {
            place: FileCount(*place, read=read)
            for place, read in self.delivery.rows_read.items()
            if not self.ignores(place[0])
        }
        for place, count in counts.items():
            count.quarantined = sum(rows.num_rows for rows in self.quarantine(place))
            count.dropped_by_policy = self.reading.by_policy[place].total()
            count.dropped_by_consent = self.reading.by_consent[place]
        return counts

    def quarantine(self, place: Place) -> list[pa.Table]:
        """Return the quarantined rows of one file and table (schema `FINDINGS`): by reader, split and store."""
        table = self.source.tables[place[1]]
        problems = [p for p in self.delivery.problems if (p.file, p.table) == place and p.row is not None]
        columns = [[p.row for p in problems], [p.column for p in problems], [str(p.reason) for p in problems]]
        by_reader = pa.table([pa.array(c, t) for c, t in zip(columns, FINDINGS.types, strict=True)], schema=FINDINGS)
        return [by_reader, *self.reading.findings[place], self._rejected(place[0], table)]

    def _rejected(self, file: str, table: TablePolicy) -> pa.Table:
        """Return the rows of one file that repeat a key or refer to nobody; the column told is the one at fault."""
        if file not in self.reading.files:
            return FINDINGS.empty_table()
        rows = self.reading.rejected[table.table]
        rows = rows.filter(pc.equal(rows["file"], self.reading.files.index(file)))
        orphan = pc.equal(rows["reason"], str(Reason.ORPHAN))
        columns = pc.if_else(orphan, pa.scalar(table.record, pa.string()), pa.scalar(", ".join(key_of(table))))
        return pa.table([rows["row"], columns, rows["reason"]], schema=FINDINGS)


def empty_rows(table: TablePolicy) -> pa.Table:
    """Return a batch of no rows with every column the agreement wants, to fix the columns of a stage."""
    return pa.table({**{name: pa.array([], pa.string()) for name in table.wanted}, ROW: pa.array([], pa.int64())})


def _with_policies(batches: list[Batch], policies: Policies) -> list[tuple[Batch, Policies]]:
    ends = np.cumsum([batch.rows.num_rows for batch in batches])
    return list(zip(batches, np.split(policies, ends[:-1]), strict=True)) if batches else []
