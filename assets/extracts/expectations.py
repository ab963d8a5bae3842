"""Great Expectations over one table's treated rows: suites from standard and agreement, counts only.

A suite asks that the columns are the granted ones, that row keys are there and tell rows apart, that required
fields are stated, and that values look as `expectations.yaml` says. It sees every row that could be staged,
after treatment: no raw value, no name. Great Expectations is imported when the first suite runs (it takes
seconds), never before.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from ruamel.yaml import YAML

from assets.extracts.columns import DIGEST, KEY, RECORD_KEY, ROW_KEY
from mou_policies.model import FieldPolicy, TablePolicy
from mou_policies.treatments import output_types

_RAW_CODES = frozenset({"keep", "number", "date"})
_COUNTS = {"result_format": "BASIC", "partial_unexpected_count": 0}
"""Counts of unexpected values; the list of them is cut to nothing by Great Expectations itself."""


@dataclass(frozen=True)
class Outcome:
    """One expectation of one column: whether it holds, of how many values, how many differ. No value."""

    expectation: str
    column: str
    passed: bool
    values: int
    unexpected: int


@cache
def _rules() -> Mapping[str, Mapping[str, Any]]:
    path = Path(__file__).with_suffix(".yaml")
    rules: Mapping[str, Mapping[str, Any]] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return rules


def rule_of(standard: str, table: str, field: FieldPolicy) -> Mapping[str, Any] | None:
    """Return the rule for a content field (`values`, `pattern` or `least`/`most`), or None where there is none."""
    kind = field.treatment.kind
    if kind not in _RAW_CODES:
        return None
    if kind == "date":
        return _rules()["dates"].get(field.treatment.unit or "")
    found = _rules()["standards"].get(standard, {}).get(f"{table}.{field.field}") or _rules()["classes"].get(field.cls)
    fits = found is not None and ("least" in found) == (kind == "number")
    return found if fits else None


def expect(standard: str, table: TablePolicy, rows: pa.Table, differing: float) -> list[Outcome]:
    """Run the suite of one table over its staged rows (treated columns), and return every outcome.

    `differing` is the share of values that may differ from their rule. An expectation that cannot be evaluated
    fails; the reason for it, which may hold a value, is dropped.
    """
    expectations = list(_suite(standard, table, rows.column_names, 1 - differing))
    frame = _frame(rows)
    result = _validate(frame, [gx_form for _, _, gx_form in expectations])
    return [_outcome(name, column, found) for (name, column, _), found in zip(expectations, result, strict=True)]


def _suite(standard: str, table: TablePolicy, columns: list[str], mostly: float) -> Iterator[tuple[str, str, Any]]:
    """Yield (name, column, expectation) for one table."""
    known = gx().expectations
    granted = [ROW_KEY, *(name for f in table.content_fields if not f.is_record for name in output_types(f))]
    yield "granted columns", "*", known.ExpectTableColumnsToMatchSet(column_set=granted, exact_match=True)
    yield "not null", ROW_KEY, known.ExpectColumnValuesToNotBeNull(column=ROW_KEY)
    yield "unique", ROW_KEY, known.ExpectColumnValuesToBeUnique(column=ROW_KEY, mostly=mostly)
    for field in table.content_fields:
        if field.name not in columns:
            continue
        if field.required:
            yield "not null", field.name, known.ExpectColumnValuesToNotBeNull(column=field.name)
        rule = rule_of(standard, table.table, field)
        if rule is None:
            continue
        about: dict[str, Any] = {"column": field.name, "mostly": mostly}
        if "values" in rule:
            yield (
                "code list",
                field.name,
                known.ExpectColumnValuesToBeInSet(value_set=list(rule["values"]), **about),
            )
        elif "pattern" in rule:
            yield "pattern", field.name, known.ExpectColumnValuesToMatchRegex(regex=rule["pattern"], **about)
        else:
            least, most = rule["least"], rule["most"]
            yield (
                "range",
                field.name,
                known.ExpectColumnValuesToBeBetween(min_value=least, max_value=most, **about),
            )


def _frame(rows: pa.Table) -> pd.DataFrame:
    """Return the treated rows as pandas: whole numbers as 64 bits, which Great Expectations compares as columns.

    The row key becomes the number its first eight bytes make, which is quicker to tell apart.
    """
    content = rows.drop_columns([name for name in (DIGEST, RECORD_KEY, ROW_KEY) if name in rows.column_names])
    wide = {f.name: pa.float64() if pa.types.is_integer(f.type) else f.type for f in content.schema}
    frame: pd.DataFrame = content.cast(pa.schema(wide.items())).to_pandas()
    keys = rows[ROW_KEY].combine_chunks().cast(KEY)
    raw = np.frombuffer(keys.buffers()[1], np.uint64)[2 * keys.offset : 2 * (keys.offset + len(keys))]
    return frame.assign(**{ROW_KEY: pd.Series(raw[::2], dtype="uint64")})


def _validate(frame: pd.DataFrame, expectations: list[Any]) -> list[Any]:
    module = gx()
    suite = module.ExpectationSuite(name="table", expectations=expectations)
    definition = _context().data_sources.all()["staged"].get_asset("rows").get_batch_definition("all")
    found = definition.get_batch({"dataframe": frame}).validate(suite, result_format=_COUNTS)
    by_config = {(r.expectation_config.type, r.expectation_config.kwargs.get("column")): r for r in found.results}
    return [by_config[e.configuration.type, e.configuration.kwargs.get("column")] for e in expectations]


def _outcome(name: str, column: str, found: Any) -> Outcome:
    result = found.result or {}
    return Outcome(
        expectation=name,
        column=column,
        passed=bool(found.success),
        values=int(result.get("element_count") or 0),
        unexpected=int(result.get("unexpected_count") or 0),
    )


@cache
def gx() -> Any:
    """Import Great Expectations, quiet: no progress bars, no analytics, no log lines that could quote a value."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    with _unseen("pyspark"):
        import great_expectations  # noqa: PLC0415  (takes seconds: only a night needs it)

    return great_expectations


@contextmanager
def _unseen(module: str) -> Iterator[None]:
    """Let nobody import a module meanwhile: Great Expectations would load PySpark, which no check here uses."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # its import then fails
    try:
        yield
    finally:
        del sys.modules[module]


@cache
def _context() -> Any:
    """Return one ephemeral context, with one place for frames; nothing of it is written to disk."""
    context = gx().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    context.data_sources.add_pandas("staged").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    return context
