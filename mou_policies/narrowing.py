"""Agreements cut down to what a few questions are about, so that asking does not cost what a night costs.

An answer about a field rests on that field, on the record id without which its source is not loaded, and on fields that
would have the same stored column. Everything else of the agreements stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from mou_policies.agreement import Agreement
from mou_policies.model import SourcePolicy, TablePolicy
from mou_policies.provisions import FieldRef

_Place = tuple[str, str]


def narrowed(agreements: Iterable[Agreement], refs: Collection[FieldRef]) -> list[Agreement]:
    """Return agreements, in the same order, with only the fields that answers about `refs` rest on."""
    held = list(agreements)
    columns: dict[_Place, set[str]] = defaultdict(set)
    for agreement in held:
        for source in agreement.sources.values():
            for table in source.tables.values():
                place = (source.source, table.table)
                asked = [f for f in table.fields if (*place, f.field) in refs]
                columns[place] |= {column for field in asked for column in field.columns}
    return [replace(a, sources=_sources(a.sources, refs, columns)) for a in held]


def _sources(
    sources: Mapping[str, SourcePolicy], refs: Collection[FieldRef], columns: Mapping[_Place, set[str]]
) -> dict[str, SourcePolicy]:
    return {
        name: replace(source, tables={t: _table(name, table, refs, columns) for t, table in source.tables.items()})
        for name, source in sources.items()
    }


def _table(
    source: str, table: TablePolicy, refs: Collection[FieldRef], columns: Mapping[_Place, set[str]]
) -> TablePolicy:
    wanted = columns[source, table.table]
    fields = (
        f
        for f in table.fields
        if f.treatment.kind == "record" or (source, table.table, f.field) in refs or wanted & set(f.columns)
    )
    return replace(table, fields=tuple(fields))
