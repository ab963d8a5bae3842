"""A hub by hand: readable tables become a content store, a child-ID ledger and a policy.

A record is written as `child` or `child.n` (the n-th record of that child in the source), so the ledger
follows from the tables. Months, school years and numbers are as the hub keeps them; `-` is null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from assets.night import Night, StatePaths
from assets.outcomes.definitions import linked_tables, measures
from assets.spine.build import models
from assets.spine.declared import snake
from linkage.former import Former
from linkage.key_about import About
from linkage.keys import KeyRing
from mou_policies.policy import FieldPolicy, Policy, Refusal, SourcePolicy, TablePolicy, Treatment

NIGHT = date(2026, 9, 1)
RECORDS_OF = {"attendance": "school"}
NUMBERS = {
    "age_days", "value", "portion", "birth_weight_g", "gestation_weeks", "prenatal_visits",
    "prenatal_start_age_days", "birth_year", "absent", "day", "begin", "end", "score",
}  # fmt: skip


def key(source: str, record: str) -> bytes:
    return hashlib.sha256(f"{RECORDS_OF.get(source, source)}|{record}".encode()).digest()[:16]


def rows_of(text: str) -> tuple[list[str], list[list[str | None]]]:
    """Read a readable table: a header line, then one line a row; cells between bars or two blanks."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip() and set(line.strip()) - set("-|+ ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return cells[0], [[None if cell == "-" else cell for cell in row] for row in cells[1:]]


@dataclass(frozen=True)
class _Night(Night):
    """A night whose ledger names children as the test does."""

    links: tuple[tuple[str, bytes, str], ...] = ()
    formerly: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    merged_on: date | None = None

    def record_child(self) -> pa.Table:
        columns = list(zip(*self.links, strict=True)) or [(), (), ()]
        types = (pa.string(), pa.binary(), pa.string())
        arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
        return pa.table(arrays, names=["source", "record_key", "child_id"])

    def former_children(self, form_sources: Sequence[str] = ()) -> Former:
        """Return what children were until the night (or `merged_on`), as the test says by their forms."""
        parts = [(child, part, self.merged_on or self.date) for child, part, _ in self.formerly]
        records = [(part, key(form_sources[0], form), None) for _, part, forms in self.formerly for form in forms]
        return Former(
            pa.table({"child_id": pa.array([], pa.string()), "now": pa.array([], pa.string())}),
            _rows(parts, {"child_id": pa.string(), "part": pa.string(), "before_night": pa.date32()}),
            _rows(records, {"part": pa.string(), "record_key": pa.binary(), "child_id": pa.string()}),
        )


def _rows(rows: list[tuple[object, ...]], types: dict[str, pa.DataType]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    return pa.table([pa.array(c, t) for c, t in zip(columns, types.values(), strict=True)], names=list(types))


@dataclass
class Hub:
    """Builds the state folder of one night from readable tables given as {'source.Table': text}."""

    root: Path
    tables: dict[str, str]
    content_only: tuple[str, ...] = ()
    lapsed: tuple[str, ...] = ()
    extra_links: dict[tuple[str, str], str] = field(default_factory=dict)
    formerly: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def night(self, on: date = NIGHT) -> Night:
        self.root.mkdir(parents=True, exist_ok=True)
        paths = StatePaths.under(self.root)
        paths.content.unlink(missing_ok=True)
        with duckdb.connect(str(paths.content)) as content:
            links = self._fill(content)
        keys = KeyRing({"hub": bytes(range(32))}, About("0123456789abcdef"))
        return _Night(
            date=on,
            landing=self.root,
            paths=paths,
            keys=keys,
            policy=self.policy(on),
            links=tuple(sorted(links)),
            formerly=self.formerly,
        )

    def _fill(self, content: duckdb.DuckDBPyConnection) -> set[tuple[str, bytes, str]]:
        links = {
            (RECORDS_OF.get(source, source), key(source, record), child)
            for (source, record), child in self.extra_links.items()
        }
        for name, text in self.tables.items():
            source, table = name.split(".")
            columns, rows = rows_of(text)
            values: dict[str, list[object]] = {}
            for number, column in enumerate(columns):
                cells = [row[number] for row in rows]
                if column == "record":
                    values["record_key"] = [key(source, str(cell)) for cell in cells]
                    links |= {
                        (RECORDS_OF.get(source, source), key(source, str(cell)), str(cell).split(".")[0])
                        for cell in cells
                        if (source, str(cell)) not in self.extra_links
                    }
                elif column == "about_record":
                    values[column] = [None if cell is None else key(*cell.split("/")) for cell in cells]
                elif column in NUMBERS:
                    values[column] = [None if cell is None else float(cell) for cell in cells]
                else:
                    values[column] = list(cells)
            if "record_key" in values:
                values["row_key"] = [bytes(16)] * len(rows)
                values["digest"] = [bytes(16)] * len(rows)
            schema = pa.schema(
                [
                    (
                        column,
                        pa.binary()
                        if column in {"record_key", "row_key", "digest", "about_record"}
                        else pa.float64()
                        if column in NUMBERS
                        else pa.string(),
                    )
                    for column in values
                ]
            )
            content.register("given", pa.table(values, schema=schema))
            content.execute(f"create table {source}__{snake(table)} as select * from given")
            content.unregister("given")
        return links

    def policy(self, on: date = NIGHT) -> Policy:
        columns: dict[str, dict[str, set[str]]] = {}
        for item in (*(d.file for d in (*measures(), *linked_tables())), *models()):
            for ref in item.columns:
                columns.setdefault(ref.source, {}).setdefault(ref.table, set()).add(ref.column)
        for name, text in self.tables.items():
            source, table = name.split(".")
            columns.setdefault(source, {}).setdefault(table, set()).update(set(rows_of(text)[0]) - {"record"})
        sources = {
            source: _source(source, tables, self.content_only)
            for source, tables in columns.items()
            if source not in self.lapsed
        }
        refusals = tuple(
            Refusal(f"{source}.yaml", (source,), "the agreement ended", 7, "sign a new one") for source in self.lapsed
        )
        return Policy(on, sources, refusals, {}, "0" * 64, "trust")


def _source(source: str, tables: dict[str, set[str]], content_only: tuple[str, ...]) -> SourcePolicy:
    made = {
        table: TablePolicy(
            table, ("id",), "id", (),
            tuple(_field(source, table, column, content_only) for column in sorted(columns)),
            (), False,
        )
        for table, columns in tables.items()
    }  # fmt: skip
    return SourcePolicy(
        source=source, title=source, agency=f"{source}_agency", owner_contact="x@example.org",
        agreement_id=f"dsa-{source}", agreement_file=f"{source}.yaml", agreement_sha256="0" * 64, standard="csv",
        files=(), options={}, kind="consent" if source == "consents" else "records",
        records_of=RECORDS_OF.get(source), one_record_a_child=False, delivery="full", expects_days=2, tables=made,
    )  # fmt: skip


def _field(source: str, table: str, column: str, content_only: tuple[str, ...]) -> FieldPolicy:
    place = f"{source}.{table}.{column}"
    use = "content" if place in content_only or source == "consents" else "publish"
    return FieldPolicy(column, "test", use, Treatment("keep"), column, "a test", False, f"{source}.yaml:1 {place}")


def table_of(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()
