"""One delivery of one source, staged and judged: every row has its outcome before anything is applied.

The splits come from raw files (`assets.extracts.cut`) or from an agency's token file (`assets.extracts.received`) and
are treated alike: rows of records that opted out are withheld, the others staged; rows that repeat a key or refer to
nobody are rejected. How a judged delivery is applied and tokenised is `assets.extracts.settle`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.columns import ROW_KEY, as_record_keys, combined
from assets.extracts.cut import Begins, Cut, Cutting, Ends, Piece, Place
from assets.extracts.delivery import Delivery, Reason
from assets.extracts.exclusions import Excluded
from assets.extracts.nights import FileCount
from assets.extracts.outcome import FINDINGS, Split, withhold
from assets.extracts.received import Received
from assets.extracts.references import Shape, shape_of
from assets.extracts.split import key_of
from assets.extracts.store import ContentStore
from assets.extracts.terms import Terms
from assets.night import Night
from mou_policies.model import SourcePolicy, TablePolicy

Progress = Callable[[str, int], None]
"""Called with a table's name and the rows of it read so far."""


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

    def add(self, place: Place, split: Split) -> None:
        """Take over what one batch came to."""
        if split.identifiers is not None:
            self.identifiers.append(split.identifiers)
        if split.quarantined.num_rows:
            self.findings[place].append(split.quarantined.select(FINDINGS.names))
        self.by_policy[place].update(split.by_policy)
        counted = pc.value_counts(combined(split.unread["column_name"]))
        self.unparsed[place].update({entry["values"]: entry["counts"] for entry in counted.to_pylist()})


class Unit:
    """One delivery being read into the stage of the content store."""

    def __init__(
        self,
        night: Night,
        source: SourcePolicy,
        delivery: Delivery | Received,
        store: ContentStore,
        births_only: frozenset[str] = frozenset(),
    ) -> None:
        terms = Terms(source, night.policy, night.keys)
        self.source = source
        self.cutting: Cutting = Cut(terms, delivery, births_only) if isinstance(delivery, Delivery) else delivery
        self.received = delivery if isinstance(delivery, Received) else None
        self.store = store
        self.shape: Shape = shape_of(source)
        self.reading = Reading()
        self.optouts = as_record_keys(night.optouts(source.namespace))

    @property
    def excluded(self) -> Excluded:
        """What the source's policies drop of this delivery."""
        return self.cutting.excluded

    @property
    def tables(self) -> tuple[str, ...]:
        """The delivered tables, those that define records first."""
        return self.cutting.tables

    @property
    def defining(self) -> tuple[str, ...]:
        """The delivered tables that define records."""
        return tuple(t for t in self.tables if t in self.shape.defining)

    @property
    def referring(self) -> tuple[str, ...]:
        """The granted tables whose rows refer to records that other tables define."""
        return tuple(n for n, t in self.source.tables.items() if t.record and n not in self.shape.defining)

    def read(self, progress: Progress) -> None:
        """Stage and judge every delivered table."""
        stored = self.cutting.mode == "delta" or self.source.records_of is not None
        noted, read = False, 0
        for event in self.cutting.events():
            match event:
                case Begins():
                    if not noted and event.table not in self.shape.defining:
                        self.store.note_known(self.source.namespace, self.defining, stored=stored)
                        noted = True
                    self.store.stage(event.table, 0, event.columns)
                    read = 0
                case Piece():
                    self._stage(event)
                    read += event.rows
                    progress(event.table, read)
                case Ends():
                    self._judge(event)
        if not noted:
            self.store.note_known(self.source.namespace, self.defining, stored=stored)

    def _stage(self, piece: Piece) -> None:
        """Stage the usable rows of one batch; of those that consent withholds, no identifier goes further."""
        split = withhold(piece.split, self.optouts)
        self.store.stage(piece.table, self.reading.file_number(piece.file), split.staged)
        self.store.mark(piece.table, split.removed, held=False)
        self.store.mark(piece.table, combined(split.quarantined[ROW_KEY]).drop_null(), held=True)
        self.reading.add((piece.file, piece.table), split)

    def _judge(self, over: Ends) -> None:
        """Reject the staged rows of one table that repeat a key or refer to nobody, then withhold by consent."""
        name = over.table
        self.store.reject_duplicates(name, over.repeated)
        if name in self.referring and (self.shape.defining or self.source.records_of):
            self.store.reject_orphans(name)
        self.reading.rejected[name] = self.store.rejects(name)
        for file, rows in self.store.withhold(name, self.optouts).items():
            self.reading.by_consent[self.reading.files[file], name] += rows

    # -- counting -----------------------------------------------------------------------------------

    def counts(self) -> dict[Place, FileCount]:
        """Return what was read and not kept, by file and table; what was kept is known once it is applied."""
        counts = {place: FileCount(*place, read=read) for place, read in self.cutting.rows_read().items()}
        for place, count in counts.items():
            count.quarantined = sum(rows.num_rows for rows in self.quarantine(place))
            count.dropped_by_policy = self.reading.by_policy[place].total()
            count.dropped_by_consent = self.reading.by_consent[place]
        return counts

    def quarantine(self, place: Place) -> list[pa.Table]:
        """Return the quarantined rows of one file and table (schema `FINDINGS`): by reader, split and store."""
        table = self.source.tables[place[1]]
        return [self.cutting.problems(place), *self.reading.findings[place], self._rejected(place[0], table)]

    def _rejected(self, file: str, table: TablePolicy) -> pa.Table:
        """Return the rows of one file that repeat a key or refer to nobody; the column told is the one at fault."""
        if file not in self.reading.files:
            return FINDINGS.empty_table()
        rows = self.reading.rejected[table.table]
        rows = rows.filter(pc.equal(rows["file"], self.reading.files.index(file)))
        orphan = pc.equal(rows["reason"], str(Reason.ORPHAN))
        columns = pc.if_else(orphan, pa.scalar(table.record, pa.string()), pa.scalar(", ".join(key_of(table))))
        return pa.table([rows["row"], columns, rows["reason"]], schema=FINDINGS)
