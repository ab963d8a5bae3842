"""The sections of what an owner delivers: a section for each source, and one within it for each of its tables."""

from __future__ import annotations

from mou_policies.document.blocks import Block, Content, Name, Pairs, Plain, Section
from mou_policies.document.fieldtable import field_table
from mou_policies.document.part import Part
from mou_policies.document.shapes import block, pairs
from mou_policies.document.sources import Sources


def deliveries(part: Part, sources: Sources) -> list[Block | Section]:
    """Return a section for each source that is one; what else stands there is left."""
    found = [(name, part.take_table(name)) for name in part.keys]
    return [_source(name, source, sources) for name, source in found if source is not None]


def _source(name: str, source: Part, sources: Sources) -> Section:
    title, tables = source.take_value("title"), source.take_table("tables")
    named: Content = [title, Plain(" – ")] if title is not None else []
    heading: Content = [*named, Plain("source "), Name(name)]
    head = pairs(source, sources)
    listed = tables.rest() if tables is not None else []
    return Section(heading, [head] if head.rows else [], [_table(name, key, table, sources) for key, table in listed])


def _table(source: str, name: str, table: Part, sources: Sources) -> Section:
    heading: Content = [Plain("Table "), Name(f"{source}.{name}")]
    if not table.is_table:
        return Section(heading, [block(table, "", sources)])
    excludes, fields = table.take("excludes"), table.take_table("fields")
    head: Pairs = pairs(table, sources)
    made: list[Block] = [head] if head.rows else []
    if excludes is not None:
        made.append(block(excludes, "excludes", sources))
    if fields is not None:
        made.append(field_table("What happens to each field", fields, sources))
    return Section(heading, made)
