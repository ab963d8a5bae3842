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
from consent.forms import FORM_COLUMNS, FORM_SCHEMA
from consent.ledger import ConsentLedger, RecordReport
from mou_policies.policy import Policy

_PSEUDONYM = "p([0-9a-f]{2})+"
"""What the treatment `pseudonymise` makes: anything else may be the reference itself, and is left where it is."""


def stored_forms(night: Night) -> pa.Table:
    """Return every form in the content store (FORM_COLUMNS); a column not granted is null."""
    tables = [
        f"{source.source}__{snake(table)}"
        for source in night.policy.sources.values()
        if source.kind == "consent"
        for table in source.tables
    ]
    if not tables or not night.paths.content.exists():
        return FORM_SCHEMA.empty_table()
    parts = [FORM_SCHEMA.empty_table()]
    with duckdb.connect(str(night.paths.content), read_only=True) as connection:
        for table in tables:
            held = {
                row[0]
                for row in connection.execute(
                    "select column_name from duckdb_columns() where table_name = $table", {"table": table}
                ).fetchall()
            }
            if {"record_key", "decision", "scope"} <= held:
                columns = ", ".join(_column(name, held) for name in FORM_COLUMNS)
                found = connection.sql(f"select {columns} from {table}").to_arrow_table()
                parts.append(found.cast(FORM_SCHEMA))
    return _in_namespaces(night.policy, pa.concat_tables(parts))


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
