"""SQL files that say what they read, and the views that hold them to it.

What belongs here: parsing the header of a model or a measure, checking its statement, and showing it exactly
the columns that it declares and that the agreements in force let be published. What does not: any SQL about
children.

A file opens with `-- key: value` lines; a line `--   more` continues the value above it. Keys that are read
here:

    model | measure | table   the name of the result
    reads                     columns it cannot do without: source.Table.column, blank or comma separated
    may read                  columns it can do without: null where they are absent or not publishable
    joins by                  keyed pseudonyms it needs to join tables: these may be `content` only, since a
                              pseudonym is never a value of a result
    uses                      other models, by name
    lookups                   CSV files of `assets/outcomes/data`, by name
    shows                     where the values of each column of the result come from: `place = school_year.place;
                              period = words`. Content columns, columns of models it uses, or `words`: texts of the
                              file itself and labels of the night's calendar. A column shows another when its values
                              are those of the other: as they are, recoded or made coarser. What only decides who is
                              counted, and in which period or group, is counted and not shown.

Default deny: the statement runs in a schema that holds views of the declared columns only, named
`<source>__<table>`, and its parse tree may name nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

_HEADER = re.compile(r"--\s?([a-z][a-z ]*[a-z]): ?(.*)\Z")
_MORE = re.compile(r"--\s{2,}(\S.*)\Z")
_COLUMN = re.compile(r"([a-z][a-z0-9_]*)\.([A-Za-z][A-Za-z0-9_]*)\.([a-z][a-z0-9_]*)\Z")

WORDS = "words"
"""Stands in `shows` for values that come from no data."""

ALWAYS = ("period", "period_month", "available")
"""Relations every file may read without declaring them: the night's parameters."""

_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})


class DeclarationError(Exception):
    """A SQL file that does not keep to its own header; one line: file, what was found, what to do."""


@dataclass(frozen=True, order=True)
class ColumnRef:
    """A content column as an agreement names it: source id, table of the standard, name at the hub."""

    source: str
    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.source}.{self.table}.{self.column}"

    @property
    def view(self) -> str:
        """Name of the view of its table: `<source>__<table in lower snake case>`."""
        return f"{self.source}__{snake(self.table)}"


@dataclass(frozen=True, order=True)
class ModelColumn:
    """A column of the result of a model that a file uses."""

    model: str
    column: str

    def __str__(self) -> str:
        return f"{self.model}.{self.column}"


@dataclass(frozen=True)
class SqlFile:
    """A parsed file: `kind` is model, measure or table; `header` has every key with its text."""

    path: Path
    kind: str
    name: str
    header: Mapping[str, str]
    reads: tuple[ColumnRef, ...]
    may_read: tuple[ColumnRef, ...]
    joins_by: tuple[ColumnRef, ...]
    uses: tuple[str, ...]
    lookups: tuple[str, ...]
    sql: str
    shows: Mapping[str, tuple[ColumnRef | ModelColumn, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[ColumnRef, ...]:
        """Every content column it reads, needed or not."""
        return tuple(sorted({*self.reads, *self.may_read, *self.joins_by}))

    @property
    def needed(self) -> frozenset[ColumnRef]:
        """The content columns it cannot do without; a join key only where its table is needed for another."""
        tables = {ref.view for ref in self.reads}
        return frozenset({*self.reads, *(ref for ref in self.joins_by if ref.view in tables)})

    @property
    def relations(self) -> frozenset[str]:
        """Every relation its statement may name, beside its own CTEs."""
        return frozenset({*ALWAYS, *self.uses, *self.lookups, *(ref.view for ref in self.columns)})


def snake(name: str) -> str:
    """Return `name` in lower snake case, as the content store names tables."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def quoted(name: str) -> str:
    """Return an SQL identifier in quotes (`end` is a column name here and a word of SQL)."""
    return '"' + name.replace('"', '""') + '"'


def parse_sql_file(path: Path) -> SqlFile:
    """Read one file. Raises DeclarationError for a header that cannot be understood."""
    header: dict[str, str] = {}
    key = ""
    lines = path.read_text(encoding="utf-8").splitlines()
    body = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    for line in lines[:body]:
        if found := _HEADER.match(line):
            key = found[1]
            if key in header:
                raise DeclarationError(f"{path.name}: header key `{key}` comes twice; keep one")
            header[key] = found[2].strip()
        elif key and (found := _MORE.match(line)):
            header[key] = f"{header[key]} {found[1].strip()}".strip()
        else:
            raise DeclarationError(f"{path.name}: header line is neither `-- key: value` nor `--   more of it`")
    kind = next((word for word in ("model", "measure", "table") if word in header), None)
    if kind is None:
        raise DeclarationError(f"{path.name}: header names no model, measure or table; begin with one")
    file = SqlFile(
        path=path,
        kind=kind,
        name=header[kind],
        header=header,
        reads=tuple(_columns(path, header.get("reads", ""))),
        may_read=tuple(_columns(path, header.get("may read", ""))),
        joins_by=tuple(_columns(path, header.get("joins by", ""))),
        uses=tuple(_words(header.get("uses", ""))),
        lookups=tuple(_words(header.get("lookups", ""))),
        sql="\n".join(lines[body:]).strip().rstrip(";"),
    )
    return replace(file, shows=dict(_shows(file)))


def _shows(file: SqlFile) -> Iterator[tuple[str, tuple[ColumnRef | ModelColumn, ...]]]:
    """Read the key `shows`: for each column of the result the columns that its values come from."""
    for part in filter(str.strip, file.header.get("shows", "").split(";")):
        column, _, origins = (text.strip() for text in part.partition("="))
        if not column or not origins:
            raise DeclarationError(f"{file.path.name}: `{part.strip()}` is not `column = where its values come from`")
        yield column, () if origins == WORDS else tuple(_origins(file, origins))


def _origins(file: SqlFile, text: str) -> Iterator[ColumnRef | ModelColumn]:
    """Read the columns that values come from. Raises DeclarationError for one that the file does not declare."""
    for word in re.findall(r"[\w.]+\.\{[^}]*\}|[^\s,]+", text):
        model, _, column = word.partition(".")
        if "." in column:
            for ref in _columns(file.path, word):
                if ref not in file.columns:
                    raise DeclarationError(f"{file.path.name}: shows {ref}, which it does not read; declare it")
                yield ref
        elif column and model in file.uses:
            yield ModelColumn(model, column)
        else:
            raise DeclarationError(f"{file.path.name}: shows `{word}`, which is no column of a model it uses")


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def _columns(path: Path, text: str) -> Iterator[ColumnRef]:
    """Read `source.Table.column` words; `source.Table.{a b c}` stands for several columns of one table."""
    for table, names, word in re.findall(r"([\w.]+)\.\{([^}]*)\}|([^\s,]+)", text):
        for column in [f"{table}.{name}" for name in _words(names)] if table else [word]:
            found = _COLUMN.match(column)
            if found is None:
                raise DeclarationError(f"{path.name}: `{column}` is not source.Table.column; write all three")
            yield ColumnRef(found[1], found[2], found[3])


def check_statement(connection: duckdb.DuckDBPyConnection, file: SqlFile) -> None:
    """Refuse a statement that is not one select over declared relations. Raises DeclarationError."""
    tree = json.loads(connection.execute("select json_serialize_sql($sql)", {"sql": file.sql}).fetchall()[0][0])
    if tree.get("error"):
        raise DeclarationError(f"{file.path.name}: not one select statement: {tree.get('error_message')}")
    if len(tree["statements"]) != 1:
        raise DeclarationError(f"{file.path.name}: holds several statements; keep one select")
    named: set[str] = set()
    own: set[str] = set()
    for node in _nodes(tree):
        if node.get("type") == "BASE_TABLE":
            if node.get("schema_name") or node.get("catalog_name"):
                raise DeclarationError(f"{file.path.name}: names a schema; use the declared relation's own name")
            named.add(node["table_name"])
        elif node.get("type") == "TABLE_FUNCTION":
            function = node["function"]["function_name"]
            if function not in _TABLE_FUNCTIONS:
                raise DeclarationError(f"{file.path.name}: calls {function}(), which reads beside the views")
        own.update(item["key"] for item in (node.get("cte_map") or {}).get("map", []))
    undeclared = named - own - file.relations
    if undeclared:
        names = ", ".join(sorted(undeclared))
        raise DeclarationError(f"{file.path.name}: reads {names}, which its header does not declare; add it")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a parse tree."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
