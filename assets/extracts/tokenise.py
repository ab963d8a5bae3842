"""At an agency: extracts become one token file, sealed to the hub. Read, split, treated and keyed as the hub would.

Needs K1, the agency's kit and the agreement files; no store, no workspace, no network. What depends on the hub's
knowledge is left to the hub: who opted out, which records it knows, the checks of a delivery as a whole.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa

from assets.extracts.columns import SEQUENCE, combined, is_in
from assets.extracts.cut import Begins, Cut, Ends, Piece, Place, birth_format, one_row_a_record
from assets.extracts.delivery import Delivery, Limits, Reason, open_delivery
from assets.extracts.exclusions import drops_of
from assets.extracts.parcel import Closing, Extract, Opening, section_of
from assets.extracts.split import key_of
from assets.extracts.terms import Terms
from linkage.agency_keys import AgencyRing
from linkage.token_file import Section, token_sections, write_token_file
from linkage.tokens import encode
from mou_policies.model import SourcePolicy
from mou_policies.policy import Policy

Progress = Callable[[str, int], None]


@dataclass
class Tally:
    """Rows of one table in one file: `read` is the sum of `staged`, `quarantined` and `dropped` (by policy)."""

    file: str
    table: str
    read: int = 0
    staged: int = 0
    quarantined: int = 0
    dropped: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every row read has one outcome."""
        return self.read == self.staged + self.quarantined + self.dropped


@dataclass
class Tokenised:
    """What came of the extracts: counts by file and table, rows by policy and by reason, records, unlinkable ones.

    `by_policy` are by (policy, reason), `reasons` by (table, column, reason); a record is unlinkable when no rule of
    linking can use its identifiers.
    """

    mode: str
    tallies: dict[Place, Tally] = field(default_factory=dict)
    by_policy: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)
    records: int = 0
    unlinkable: int = 0

    def tally(self, place: Place) -> Tally:
        """Return the counts of one file and table."""
        return self.tallies.setdefault(place, Tally(*place))


def tokenise(
    ring: AgencyRing,
    policy: Policy,
    source: SourcePolicy,
    extracts: Sequence[Path],
    night: date,
    out: Path,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Tokenised:
    """Write the token file of one source's night and return its counts; a failure leaves no file.

    Raises DeliveryError or SourceRefusedError for extracts that cannot be used, KeyRingError when the kit lacks a key,
    TokenFileError for a kit of another layout.
    """
    delivery = open_delivery(source, extracts, limits)
    work = _Work(ring, Terms(source, policy, ring), delivery, progress or _silent)
    write_token_file(out, ring, source.source, source.agreement_sha256, night, work.sections())
    return work.done


def _silent(table: str, rows: int) -> None:
    """Hear of progress and say nothing."""


class _Work:
    """One delivery on its way into a token file."""

    def __init__(self, ring: AgencyRing, terms: Terms, delivery: Delivery, progress: Progress) -> None:
        self.done = Tokenised(delivery.mode)
        self._ring = ring
        self._source = terms.source
        self._policies = [(drop.exclusion.name, drop.reason) for drop in drops_of(terms.source)]
        self._delivery = delivery
        self._cut = Cut(terms, delivery)
        self._progress = progress
        self._seen: Counter[str] = Counter()
        self._identifiers: list[pa.Table] = []
        self._repeated: list[pa.Array] = []

    def sections(self) -> Iterator[Section]:
        """Yield the whole content of the token file, batch by batch; identifiers stay here until they are tokens."""
        events = self._cut.events()
        first = list(itertools.islice(events, 1))  # who is excluded is known from the first event on
        files = tuple(Extract(f.name, f.bytes, f.sha256) for f in self._delivery.files)
        yield Opening.before(self._cut, files).section()
        columns, linking = pa.schema([]), list[tuple[str, pa.Array]]()
        for event in itertools.chain(first, events):
            match event:
                case Begins():
                    columns, linking = event.columns.schema, []
                case Piece():
                    self._note(event)
                    if event.split.identifiers is not None:
                        linking.append((event.file, combined(event.split.staged[SEQUENCE])))
                case Ends():
                    self._note_repeated(event, linking)
            yield from section_of(event, columns)
        yield from self._tokens()
        closing = Closing.after(self._cut, linked=bool(self._identifiers))
        self._note_read(closing)
        yield closing.section()

    def _tokens(self) -> Iterator[Section]:
        if self._identifiers:
            rows = one_row_a_record(self._identifiers, pa.concat_arrays(self._repeated))
            batch = encode(rows, self._source.source, self._ring, birth_format(self._source))
            self.done.records, self.done.unlinkable = len(batch), batch.unlinkable
            yield from token_sections(batch)

    def _note(self, piece: Piece) -> None:
        split, tally = piece.split, self.done.tally((piece.file, piece.table))
        if split.identifiers is not None:
            self._identifiers.append(split.identifiers)
        tally.staged += split.staged.num_rows
        tally.dropped += sum(split.by_policy.values())
        self.done.by_policy.update({self._policies[index]: count for index, count in split.by_policy.items()})
        self._note_quarantined(tally, split.quarantined)
        self._seen[piece.table] += piece.rows
        self._progress(piece.table, self._seen[piece.table])

    def _note_repeated(self, over: Ends, linking: Sequence[tuple[str, pa.Array]]) -> None:
        """Count the rows that repeat a key as quarantined: the hub will say so of the same rows."""
        self._repeated.append(over.repeated)
        for file, rows in linking:
            repeated = int(is_in(rows, over.repeated).sum())
            tally = self.done.tally((file, over.table))
            tally.staged -= repeated
            tally.quarantined += repeated
            if repeated:
                column = ", ".join(key_of(self._source.tables[over.table]))
                self.done.reasons[over.table, column, str(Reason.DUPLICATE_KEY)] += repeated

    def _note_read(self, closing: Closing) -> None:
        for place, rows in closing.rows_read.items():
            self.done.tally(place).read = rows
            self._note_quarantined(self.done.tally(place), self._cut.problems(place))

    def _note_quarantined(self, tally: Tally, rows: pa.Table) -> None:
        tally.quarantined += rows.num_rows
        for row in rows.group_by(["column_name", "reason"]).aggregate([([], "count_all")]).to_pylist():
            self.done.reasons[tally.table, row["column_name"], row["reason"]] += row["count_all"]
