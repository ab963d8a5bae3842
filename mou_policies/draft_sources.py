"""What a draft says of sources and fields: every table and field of the standard, denied, with its class.

Of delimited files and Parquet nothing is known but the columns that somebody lists; they are free text until a class is
chosen. A value of a record is never seen here.
"""

from __future__ import annotations

from collections.abc import Sequence

from mou_policies import vocabulary
from mou_policies.draft_words import asked, comment, indented, inline, name_of, quoted, todo
from mou_policies.vocabulary import FieldClass, Layout, LayoutExclusion, LayoutTable

UNKNOWN = "text.free"


def source_lines(standard: str, name: str, columns: Sequence[str] = ()) -> list[str]:
    """Return the lines under `sources:`; `columns` are those of a csv or parquet table."""
    layout = vocabulary.layout_of(standard)
    keys = vocabulary.keys()["source"]
    said = [f"title: {todo(keys['title'].asks)}", f"standard: {standard}"]
    if layout is not None:
        said.append(f"files: {inline(layout.files)}")
    said += [*asked(keys["delivery"]), f"delivery: {layout.delivery if layout else 'delta'}"]
    for key in ("population", "transfer"):
        said += [*asked(keys[key]), f"{key}: {todo(keys[key].asks)}"]
    spare = ("expects_days", "one_record_a_child", "records_of", *([] if layout else ["options"]))
    said += [f"# {key}: {keys[key]}" for key in spare]
    tables = _tables(layout) if layout else _own_table(standard, columns)
    return [f"{name}:", *indented([*said, "tables:", *indented(tables)])]


def licence_lines(standard: str, name: str) -> list[str]:
    """Return as comment the fields of a standard that a licence could ask for: those that may be kept at all."""
    layout = vocabulary.layout_of(standard)
    if layout is None:
        return []
    lines = [f"# {name}:"]
    for table in layout.tables.values():
        found = {f.name: vocabulary.field_classes()[f.cls] for f in table.fields.values() if f.is_read}
        kept = [field for field, cls in found.items() if "publish" in cls.uses]
        lines += [f"#   {table.name}:"] if kept else []
        lines += [f"#     {name_of(field)}: {todo('why the project needs it')}" for field in kept]
    return lines


def widest(cls: FieldClass) -> str:
    """Say the widest use a class may ever have, with the treatments it then needs and the exceptions it rests on."""
    kept = next((use for use in ("publish", "content") if use in cls.uses), None)
    treated = " or ".join(token.replace("date.", "date: ") for token in cls.treatments)
    words = ["link"] if "link" in cls.uses else []
    words += [f"{kept} ({treated})"] if kept else []
    said = f"At most: {' and '.join(words)}" if words else "Never used"
    needed = f"; needs {' or '.join(cls.needs)}" if cls.needs else ""
    own = "" if cls.cite.startswith(vocabulary.SAFE_HARBOR_CITE) else f" ({cls.cite} [{cls.mark}])"
    return f"{said}{needed}{own}"


def _tables(layout: Layout) -> list[str]:
    lines: list[str] = []
    for table in layout.tables.values():
        lines += [f"{table.name}:", *indented([f"means: {quoted(table.means)}", *_keys(table), *_fields(table)])]
    return lines


def _keys(table: LayoutTable) -> list[str]:
    """Return key and exclusions: live where rows are excluded, else for the day when something is granted."""
    key = f"key: [{', '.join(table.key)}]"
    if table.excludes:
        return [key, "excludes:", *indented([line for e in table.excludes for line in _exclusion(e)])]
    first = ["# With the first grant (a column of the key or of the record cannot stay denied):", f"# {key}"]
    return [*first, f"# record: {table.record}"] if table.record else first


def _exclusion(rule: LayoutExclusion) -> list[str]:
    said = [f"name: {rule.name}", f"field: {rule.field}", f"class: {rule.cls}", f"equals: {inline(rule.equals)}"]
    said += [f"safe: {inline(rule.safe)}"] if rule.safe else []
    said += ["cascade: true"] if rule.cascade else []
    said += [f"because: {quoted(rule.because)}", f"cite: {quoted(rule.cite)}"]
    return [f"- {said[0]}", *indented(said[1:])]


def _fields(table: LayoutTable) -> list[str]:
    names = {f.name: f"{name_of(f.name)}:" for f in table.fields.values()}
    wide, classes = max(map(len, names.values())), max(len(f.cls) for f in table.fields.values())
    acting = {e.field: "decides above which rows are never loaded" for e in table.excludes}
    if table.excludes:
        acting |= dict.fromkeys(table.key, "tells rows apart, see key")
    lines = ["fields:"]
    for field in table.fields.values():
        cls = vocabulary.field_classes()[field.cls]
        entry = f"{names[field.name]:<{wide}} {{class: {field.cls + ',':<{classes + 1}} use: none, "
        entry += 'reason: "Not needed"}'
        limit = widest(cls) if field.is_read else "The reader never hands it on"
        if field.name in acting:
            lines += indented(comment(f"{names[field.name]} {field.means}; {acting[field.name]}. {limit}."))
        else:
            lines += indented([f"{entry}  # {field.means}. {limit}."])
    if table.record:
        record = f"{names[table.record]} {{class: id.record, use: link, treatment: record, reason: ...}}"
        lines += indented([f"# To name the person's record: {record}"])
    return lines


def _own_table(standard: str, columns: Sequence[str]) -> list[str]:
    """Return the one table of a csv or parquet source, each column denied as what may say anything."""
    keys = vocabulary.keys()["table"]
    reason = todo("choose its class from vocabulary/field_classes.yaml, or leave it denied and say why")
    names = [f"{name_of(column)}:" for column in columns or ["todo_column"]]
    wide = max(map(len, names))
    entries = [f"{name:<{wide}} {{class: {UNKNOWN}, use: none, reason: {reason}}}" for name in names]
    said = [f"files: [{todo(f'visits_*.{standard}')}]", f"means: {todo(keys['means'].asks)}"]
    said += [f"# {name}: {keys[name]}" for name in ("key", "record", "optional")]
    return ["todo_table:", *indented([*said, "fields:", *indented(entries)])]
