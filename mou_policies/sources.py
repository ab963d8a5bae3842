"""Reading the sources of an agreement: files, tables, keys and the fields of each table.

What a field's entry may say is in `fields`, what an exclusion may say in `exclusions`; the heading of the agreement is
in `language`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mou_policies import vocabulary
from mou_policies.exclusions import read_exclusions
from mou_policies.fields import DATE_FORMATS, Place, read_field, snake
from mou_policies.findings import Findings
from mou_policies.model import FieldPolicy, SourcePolicy, TablePolicy
from mou_policies.nodes import Node

KINDS = ("records", "consent")
DELIVERIES = ("full", "delta", "standard")
OPTIONS = ("delimiter", "encoding", "quote", "date_format", "nulls", "skip_lines")

_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_GLOB = re.compile(r"(?!.*\.\.)[^/\\]+(/[^/\\]+)*")
_SOURCE_KEYS = (
    ["title", "standard", "delivery", "tables"],
    [
        "files",
        "kind",
        "records_of",
        "one_record_a_child",
        "expects_days",
        "options",
        "population",
        "transfer",
    ],
)
_TABLE_KEYS = (["fields"], ["files", "key", "record", "optional", "excludes", "means"])


@dataclass(frozen=True)
class Heading:
    """What the agreement says of all its sources."""

    agreement: str
    file: str
    sha256: str
    agency: str
    contact: str
    exceptions: tuple[str, ...]
    purposes: tuple[str, ...]
    findings: Findings


def read_sources(node: Node, heading: Heading) -> dict[str, SourcePolicy]:
    """Read every source; `records_of` may only point to another source of the same agreement.

    What is wrong with one source or field is collected in the heading's findings, and the rest is read on.
    """
    sources: dict[str, SourcePolicy] = {}
    pointers: dict[str, Node] = {}
    before = len(heading.findings.errors)
    for name, key, body in node.entries():
        with heading.findings.catch():
            if not _SOURCE.fullmatch(name) or "__" in name:
                raise key.error(f"{name!r} cannot be a source's name", "use lower case, digits and single _")
            sources[name] = _source(name, key, body, heading)
            if sources[name].records_of:
                pointers[name] = body.keys_of(*_SOURCE_KEYS)["records_of"]
    if len(heading.findings.errors) > before:
        return sources
    if not sources:
        raise node.error("the agreement names no source", "add a source, or remove the file")
    for name, pointer in pointers.items():
        target = sources.get(sources[name].records_of or "")
        if target is None or target.records_of or target.source == name:
            remedy = "name another source of this agreement that has its own records"
            raise pointer.error(f"records_of of {name} names no such source", remedy)
    return sources


def _source(name: str, key: Node, node: Node, heading: Heading) -> SourcePolicy:
    keys = node.keys_of(*_SOURCE_KEYS)
    for text in ("population", "transfer"):
        if text in keys:
            keys[text].text()
    standard = vocabulary.standards()[keys["standard"].word(vocabulary.standards(), "standard")]
    options = _options(keys["options"]) if "options" in keys else {}
    form = options.get("date_format")
    date_format = form if isinstance(form, str) else None
    tables = _tables(name, keys["tables"], heading, date_format, standard)
    own = tuple(dict.fromkeys(glob for table in tables.values() for glob in table.files))
    return SourcePolicy(
        source=name,
        title=keys["title"].text(),
        agency=heading.agency,
        owner_contact=heading.contact,
        agreement_id=heading.agreement,
        agreement_file=heading.file,
        agreement_sha256=heading.sha256,
        standard=standard.name,
        files=_source_files(keys, node, standard, tables, own),
        options=options,
        kind=keys["kind"].word(KINDS, "kind") if "kind" in keys else "records",
        records_of=keys["records_of"].text() if "records_of" in keys else None,
        one_record_a_child=keys["one_record_a_child"].flag() if "one_record_a_child" in keys else False,
        delivery=keys["delivery"].word(DELIVERIES, "delivery"),
        expects_days=keys["expects_days"].integer(1, 3660) if "expects_days" in keys else 31,
        tables=tables,
        clause=f"{heading.file}:{key.line} {heading.agreement} {name}",
    )


def _source_files(
    keys: Mapping[str, Node],
    node: Node,
    standard: vocabulary.Standard,
    tables: Mapping[str, TablePolicy],
    own: tuple[str, ...],
) -> tuple[str, ...]:
    given = _globs(keys["files"]) if "files" in keys else ()
    if not standard.own_tables:
        if not given:
            raise node.error("files missing", 'name the files: files: ["hmis_*.zip"]')
        if own:
            what = f"{standard.name} names the files of its tables itself"
            raise node.error(what, "remove `files` from the tables")
        return given
    without = [table.table for table in tables.values() if not table.files]
    if without and (len(tables) > 1 or not given):
        raise node.error(f"no files for table {without[0]}", 'add files: ["name_*.csv"] to it')
    return tuple(dict.fromkeys([*given, *own]))


def _globs(node: Node) -> tuple[str, ...]:
    for item in node.items():
        item.matching(_GLOB, "file pattern", "name files inside the agency's folder, as clients_*.csv")
    return node.texts()


def _options(node: Node) -> dict[str, str | int | tuple[str, ...]]:
    found: dict[str, str | int | tuple[str, ...]] = {}
    for name, value in node.keys_of([], OPTIONS).items():
        if name == "skip_lines":
            found[name] = value.integer(0, 1000)
        elif name == "nulls":
            found[name] = value.texts()
        elif name == "date_format":
            found[name] = value.word(DATE_FORMATS, "date form")
        elif name == "encoding":
            found[name] = _encoding(value)
        else:
            if not isinstance(value.raw, str) or len(value.raw) != 1:
                raise value.error(f"{name} must be one character", 'write for example ";"')
            found[name] = value.raw
    return found


def _encoding(node: Node) -> str:
    name = node.text()
    try:
        "".encode(name)
    except LookupError:
        raise node.error(f"unknown encoding {name!r}", "write utf-8, cp1252 or latin-1") from None
    return name


def _tables(
    source: str, node: Node, heading: Heading, date_format: str | None, standard: vocabulary.Standard
) -> dict[str, TablePolicy]:
    tables: dict[str, TablePolicy] = {}
    names: dict[str, str] = {}
    before = len(heading.findings.errors)
    for name, key, body in node.entries():
        with heading.findings.catch():
            column = snake(name)
            if not column or column in names:
                raise key.error(f"table {name!r} cannot be told from another", "give it a name of its own")
            names[column] = name
            tables[name] = _table(name, key, body, _place(heading, source, name, date_format))
    if not tables and len(heading.findings.errors) == before:
        raise node.error(f"source {source} names no table", "add one under tables")
    return tables


def _place(heading: Heading, source: str, table: str, date_format: str | None) -> Place:
    return Place(
        file=heading.file,
        agreement=heading.agreement,
        source=source,
        table=table,
        date_format=date_format,
        exceptions=heading.exceptions,
        purposes=heading.purposes,
        findings=heading.findings,
    )


def _table(name: str, key: Node, node: Node, place: Place) -> TablePolicy:
    keys = node.keys_of(*_TABLE_KEYS)
    if "means" in keys:
        keys["means"].text()
    fields, whole = _fields(name, keys["fields"], place)
    table_key = keys["key"].texts() if "key" in keys else ()
    record = _record(keys.get("record"), fields, node) if whole else None
    if whole:
        _check_outputs(fields, keys["fields"])
        _check_grants(table_key, fields, keys.get("key", node), record is None, node)
    table = TablePolicy(
        table=name,
        key=table_key or ((record,) if record else ()),
        record=record,
        files=_globs(keys["files"]) if "files" in keys else (),
        fields=fields,
        excludes=read_exclusions(keys.get("excludes"), fields, keys["fields"]),
        optional=keys["optional"].flag() if "optional" in keys else False,
        clause=place.clause("", key.line).removesuffix("."),
    )
    if whole and table.is_read and not table.key:
        raise node.error("a table without a record column needs a key", "add key: [...]")
    return table


def _fields(table: str, node: Node, place: Place) -> tuple[tuple[FieldPolicy, ...], bool]:
    """Return the fields of a table, and whether all of them could be read."""
    fields: list[FieldPolicy] = []
    before = len(place.findings.errors)
    for field, key, body in node.entries():
        with place.findings.catch():
            fields.extend(read_field(field, key, body, place))
    whole = len(place.findings.errors) == before
    if not fields and whole:
        raise node.error(f"table {table} names no field", "add at least one")
    return tuple(fields), whole


def _record(node: Node | None, fields: Sequence[FieldPolicy], table: Node) -> str | None:
    """Return the record column: the field with treatment record, which `record:` must agree with if given."""
    marked = [f for f in fields if f.is_record]
    if len(marked) > 1:
        raise table.error("two fields have the treatment record", "one column names the person's record")
    name = node.text() if node is not None else None
    if name is not None and (not marked or marked[0].field != name):
        remedy = f"add {name}: {{class: id.record, use: link, treatment: record, reason: ...}} to fields"
        raise (node or table).error(f"record column {name} is not granted", remedy)
    return marked[0].field if marked else None


def _check_outputs(fields: Sequence[FieldPolicy], node: Node) -> None:
    taken: dict[str, str] = {}
    for field in fields:
        names = [field.name, f"{field.name}_year"] if field.treatment.unit == "school_day" else [field.name]
        for name in names if field.is_content else []:
            if name in taken:
                what = f"two fields give the column {name}: {taken[name]} and {field.field}"
                raise node.error(what, "name one of them otherwise with `as`")
            taken[name] = field.field


def _check_grants(key: Sequence[str], fields: Sequence[FieldPolicy], at: Node, reference: bool, table: Node) -> None:
    """Refuse what contradicts itself: a denied key, a person's data without a person."""
    denied = {f.field for f in fields if f.use == "none"}
    for name in key:
        if name in denied:
            raise at.error(f"key column {name} is denied under fields", "remove the denial or the key")
    if reference and any(f.is_link for f in fields):
        what = "link fields need a record column"
        raise table.error(what, "mark one field with treatment: record")
    columns = {f.field for f in fields} | set(key)
    for field in fields:
        column = field.treatment.namespace_column
        if column and column not in columns:
            what = f"{field.field}: the column {column} that names its source is not granted"
            raise table.error(what, f"add {column} to fields")
