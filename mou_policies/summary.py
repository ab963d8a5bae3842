"""A source as its agreement grants it, in plain language: one row a field, for stewards and auditors.

Only words of the agreement and of the vocabulary; no data is seen here.
"""

from __future__ import annotations

from mou_policies import vocabulary
from mou_policies.model import Exclusion, FieldPolicy, SourcePolicy, TablePolicy

COLUMNS = ("table", "field", "is", "may be", "after", "as", "because", "clause")


def summary(source: SourcePolicy) -> list[dict[str, str]]:
    """Return one row (keys `COLUMNS`) for each grant, denial and exclusion of a source, in file order."""
    rows = []
    for table in source.tables.values():
        rows += [_exclusion_row(table, exclusion) for exclusion in table.excludes]
        rows += [_field_row(table, field) for field in table.fields]
        rows += [_key_row(table, name) for name in table.key if name not in {f.field for f in table.fields}]
    return rows


def treatment_words(field: FieldPolicy) -> str:
    """Say in a sentence what a field's treatment does, with its setting."""
    treatment = field.treatment
    if treatment.kind == "drop":
        return "-"
    if treatment.namespace_column:
        return f"keyed record key of the source that {treatment.namespace_column} names"
    rule = vocabulary.treatments()[treatment.token]
    setting = {
        "top_code": f" ({treatment.limit:g})" if treatment.limit is not None else "",
        "band": " (" + ", ".join(f"{edge:g}" for edge in treatment.edges) + ")",
        "recode": f" ({len(treatment.recode)} codes)",
    }.get(treatment.kind, "")
    return rule.means.split(";")[0] + setting


_MAY_BE = {
    "link": "linked, not kept",
    "content": "kept, restricted",
    "publish": "kept, published in aggregate",
    "none": "not used",
}


def _field_row(table: TablePolicy, field: FieldPolicy) -> dict[str, str]:
    return _row(
        table,
        field.field,
        vocabulary.field_classes()[field.cls].means,
        _MAY_BE[field.use],
        treatment_words(field),
        field.name if field.is_content else "-",
        field.reason,
        field.clause,
    )


def _key_row(table: TablePolicy, column: str) -> dict[str, str]:
    means = vocabulary.field_classes()["id.event"].means
    return _row(
        table,
        column,
        means,
        "read, not kept",
        "part of the row's keyed digest",
        "-",
        "tells rows apart",
        table.clause,
    )


def _exclusion_row(table: TablePolicy, rule: Exclusion) -> dict[str, str]:
    reach = ", and what refers to them" if rule.cascade else ""
    unless = f", or anything but {', '.join(rule.safe)}" if rule.protective else ""
    return _row(
        table,
        rule.field,
        f"Rows where it is {', '.join(rule.equals)}{unless}",
        "never loaded" + reach,
        rule.name,
        "-",
        f"{rule.because} ({rule.cite})",
        table.clause,
    )


def _row(table: TablePolicy, *cells: str) -> dict[str, str]:
    return dict(zip(COLUMNS, (table.table, *cells), strict=True))
