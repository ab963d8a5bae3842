"""Policies made for tests of readers: sources and tables with the columns a test wants, and what was read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from assets.extracts.delivery import ROW, Delivery, Limits, open_delivery
from mou_policies.model import FieldPolicy, SourcePolicy, TablePolicy, Treatment

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"


def field(name: str, use: str = "content", required: bool = False) -> FieldPolicy:
    kind = {"none": "drop", "link": "tokenise"}.get(use, "keep")
    return FieldPolicy(name, "test", use, Treatment(kind), name, "a test", required, f"test.yaml:1 t s.{name}")


def table(
    name: str,
    columns: Sequence[str],
    key: Sequence[str] | None = None,
    record: str | None = None,
    files: Sequence[str] = (),
    optional: bool = False,
    fields: Sequence[FieldPolicy] = (),
) -> TablePolicy:
    made = tuple(field(column) for column in columns) + tuple(fields)
    keyed = tuple(columns[:1]) if key is None else tuple(key)
    return TablePolicy(name, keyed, record, tuple(files), made, (), optional)


def source(
    standard: str,
    tables: Iterable[TablePolicy],
    options: Mapping[str, str | int | tuple[str, ...]] | None = None,
    delivery: str = "standard",
) -> SourcePolicy:
    return SourcePolicy(
        source="tested",
        title="A source in a test",
        agency="agency",
        owner_contact="nobody",
        agreement_id="t",
        agreement_file="test.yaml",
        agreement_sha256="",
        standard=standard,
        files=("*",),
        options=options or {},
        kind="records",
        records_of=None,
        one_record_a_child=False,
        delivery=delivery,
        expects_days=31,
        tables={t.table: t for t in tables},
    )


def read_all(delivery: Delivery, name: str) -> list[dict[str, object]]:
    """Every row of a table, as dictionaries."""
    return [row for batch in delivery.batches(name) for row in batch.rows.to_pylist()]


def read_csv(folder: Path, data: bytes, columns: Sequence[str], **kwargs: object) -> tuple[list[tuple], Delivery]:
    """Write `data` as one file, read `columns` of it: rows as (row number, cells...), and the delivery."""
    limits = kwargs.pop("limits", None) or Limits()
    path = folder / str(kwargs.pop("name", "rows.csv"))
    path.write_bytes(data)
    options = kwargs.pop("options", None)
    made = source("csv", [table("rows", list(columns), **kwargs)], options)  # type: ignore[arg-type]
    delivery = open_delivery(made, [path], limits)  # type: ignore[arg-type]
    rows = read_all(delivery, "rows")
    return [(row[ROW], *(row[c] for c in columns)) for row in rows], delivery


def problems(delivery: Delivery) -> list[tuple[int | None, str]]:
    """(row, reason) of every problem."""
    return [(p.row, str(p.reason)) for p in delivery.problems]


def zipped(path: Path, members: Mapping[str, bytes | str]) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path
