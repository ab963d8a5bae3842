"""Treatments of one batch: granted content fields become the columns that may be stored, row by row aligned.

The treatments themselves are `mou_policies.treatments`. Here is what needs the load's own knowledge: the
birth date behind an age, the namespace of a record that a consent form names, and which rows become unusable
by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.births import Births
from assets.extracts.columns import KEY, Flags, combined, flags, stated
from assets.extracts.delivery import Reason
from assets.extracts.terms import Terms
from linkage.errors import KeyRingError
from mou_policies.model import FieldPolicy, SourcePolicy, TablePolicy
from mou_policies.treatments import apply_treatment, parse_dates

NO_PERSON = "person not in this delivery"
"""An age was asked of an event whose person the delivery does not bring (see `assets.extracts.births`)."""

NO_BIRTH = "the person's birth date is missing or not readable"
"""A required age was asked of an event of a person without one."""

NO_NAMESPACE = "names a source whose record keys this kit does not hold"
"""A consent form, read at an agency, is about a record of a source that the kit was not made for."""

BIRTH_CLASS = "birth.date"
_SOURCE_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Treated:
    """Columns by output name; unreadable values by raw column; rows made unusable as (column, reason, which)."""

    columns: Mapping[str, pa.Array]
    unparsed: Mapping[str, Flags]
    unusable: tuple[tuple[str, str, Flags], ...]


def needs_births(source: SourcePolicy) -> bool:
    """Say whether any granted treatment turns a date into an age."""
    return any(_is_age(f) for table in source.tables.values() for f in table.content_fields)


def birth_field(table: TablePolicy) -> FieldPolicy | None:
    """Return the link field of `table` that holds the record's birth date, if it has one."""
    return next((f for f in table.link_fields if f.cls == BIRTH_CLASS), None)


def birth_dates(rows: pa.Table, field: FieldPolicy, source: SourcePolicy) -> pa.Array:
    """Return the birth dates (date32, null where missing or unreadable) of raw rows, for use in memory only."""
    return parse_dates(combined(rows[field.field]), field.date_format or source.date_format)[0]


def treat(
    rows: pa.Table,
    table: TablePolicy,
    keys: pa.Array | None,
    *,
    births: Births,
    terms: Terms,
) -> Treated:
    """Treat every content field of `table` for all `rows`; rows that must not be stored are told, not removed."""
    columns: dict[str, pa.Array] = {}
    unparsed: dict[str, Flags] = {}
    unusable: list[tuple[str, str, Flags]] = []
    secret = terms.keys.derive(f"pseudonym:{terms.source.agency}")
    ages = any(_is_age(f) for f in table.content_fields)
    born, present = births.of(keys) if keys is not None and ages else (None, None)
    for field in table.content_fields:
        values = combined(rows[field.field])
        given = stated(values)
        if field.treatment.kind == "record":
            if field.is_record:
                continue
            named, unkeyed = _foreign_records(rows, field, values, terms)
            made = {field.name: named}
            unusable.append((field.field, NO_NAMESPACE, given & unkeyed))
        else:
            made = apply_treatment(field, values, born, secret).columns
        columns.update(made)
        unread = given & ~stated(next(iter(made.values())))
        if _is_age(field) and born is not None and present is not None:
            unborn = given & ~stated(born)
            unusable.append((field.field, NO_PERSON, given & ~flags(present)))
            unusable += [(field.field, NO_BIRTH, unborn)] if field.required else []
            unread &= ~unborn
        if field.required:
            reason = Reason.BAD_DATE if field.treatment.kind == "date" else Reason.MISSING_VALUE
            unusable += [(field.field, Reason.MISSING_VALUE, ~given), (field.field, reason, unread)]
        unparsed[field.field] = unparsed.get(field.field, np.zeros(rows.num_rows, bool)) | unread
    return Treated(columns, unparsed, tuple(unusable))


def _foreign_records(rows: pa.Table, field: FieldPolicy, values: pa.Array, terms: Terms) -> tuple[pa.Array, Flags]:
    """Return the record keys of raw ids in the namespaces that another column names, null where it names none.

    Also return which rows name a namespace without a key at hand; raise KeyRingError if an agreement in force has it.
    """
    spaces = combined(rows[str(field.treatment.namespace_column)])
    answer, unkeyed = pa.nulls(len(values), KEY), np.zeros(len(values), bool)
    for space in spaces.unique().drop_null().to_pylist():
        if not _SOURCE_ID.fullmatch(space):
            continue
        known = terms.policy.sources.get(space)
        named = pc.fill_null(pc.equal(spaces, space), False)
        try:
            keys = terms.record_keys(values, known.namespace if known else space)
        except KeyRingError:
            if known is not None:
                raise
            unkeyed |= flags(named)
            continue
        answer = pc.if_else(named, keys, answer)
    return answer, unkeyed


def _is_age(field: FieldPolicy) -> bool:
    return field.treatment.kind == "date" and (field.treatment.unit or "").startswith("age_")
