"""The split: a batch of raw rows becomes treated content, identifiers in memory, and counts.

Every row gets exactly one outcome: kept (live or withdrawn), quarantined with a reason, or dropped by a named
policy. What leaves here for storage is treated and keyed; identifiers leave for the tokeniser only, and a finding
names row, column and reason, never a value. The same at the hub and at an agency. Who opted out only the hub knows
(`assets.extracts.outcome.withhold`); duplicates and orphans are found later, over whole tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.births import Births
from assets.extracts.columns import (
    DIGEST,
    GONE,
    KEY,
    RECORD_KEY,
    ROW_KEY,
    SEQUENCE,
    Flags,
    combined,
    flags,
    is_in,
    stated,
)
from assets.extracts.delivery import ROW, WITHDRAWN, Batch, Reason
from assets.extracts.exclusions import NONE, Excluded
from assets.extracts.keyed import KeyedDigests
from assets.extracts.outcome import UNREAD, Split, Verdict
from assets.extracts.terms import Terms
from assets.extracts.treat import Treated, birth_dates, birth_field, needs_births, treat
from linkage.identifiers import LINK_CLASSES
from mou_policies.model import TablePolicy


class RecordNames:
    """The record ids met so far in one delivery and their keys, so that each id is hashed once. In memory only."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._ids = pa.array([], pa.string())
        self._keys = pa.array([], KEY)

    def keys_of(self, ids: pa.Array) -> pa.Array:
        """Return the record key (fixed_size_binary(16)) of each raw id; null stays null."""
        distinct = ids.cast(pa.string()).unique().drop_null()
        new = distinct.filter(pa.array(~is_in(distinct, self._ids)))
        if len(new):
            self._ids = pa.concat_arrays([self._ids, new])
            self._keys = pa.concat_arrays([self._keys, self._terms.record_keys(new, self._terms.source.namespace)])
        return self._keys.take(pc.index_in(ids, value_set=self._ids, skip_nulls=True))


class Splitter:
    """Splits the batches of one delivery of one source; holds keys and births for as long as that lasts."""

    def __init__(self, terms: Terms, digests: KeyedDigests, births: Births) -> None:
        self._terms = terms
        self._source = terms.source
        self._digests = digests
        self._births = births
        self._ages = needs_births(terms.source)
        self._names = RecordNames(terms)
        self._next = 0

    def record_keys(self, rows: pa.Table, table: TablePolicy) -> pa.Array | None:
        """Return the record key of each raw row (null where it names none), or None for a reference table."""
        if table.record is None:
            return None
        return self._names.keys_of(combined(rows[table.record]))

    def row_keys(self, rows: pa.Table, table: TablePolicy) -> pa.Array:
        """Return the row key of each raw row: the keyed digest of its key columns."""
        return self._digests.of(f"{self._source.source}.{table.table}", [rows[name] for name in key_of(table)])

    def split(
        self,
        batch: Batch,
        table: TablePolicy,
        excluded: Excluded,
        row_policies: npt.NDArray[np.int16] | None = None,
    ) -> Split:
        """Split one batch of `table`; `row_policies` are the policy indices of its rows where the table was held."""
        rows = batch.rows
        count = rows.num_rows
        sequence = np.arange(self._next, self._next + count, dtype=np.int64)
        self._next += count
        keys = self.record_keys(rows, table)
        row_keys = self.row_keys(rows, table)
        withdrawn = flags(rows[WITHDRAWN]) if WITHDRAWN in rows.column_names else np.zeros(count, bool)
        verdict = Verdict(rows[ROW].to_numpy(), keys, row_keys)
        self.note_births(rows, table, keys)

        policies = np.full(count, NONE, np.int16) if row_policies is None else row_policies
        if keys is not None:
            policies = np.where(policies == NONE, excluded.policy_of_records(keys), policies)
        dropped = verdict.take(policies != NONE)
        if keys is not None and table.record is not None:
            verdict.quarantine(~stated(keys) & ~withdrawn, table.record, Reason.MISSING_KEY)
        for name in key_of(table):
            verdict.quarantine(~stated(rows[name]), name, Reason.MISSING_KEY)
        treated = treat(rows, table, keys, births=self._births, terms=self._terms)
        for column, reason, bad in treated.unusable:
            verdict.quarantine(bad & ~withdrawn, column, reason)
        _require_links(rows, table, verdict, withdrawn)

        kept = verdict.free
        working = {SEQUENCE: pa.array(sequence), ROW: combined(rows[ROW]), GONE: pa.array(withdrawn)}
        return Split(
            staged=self._staged(working, keys, row_keys, treated).filter(pa.array(kept)),
            identifiers=_identifiers(rows, table, keys, sequence, kept & ~withdrawn),
            removed=row_keys.filter(pa.array(dropped)),
            quarantined=verdict.quarantined(),
            unread=_unread(treated.unparsed, sequence, kept & ~withdrawn),
            by_policy=Counter(policies[dropped].tolist()),
        )

    def note_births(self, rows: pa.Table, table: TablePolicy, keys: pa.Array | None) -> None:
        """Remember the birth dates that these rows bring, for the ages of this delivery."""
        field = birth_field(table)
        if self._ages and keys is not None and field is not None:
            named = keys.is_valid()
            self._births.add(keys.filter(named), birth_dates(rows, field, self._source).filter(named))

    def _staged(
        self, working: Mapping[str, pa.Array], keys: pa.Array | None, row_keys: pa.Array, treated: Treated
    ) -> pa.Table:
        """Put the columns of a staged row together, with the keyed digest of all that would be stored."""
        record = {} if keys is None else {RECORD_KEY: keys}
        digest = self._digests.of("row", [*record.values(), row_keys, *treated.columns.values()])
        return pa.table({**working, **record, ROW_KEY: row_keys, DIGEST: digest, **treated.columns})


def key_of(table: TablePolicy) -> tuple[str, ...]:
    """Return the raw columns that tell the rows of a table apart: its key, else the record column."""
    return table.key or ((table.record,) if table.record else ())


def _require_links(rows: pa.Table, table: TablePolicy, verdict: Verdict, withdrawn: Flags) -> None:
    for field in table.link_fields:
        if field.required:
            verdict.quarantine(~stated(rows[field.field]) & ~withdrawn, field.field, Reason.MISSING_VALUE)


def _unread(unparsed: Mapping[str, Flags], sequence: npt.NDArray[np.int64], live: Flags) -> pa.Table:
    """Return which columns of which live rows could not be read (schema `UNREAD`)."""
    found = {name: sequence[bad & live] for name, bad in unparsed.items()}
    parts = [
        pa.table([pa.array(at), pa.repeat(pa.scalar(name), len(at))], schema=UNREAD)
        for name, at in found.items()
        if len(at)
    ]
    return pa.concat_tables(parts) if parts else UNREAD.empty_table()


def _identifiers(
    rows: pa.Table, table: TablePolicy, keys: pa.Array | None, sequence: npt.NDArray[np.int64], live: Flags
) -> pa.Table | None:
    """Return the raw identifiers of the live rows; of two columns with one meaning the first stated value counts."""
    if keys is None or not table.link_fields:
        return None
    columns: dict[str, pa.Array] = {}
    for field in table.link_fields:
        name, values = LINK_CLASSES[field.cls], combined(rows[field.field])
        columns[name] = pc.coalesce(columns[name], values) if name in columns else values
    return pa.table({SEQUENCE: sequence, RECORD_KEY: keys, **columns}).filter(pa.array(live))
