"""The tables and fields of the standards, each with the class counsel would start from: `standards/<standard>.yaml`.

A new agreement lists them, all denied, and an agreement that names a field is held against them. How a delivery of a
standard is read is no matter of this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.nodes import Node, read_yaml
from mou_policies.vocabulary.classes import field_classes
from mou_policies.vocabulary.law import exceptions
from mou_policies.vocabulary.loading import FOLDER, flag
from mou_policies.vocabulary.words import standards


@dataclass(frozen=True)
class LayoutField:
    """A field of a standard. One that no reader hands on (`is_read` false) can only be denied."""

    name: str
    cls: str
    means: str
    is_read: bool


@dataclass(frozen=True)
class LayoutExclusion:
    """Rows that an agreement on this standard should never load: words for its `excludes`."""

    name: str
    field: str
    cls: str
    equals: tuple[str, ...]
    safe: tuple[str, ...]
    cascade: bool
    because: str
    cite: str


@dataclass(frozen=True)
class LayoutTable:
    """A table of a standard: `key` tells rows apart, `record` names the person (None: a reference table)."""

    name: str
    means: str
    key: tuple[str, ...]
    record: str | None
    fields: Mapping[str, LayoutField]
    excludes: tuple[LayoutExclusion, ...]


@dataclass(frozen=True)
class Layout:
    """A standard as an agreement may name it.

    `files` and `delivery` are what an agreement says of the files, `authority` the exceptions such data usually come
    under; fields whose names begin with `extensions` are an agency's own.
    """

    standard: str
    files: tuple[str, ...]
    delivery: str
    authority: tuple[str, ...]
    extensions: str | None
    tables: Mapping[str, LayoutTable]

    def names(self, table: str, field: str) -> bool:
        """Return whether an agreement may name this field of this table."""
        if table not in self.tables:
            return False
        own = self.extensions is not None and field.startswith(self.extensions)
        return own or field in self.tables[table].fields


@lru_cache(maxsize=8)
def layout_of(standard: str) -> Layout | None:
    """Return the layout of a standard by its id, None where the agreement itself names the tables (csv, parquet)."""
    if standards()[standard].own_tables:
        return None
    required = ["files", "delivery", "authority", "tables"]
    k = read_yaml(FOLDER / "standards" / f"{standard}.yaml").keys_of(required, ["extensions"])
    return Layout(
        standard=standard,
        files=k["files"].texts(),
        delivery=k["delivery"].text(),
        authority=tuple(node.word(exceptions(), "exception") for node in k["authority"].items()),
        extensions=k["extensions"].text() if "extensions" in k else None,
        tables={name: _table(name, body) for name, _, body in k["tables"].entries()},
    )


def _table(name: str, node: Node) -> LayoutTable:
    k = node.keys_of(["means", "key", "fields"], ["record", "excludes", "unread"])
    fields = {field: _field(field, body, is_read=True) for field, _, body in k["fields"].entries()}
    if "unread" in k:
        fields |= {field: _field(field, body, is_read=False) for field, _, body in k["unread"].entries()}
    return LayoutTable(
        name=name,
        means=k["means"].text(),
        key=k["key"].texts(),
        record=k["record"].word(fields, "field") if "record" in k else None,
        fields=fields,
        excludes=tuple(map(_exclusion, k["excludes"].items())) if "excludes" in k else (),
    )


def _field(name: str, node: Node, *, is_read: bool) -> LayoutField:
    k = node.keys_of(["class", "means"])
    return LayoutField(name, k["class"].word(field_classes(), "field class", "FLD-002"), k["means"].text(), is_read)


def _exclusion(node: Node) -> LayoutExclusion:
    k = node.keys_of(["name", "field", "class", "equals", "because", "cite"], ["safe", "cascade"])
    return LayoutExclusion(
        name=k["name"].text(),
        field=k["field"].text(),
        cls=k["class"].word(field_classes(), "field class", "FLD-002"),
        equals=k["equals"].texts(),
        safe=k["safe"].texts() if "safe" in k else (),
        cascade=flag(k, "cascade"),
        because=k["because"].text(),
        cite=k["cite"].text(),
    )
