"""Reading a data contract of others (ODCS, version 3): its tables and columns, and what it says each column is.

Everything a contract says is a claim by its author. Names are taken exactly or not at all; other words are cut to one
short printable line. What becomes of them is in `odcs_draft`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.fields import snake
from mou_policies.nodes import Node, parse_yaml, read_text

MAX_TABLES = 200
MAX_COLUMNS = 5_000
MAX_NAME = 200
MAX_WORDS = 120

_CEDS = re.compile(r"\bP\d{6}\b")
_VERSION = re.compile(r"v?3\.\d+\.\d+")


@dataclass(frozen=True)
class Column:
    """One column: its name as delivered, the contract's words on it, and the class and CEDS element it claims."""

    name: str
    says: str
    claims: str | None
    ceds: str | None
    position: int


@dataclass(frozen=True)
class Table:
    """One table and its columns, in the contract's order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns the contract calls the primary key, in its order."""
        return tuple(c.name for c in sorted(self.columns, key=lambda c: c.position) if c.position)


@dataclass(frozen=True)
class Contract:
    """What a draft takes from a contract. `service` are its service levels, a line each."""

    file: str
    name: str
    title: str
    version: str
    tables: tuple[Table, ...]
    service: tuple[str, ...]
    standard: str | None


def read_contract(file: Path) -> Contract:
    """Read a contract (YAML or JSON). Raises AgreementError with the place of what is wrong, missing or too big."""
    root = parse_yaml(file, read_text(file), traps=False)
    keys = _keys(root)
    for name, expected in (("kind", "DataContract"), ("apiVersion", "v3.1.0")):
        found = _words(keys.get(name))
        if found != expected and not (name == "apiVersion" and _VERSION.fullmatch(found)):
            at = keys.get(name, root)
            raise at.error(f"{name} is {found or 'missing'}", f"give an ODCS contract with {name}: {expected}")
    schema = keys.get("schema", root)
    if schema is root or not schema.items(empty=True):
        raise schema.error("the contract describes no table", "add schema with at least one object")
    custom = _custom(keys.get("customProperties"))
    standard = _words(custom.get("standard"))
    name = _words(keys.get("name")) or _words(keys.get("id"))
    return Contract(
        file=_line(file.name),
        name=name,
        title=_words(custom.get("title")) or name or "Draft",
        version=_words(keys.get("version")),
        tables=_tables(schema),
        service=tuple(_service(keys.get("slaProperties"))),
        standard=standard if standard in vocabulary.standards() else None,
    )


def _tables(schema: Node) -> tuple[Table, ...]:
    nodes = schema.items()
    if len(nodes) > MAX_TABLES:
        raise schema.error(f"{len(nodes):,} tables, more than {MAX_TABLES}", "split the contract")
    tables: list[Table] = []
    taken: dict[str, str] = {}
    columns = 0
    for node in nodes:
        keys = _keys(node)
        name = _name(keys.get("name"), node)
        if not snake(name) or snake(name) in taken:
            raise keys["name"].error(f"table {name!r} cannot be told from another", "give it a name of its own")
        taken[snake(name)] = name
        found: dict[str, Column] = {}
        for at, column in _columns(keys.get("properties"), ""):
            columns += 1
            if column.name in found:
                raise at.error(f"column {column.name!r} of {name} stands twice", "list it once")
            if columns > MAX_COLUMNS:
                raise at.error(f"more than {MAX_COLUMNS:,} columns", "split the contract")
            found[column.name] = column
        if not found:
            raise node.error(f"table {name} has no columns", "add properties")
        tables.append(Table(name, tuple(found.values())))
    return tuple(tables)


def _columns(node: Node | None, prefix: str) -> Iterator[tuple[Node, Column]]:
    """Yield the columns below a node; the parts of an object are columns of their own, named parent.part."""
    for item in node.items(empty=True) if node is not None else []:
        keys = _keys(item)
        name = _name(keys.get("physicalName", keys.get("name")), item, prefix)
        inner = keys.get("properties")
        if inner is None and "items" in keys:
            inner = _keys(keys["items"]).get("properties")
        if inner is not None and inner.items(empty=True):
            yield from _columns(inner, f"{name}.")
        else:
            yield item, _column(name, keys)


def _column(name: str, keys: dict[str, Node]) -> Column:
    custom = _custom(keys.get("customProperties"))
    claims = _words(custom.get("class"))
    pointers = [_words(custom[key]) for key in custom if key.lower().startswith("ceds")]
    definitions = keys.get("authoritativeDefinitions")
    pointers += [_words(_keys(item).get("url")) for item in (definitions.items(empty=True) if definitions else [])]
    codes = [match[0] for pointer in pointers for match in _CEDS.finditer(pointer)]
    said = dict.fromkeys(_words(keys.get(key)) for key in ("businessName", "description", "logicalType"))
    position = keys.get("primaryKeyPosition")
    is_key = _words(keys.get("primaryKey")) == "true"
    return Column(
        name=name,
        says=_cut(", ".join(word for word in said if word)),
        claims=claims if claims in vocabulary.field_classes() else None,
        ceds=codes[0] if codes else None,
        position=(position.integer(-1) if position is not None else 1) if is_key else 0,
    )


def _service(node: Node | None) -> Iterator[str]:
    for item in node.items(empty=True) if node is not None else []:
        keys = _keys(item)
        words = [_words(keys.get(key)) for key in ("property", "value", "unit")]
        yield _cut(" ".join(word for word in words if word))


def _keys(node: Node) -> dict[str, Node]:
    return {key: value for key, _, value in node.entries()}


def _custom(node: Node | None) -> dict[str, Node]:
    found = {}
    for item in node.items(empty=True) if node is not None else []:
        keys = _keys(item)
        if "property" in keys and "value" in keys:
            found[_words(keys["property"])] = keys["value"]
    return found


def _name(node: Node | None, owner: Node, prefix: str = "") -> str:
    """Return a name exactly as it stands, after its prefix. Raises AgreementError where an agreement cannot hold it."""
    if node is None:
        raise owner.error("name missing", "add name: ... here")
    name = node.raw
    usable = isinstance(name, str) and name.strip() and name.isprintable() and name != "<<"
    if not usable or len(f"{prefix}{name}") > MAX_NAME:
        raise node.error("this cannot be a table's or column's name", f"write 1 to {MAX_NAME} printable characters")
    return f"{prefix}{name}"


def _words(node: Node | None) -> str:
    """Return a single value as one short printable line; nothing for a list, a mapping or no value."""
    return _line(node.raw) if node is not None and isinstance(node.raw, str) else ""


def _line(text: str) -> str:
    return _cut(" ".join("".join(c if c.isprintable() else " " for c in text).split()))


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1].rstrip() + "…"
