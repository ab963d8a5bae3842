"""Consent forms of the content store become events of the consent ledger.

What belongs here: finding the forms that the load stored and recording them. What does not: the ledger
(`consent`), how a form is tokenised and linked (it is a record like any other), the gate (`gate`).
"""

# Names in these statements come from the agreements in force, never from data.
# ruff: noqa: S608

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.night import Night
from assets.spine.declared import quoted, snake
from consent.fhir import CONSENT_COLUMNS, forms_of
from consent.forms import FORM_COLUMNS, FORM_SCHEMA
from consent.ledger import ConsentLedger, RecordReport
from mou_policies.policy import Policy, SourcePolicy, TablePolicy

_PSEUDONYM = "p([0-9a-f]{2})+"
"""What the treatment `pseudonymise` makes: anything else may be the reference itself, and is left where it is."""


def stored_forms(night: Night) -> pa.Table:
    """Return every form in the content store (FORM_COLUMNS); a column not granted is null."""
    parts = [FORM_SCHEMA.empty_table()]
    if night.paths.content.exists():
        with duckdb.connect(str(night.paths.content), read_only=True) as connection:
            for source in night.policy.sources.values():
                if source.kind == "consent":
                    parts += [_forms(connection, source, table) for table in source.tables.values()]
    return _in_namespaces(night.policy, pa.concat_tables(parts))


def columns_read(source: SourcePolicy) -> set[tuple[str, str]]:
    """Return the columns that are read of a source of consents: table, name at the hub."""
    return {
        (table.table, column)
        for table in source.tables.values()
        for column in (_fhir_columns(table).values() if _is_fhir(source, table) else FORM_COLUMNS)
    }


def _forms(connection: duckdb.DuckDBPyConnection, source: SourcePolicy, table: TablePolicy) -> pa.Table:
    """Return the forms of one table of the content store; none where it holds no decisions."""
    name = f"{source.source}__{snake(table.table)}"
    held = {
        row[0]
        for row in connection.execute(
            "select column_name from duckdb_columns() where table_name = $table", {"table": name}
        ).fetchall()
    }
    if _is_fhir(source, table) and "record_key" in held:
        granted = {column: at for column, at in _fhir_columns(table).items() if at in held}
        columns = ", ".join(f"{quoted(at)} as {quoted(column)}" for column, at in granted.items())
        return forms_of(connection.sql(f"select {columns} from {name}").to_arrow_table(), source.namespace)
    if {"record_key", "decision", "scope"} <= held:
        columns = ", ".join(_column(column, held) for column in FORM_COLUMNS)
        return connection.sql(f"select {columns} from {name}").to_arrow_table().cast(FORM_SCHEMA)
    return FORM_SCHEMA.empty_table()


def _is_fhir(source: SourcePolicy, table: TablePolicy) -> bool:
    return (source.standard, table.table) == ("fhir-bulk-r4", "Consent")


def _fhir_columns(table: TablePolicy) -> dict[str, str]:
    """Return the columns of a table of Consents: name in the standard, name at the hub."""
    granted = {field.field: field.name for field in table.content_fields if field.field in CONSENT_COLUMNS}
    return {"row_key": "row_key", "record_key": "record_key"} | granted


def _column(name: str, held: set[str]) -> str:
    """Return the expression of a form's column; a reference to the paper is taken as a keyed pseudonym only."""
    if name not in held:
        return f"null as {quoted(name)}"
    if name == "evidence":
        return f"case when regexp_full_match(evidence, '{_PSEUDONYM}') then unhex(evidence[2:33]) end as evidence"
    return quoted(name)


def _in_namespaces(policy: Policy, forms: pa.Table) -> pa.Table:
    """Name the source whose record ids a form's named record uses: attendance uses the school's, say."""
    said = forms["about_source"].combine_chunks()
    words = pc.utf8_lower(pc.utf8_trim_whitespace(said))
    for name, source in policy.sources.items():
        if source.namespace != name:
            words = pc.if_else(pc.equal(words, name), source.namespace, words)
    return forms.set_column(forms.schema.get_field_index("about_source"), "about_source", words)


def record_consents(night: Night) -> RecordReport:
    """Record what the stored forms say that the ledger does not hold yet; safe to repeat."""
    with ConsentLedger(night.paths.registry_url) as ledger:
        return ledger.record(stored_forms(night), night.date)
