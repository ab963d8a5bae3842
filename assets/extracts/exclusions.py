"""Rows that an agreement says are never loaded, and the rows that must go with them.

Three rules, in this order: a row whose field has an excluded value or, where the agreement lists the values that are
safe, any that is not one of these; with `cascade`, every row that refers to a dropped row along the standard's
references, and a person who has no row left in the tables so reached; and always, every row of a record whose defining
row was dropped. Each dropped row is counted under the name of its policy, and whether its flag said so or could not be
read.

Works on the raw rows of the few tables concerned, in memory; nothing here is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.columns import KEY, combined, flags
from assets.extracts.delivery import WITHDRAWN
from assets.extracts.nights import CheckResult
from assets.extracts.references import Reference, Shape
from assets.extracts.refusal import FOLLOWED, SourceRefusedError
from mou_policies.exclusions import same
from mou_policies.model import Exclusion, SourcePolicy, TablePolicy

NONE = -1
"""Policy index of a row that no policy drops."""

VALUE_EXCLUDED = "excluded value"
FLAG_NOT_READABLE = "flag not readable"
"""Why a policy drops rows: the field has an excluded value, or one that is neither excluded nor known to be safe."""

Indices = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Drop:
    """An exclusion for one of two reasons, `VALUE_EXCLUDED` or `FLAG_NOT_READABLE`: what policy indices stand for."""

    exclusion: Exclusion
    reason: str = VALUE_EXCLUDED


def drops_of(source: SourcePolicy) -> tuple[Drop, ...]:
    """Return what can drop rows of a source, in the order of its agreement."""
    rules = [exclusion for table in source.tables.values() for exclusion in table.excludes]
    return tuple(
        Drop(rule, reason)
        for rule in rules
        for reason in ([VALUE_EXCLUDED, FLAG_NOT_READABLE] if rule.protective else [VALUE_EXCLUDED])
    )


@dataclass(frozen=True)
class Excluded:
    """What the policies of one delivery drop.

    `policies` are the drops by index; `rows` gives, for each held table, one policy index a row (or
    `NONE`); `records` and `record_policies` are the dropped records (fixed_size_binary(16)) and their policy
    indices.
    """

    policies: tuple[Drop, ...] = ()
    rows: Mapping[str, Indices] = field(default_factory=dict)
    records: pa.Array = field(default_factory=lambda: pa.array([], KEY))
    record_policies: Indices = field(default_factory=lambda: np.array([], np.int16))

    def policy_of_records(self, record_keys: pa.Array) -> Indices:
        """Return the policy index (or `NONE`) of each record key."""
        if len(self.records) == 0:
            return np.full(len(record_keys), NONE, np.int16)
        at = pc.index_in(record_keys, value_set=self.records).fill_null(NONE).to_numpy(zero_copy_only=False)
        return np.where(at == NONE, NONE, self.record_policies[at]).astype(np.int16)

    @property
    def protected(self) -> pa.Array:
        """The records that a protective policy drops as a whole (fixed_size_binary(16))."""
        protective = np.array([drop.exclusion.protective for drop in self.policies], bool)
        return self.records.filter(pa.array(protective[self.record_policies])).drop_null().unique()


def held_tables(source: SourcePolicy, shape: Shape) -> tuple[str, ...]:
    """Return the tables that must be seen whole before any row is kept: those with exclusions and what they reach."""
    excluding = [name for name, table in source.tables.items() if table.excludes]
    cascading = [name for name in excluding if any(e.cascade for e in source.tables[name].excludes)]
    return tuple(dict.fromkeys([*excluding, *shape.reached_from(cascading)]))


def find_excluded(source: SourcePolicy, shape: Shape, held: Mapping[str, pa.Table]) -> Excluded:
    """Apply every exclusion of `source` to the held tables (raw columns and `__record_key`); return what they drop."""
    policies = drops_of(source)
    rows = {name: _direct(source.tables[name], table, policies) for name, table in held.items()}
    touched = _cascade(shape, held, rows, policies)
    keys, dropped = _records_dropped(source, shape, held, rows=rows, policies=policies, touched=touched)
    return Excluded(policies, rows, keys, dropped)


def _direct(policy: TablePolicy, table: pa.Table, policies: tuple[Drop, ...]) -> Indices:
    """Return the index of the first policy whose field drops the row, row by row.

    A flag that is set comes before one that cannot be read, so that a row is counted by what is known of it.
    """
    found = np.full(table.num_rows, NONE, np.int16)
    for exclusion in policy.excludes:
        hit = _has(table, exclusion.field, exclusion.equals)
        found[hit & (found == NONE)] = policies.index(Drop(exclusion))
    for exclusion in policy.excludes:
        if exclusion.protective:
            unread = ~_has(table, exclusion.field, (*exclusion.equals, *exclusion.safe))
            found[unread & (found == NONE)] = policies.index(Drop(exclusion, FLAG_NOT_READABLE))
    return found


def _has(table: pa.Table, column: str, values: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Return which rows have one of the values; letter case and outer blanks are ignored, and null is none of them."""
    if column not in table.column_names:
        return np.zeros(table.num_rows, bool)
    found = pc.utf8_upper(pc.utf8_trim_whitespace(table[column]))
    return flags(pc.is_in(found, value_set=pa.array([same(value) for value in values], pa.string())))


def _cascade(
    shape: Shape, held: Mapping[str, pa.Table], rows: dict[str, Indices], policies: tuple[Drop, ...]
) -> set[str]:
    """Drop, in place, rows that refer to a row dropped by a cascading policy; return the tables it touched."""
    cascading = np.array([drop.exclusion.cascade for drop in policies], bool)
    origins = [name for name, found in rows.items() if (found != NONE).any() and cascading[found[found != NONE]].any()]
    touched = set(origins)
    for name in shape.reached_from(origins):
        for reference in (r for r in shape.references if r.table == name and r.target in touched):
            _require_column(held[name], reference)
            found, parent = rows[name], rows[reference.target]
            spreads = (parent != NONE) & cascading[parent]
            at = pc.index_in(
                combined(held[name][reference.column]),
                value_set=combined(held[reference.target][reference.target_column]).filter(pa.array(spreads)),
            )
            at = at.fill_null(NONE).to_numpy(zero_copy_only=False)
            hit = (at != NONE) & (found == NONE)
            found[hit] = parent[spreads][at[hit]]
            if hit.any():
                touched.add(name)
    return touched


def _require_column(table: pa.Table, reference: Reference) -> None:
    """Refuse the source if a cascade has to follow a column that its agreement does not let be read."""
    if reference.column not in table.column_names:
        raise SourceRefusedError(
            CheckResult(FOLLOWED, False, {"columns_missing": 1}),
            f"an exclusion of {reference.target} also takes rows of {reference.table}, but the agreement does not "
            f"name {reference.table}.{reference.column}",
            "name that column in the agreement (its treatment may be pseudonymise)",
        )


def _records_dropped(
    source: SourcePolicy,
    shape: Shape,
    held: Mapping[str, pa.Table],
    *,
    rows: Mapping[str, Indices],
    policies: tuple[Drop, ...],
    touched: set[str],
) -> tuple[pa.Array, Indices]:
    """Return the records that go as a whole, with their policies.

    A record goes when a row that defines it is dropped, or when a cascade dropped rows of it and left it no
    row in any table that the cascade touched.
    """
    keys: list[pa.Array] = []
    which: list[Indices] = []
    cascading = np.array([drop.exclusion.cascade for drop in policies], bool)
    survivors: list[pa.Array] = []
    hit_keys: list[pa.Array] = []
    hit_policies: list[Indices] = []
    for name, found in rows.items():
        if source.tables[name].record is None:
            continue
        record_keys = combined(held[name]["__record_key"])
        gone = found != NONE
        if name in shape.defining:
            keys.append(record_keys.filter(pa.array(gone)))
            which.append(found[gone])
        elif name in touched:
            spread = gone & cascading[found]
            survivors.append(record_keys.filter(pa.array(~gone & ~_withdrawn(held[name]))))
            hit_keys.append(record_keys.filter(pa.array(spread)))
            hit_policies.append(found[spread])
    if hit_keys:
        hit, kept = pa.concat_arrays(hit_keys), pa.concat_arrays(survivors)
        alone = ~flags(pc.is_in(hit, value_set=kept)) & flags(pc.is_valid(hit))
        keys.append(hit.filter(pa.array(alone)))
        which.append(np.concatenate(hit_policies)[alone])
    if not keys:
        return pa.array([], KEY), np.array([], np.int16)
    return pa.concat_arrays(keys), np.concatenate(which).astype(np.int16)


def _withdrawn(table: pa.Table) -> npt.NDArray[np.bool_]:
    if WITHDRAWN not in table.column_names:
        return np.zeros(table.num_rows, bool)
    return flags(table[WITHDRAWN])
