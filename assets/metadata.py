"""Rows as Dagster shows them: a table on the page of an asset. Counts and names only; what they are is the caller's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema


def rows_table(rows: Sequence[Mapping[str, Any]]) -> MetadataValue[Any]:
    """Return at least one row of plain values as a table; the first row names the columns."""
    kinds = {name: "int" if isinstance(value, int) else "string" for name, value in rows[0].items()}
    schema = TableSchema(columns=[TableColumn(name, kind) for name, kind in kinds.items()])
    return MetadataValue.table([TableRecord(dict(row)) for row in rows], schema)


def with_tables(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata in which every list of rows is a table; an empty list is left out."""
    return {
        name: rows_table(value) if isinstance(value, list) else value
        for name, value in told.items()
        if not isinstance(value, list) or value
    }
