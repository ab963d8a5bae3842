"""An agreement as the content of a cache entry: JSON, in columns, with what fields have in common written once.

A folder may hold 100,000 fields of a few hundred kinds; as objects one by one they would take three times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mou_policies.agreement import Agreement
from mou_policies.model import FieldPolicy, TablePolicy
from mou_policies.nodes import without_collection
from mou_policies.provisions import FieldRef, Licensed

_OWN: dict[str, Any] = {"field": "", "name": "", "reason": "", "clause": "", "place": (1, 1)}
_COMMON = tuple(name for name in FieldPolicy.__dataclass_fields__ if name not in _OWN)


@dataclass(frozen=True)
class _Columns:
    """The fields of one table: what each has of its own, and the number of its kind."""

    kind: tuple[int, ...]
    field: tuple[str, ...]
    name: tuple[str, ...]
    reason: tuple[str, ...]
    clause: tuple[str, ...]
    line: tuple[int, ...]
    column: tuple[int, ...]


@dataclass(frozen=True)
class _Entry:
    """An agreement whose tables have no fields and which licenses none, with both beside it.

    `kinds` are fields without what each has of its own, `tables` the fields by source and table.
    """

    agreement: Agreement
    kinds: tuple[FieldPolicy, ...]
    tables: dict[str, dict[str, _Columns]]
    licensed: tuple[tuple[FieldRef, Licensed], ...]


def content_of(agreement: Agreement) -> bytes:
    """Return an agreement as the content of an entry."""
    kinds: dict[tuple[Any, ...], int] = {}
    tables = {
        name: {table.table: _columns(table.fields, kinds) for table in source.tables.values()}
        for name, source in agreement.sources.items()
    }
    bare = _with(agreement, {name: dict.fromkeys(held, ()) for name, held in tables.items()}, ())
    common = tuple(FieldPolicy(**_OWN, **dict(zip(_COMMON, kind, strict=True))) for kind in kinds)
    entry = _Entry(bare, common, tables, tuple(agreement.provisions.licensed.items()))
    return _form().dump_json(entry)


def agreement_of(content: bytes) -> Agreement | None:
    """Return the agreement of an entry's content, None where it has not the form of one."""
    try:
        with without_collection():
            entry = _form().validate_json(content)
            fields = {
                name: {table: _fields(columns, entry.kinds) for table, columns in held.items()}
                for name, held in entry.tables.items()
            }
            return _with(entry.agreement, fields, entry.licensed)
    except (ValidationError, LookupError, ValueError):
        return None


@lru_cache(maxsize=1)
def _form() -> TypeAdapter[_Entry]:
    return TypeAdapter(_Entry)


def _kind(field: FieldPolicy) -> tuple[Any, ...]:
    """Return what a field may have in common with others, in the order of its attributes."""
    return tuple(value for name, value in vars(field).items() if name not in _OWN)


def _columns(fields: Iterable[FieldPolicy], kinds: dict[tuple[Any, ...], int]) -> _Columns:
    """Return the fields of a table in columns; kinds that are new are added."""
    rows = [(kinds.setdefault(_kind(f), len(kinds)), f.field, f.name, f.reason, f.clause, *f.place) for f in fields]
    return _Columns(*zip(*rows, strict=True)) if rows else _Columns((), (), (), (), (), (), ())


def _fields(columns: _Columns, kinds: tuple[FieldPolicy, ...]) -> tuple[FieldPolicy, ...]:
    rows = zip(
        map(kinds.__getitem__, columns.kind),
        columns.field,
        columns.name,
        columns.reason,
        columns.clause,
        zip(columns.line, columns.column, strict=True),
        strict=True,
    )
    return tuple(
        FieldPolicy(**vars(kind) | {"field": field, "name": name, "reason": reason, "clause": clause, "place": place})
        for kind, field, name, reason, clause, place in rows
    )


def _with(
    agreement: Agreement,
    fields: dict[str, dict[str, tuple[FieldPolicy, ...]]],
    licensed: Iterable[tuple[FieldRef, Licensed]],
) -> Agreement:
    """Return an agreement with these fields in its tables, and with these licensed."""
    sources = {}
    for name, source in agreement.sources.items():
        tables: dict[str, TablePolicy] = {
            table: replace(policy, fields=fields[name][table]) for table, policy in source.tables.items()
        }
        sources[name] = replace(source, tables=tables)
    return replace(agreement, sources=sources, provisions=replace(agreement.provisions, licensed=dict(licensed)))
