"""How the tables of a source refer to each other, and in which order they are read.

A table that carries link fields and whose record column refers to no other table *defines* records; the rows
of every other table with a record column *refer* to them. References between other keys (an enrolment's
project) come from the standard's description. No row is seen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets.extracts.standards import describe
from mou_policies.model import SourcePolicy


@dataclass(frozen=True)
class Reference:
    """Column `column` of `table` holds the value of column `target_column` of a row of `target`."""

    table: str
    column: str
    target: str
    target_column: str


@dataclass(frozen=True)
class Shape:
    """The tables of one source: which define records, which refer, and the references between their keys."""

    defining: tuple[str, ...]
    references: tuple[Reference, ...]

    def order(self, tables: Sequence[str]) -> tuple[str, ...]:
        """Return `tables` with those that define records first, otherwise in the order given."""
        return (*(t for t in tables if t in self.defining), *(t for t in tables if t not in self.defining))

    def reached_from(self, tables: Sequence[str]) -> tuple[str, ...]:
        """Return the tables whose rows refer, over any number of steps, to a row of one of `tables`, nearest first."""
        reached: dict[str, None] = {}
        front = list(tables)
        while front:
            front = [r.table for r in self.references if r.target in front and r.table not in {*reached, *tables}]
            reached.update(dict.fromkeys(front))
        return tuple(reached)


def references_of(source: SourcePolicy) -> tuple[Reference, ...]:
    """Return the references that the standard describes between the tables the agreement grants."""
    tables = describe(source.standard).tables
    return tuple(
        Reference(name, key.column, key.target, key.target_column)
        for name in source.tables
        for key in (tables[name].foreign_keys if name in tables else ())
        if key.target in source.tables and key.target != name
    )


def shape_of(source: SourcePolicy) -> Shape:
    """Return the shape of a source's granted tables."""
    references = references_of(source)
    referring = {r.table for r in references if r.column == source.tables[r.table].record}
    linking = tuple(name for name, table in source.tables.items() if table.link_fields)
    return Shape(tuple(name for name in linking if name not in referring) or linking, references)
