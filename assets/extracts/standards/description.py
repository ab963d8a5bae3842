"""The shapes of a standard's description, and how its YAML file becomes them. No delivery is seen here."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class ForeignKey:
    """Column `column` of a table holds a value of column `target_column` of table `target`."""

    column: str
    target: str
    target_column: str


@dataclass(frozen=True)
class Span:
    """Where a field stands in a fixed-width record: `start` from 1, `length` in characters."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """Position of the last character, from 1."""
        return self.start + self.length - 1


@dataclass(frozen=True)
class StandardTable:
    """One table as a standard defines it.

    `file` is the name of its file (where files are named), `key` and `record` the columns that tell rows
    and persons apart (`record` None: a reference table), `required` the columns that a header must have,
    `aliases` the other names a column is known by in real files: {name in the standard: other names}.
    """

    name: str
    file: str | None = None
    key: tuple[str, ...] = ()
    record: str | None = None
    required: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Standard:
    """A standard as its data file describes it.

    `tables` stand in the order in which they are read (persons first). `facts` holds what only the
    standard's own reader understands (accepted versions, code lists, paths), `layout` the positions of a
    fixed-width record.
    """

    name: str
    title: str
    source: str
    tables: Mapping[str, StandardTable]
    facts: Mapping[str, Any]
    layout: Mapping[str, Span] = field(default_factory=dict)

    def table(self, name: str) -> StandardTable:
        """Return the description of table `name`, an empty one if the standard does not describe it."""
        return self.tables.get(name) or StandardTable(name)


@cache
def describe(standard: str) -> Standard:
    """Return the description of a standard by its id, such as `hmis-csv-2026`.

    Raises KeyError for an id that no file here describes.
    """
    path = _FOLDER / f"{standard}.yaml"
    if standard not in {found.stem for found in _FOLDER.glob("*.yaml")}:
        raise KeyError(standard)
    raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    tables = {name: _table(name, body or {}) for name, body in (raw.get("tables") or {}).items()}
    layout = _layout(_FOLDER / raw["layout"]) if "layout" in raw else {}
    return Standard(standard, raw["title"], raw["source"], tables, raw.get("facts") or {}, layout)


def _table(name: str, body: Mapping[str, Any]) -> StandardTable:
    return StandardTable(
        name=name,
        file=body.get("file"),
        key=tuple(body.get("key", ())),
        record=body.get("record"),
        required=tuple(body.get("required", ())),
        foreign_keys=tuple(
            ForeignKey(column, *target.rsplit(".", 1)) for column, target in body.get("refers", {}).items()
        ),
        aliases={column: tuple(names) for column, names in body.get("aliases", {}).items()},
    )


def _layout(path: Path) -> dict[str, Span]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        return {row["field"]: Span(int(row["start"]), int(row["length"])) for row in rows}
