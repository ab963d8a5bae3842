"""FHIR Consents, as the extract's rows, made into forms by the mapping in `fhir_consent.yaml`.

A form of a FHIR source is one Consent; the patient whose consent it is, is the record that the form names. What belongs
here: codes to words, once for every distinct combination of codes. What does not: reading resources (the extract
standard `fhir-bulk-r4`), what the words mean (`forms`, `form_terms`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from ruamel.yaml import YAML

from consent.forms import FORM_SCHEMA

_FILE = Path(__file__).with_name("fhir_consent.yaml")

CODED = (
    "status",
    "scope.code",
    "category.code",
    "policyRule.code",
    "performer",
    "organization",
    "provision.type",
    "provision.purpose",
    "provision.class",
    "provision.actor",
    "provision.unread",
)
"""Columns of a Consent that hold codes: text, several joined by `;`."""

MONTHS = {
    "dateTime": "signed_month",
    "provision.period.start": "effective_month",
    "provision.period.end": "expiry_month",
}
"""Columns of a Consent that hold dates (at the hub: months, 'YYYY-MM'), and what they are on a form."""

CONSENT_COLUMNS = ("row_key", "record_key", *CODED, *MONTHS)
"""Columns of a table of Consents: `row_key` names the consent, `record_key` its patient (16 bytes each)."""

_UNREAD = "?"
_SAYS = ("decision", "scope", "signer", "basis", "elements", "purposes", "classes", "recipients")


@cache
def mapping() -> Mapping[str, Mapping[str, Any]]:
    """Return `fhir_consent.yaml`: for each part of a form the element paths and the words of codes."""
    found: dict[str, Mapping[str, Any]] = YAML(typ="safe").load(_FILE.read_text(encoding="utf-8"))
    return found


def forms_of(consents: pa.Table, source: str) -> pa.Table:
    """Return the forms (`forms.FORM_SCHEMA`) of Consents (CONSENT_COLUMNS, a missing one is null) of a source.

    What is no decision about data, or none yet, is left out.
    """
    given = pa.table({name: _column(consents, name) for name in CONSENT_COLUMNS})
    codes = ", ".join(f'"{name}"' for name in CODED)
    months = ", ".join(f'given."{name}" as {month}' for name, month in MONTHS.items())
    said = ", ".join(f"words.{name}" for name in _SAYS)
    same = " and ".join(f'given."{name}" is not distinct from words."{name}"' for name in CODED)
    with duckdb.connect() as connection:
        connection.register("given", given)
        combinations = connection.sql(f"select distinct {codes} from given").to_arrow_table()  # noqa: S608
        connection.register("words", _read(combinations))
        made = connection.sql(
            f"""
            select given.row_key as record_key, given.record_key as about_record, {months}, {said}
            from given join words on {same}
            """  # noqa: S608 - names of columns
        ).to_arrow_table()
    about = pa.array([source] * made.num_rows, pa.string())
    made = made.append_column("about_source", about)
    columns = [
        made[item.name].cast(item.type) if item.name in made.column_names else pa.nulls(made.num_rows, item.type)
        for item in FORM_SCHEMA
    ]
    return pa.table(columns, schema=FORM_SCHEMA)


def _column(consents: pa.Table, name: str) -> pa.ChunkedArray | pa.Array:
    kind = pa.binary() if name in {"row_key", "record_key"} else pa.string()
    return consents[name].cast(kind) if name in consents.column_names else pa.nulls(consents.num_rows, kind)


def _read(combinations: pa.Table) -> pa.Table:
    """Return the combinations of codes that are decisions about data, with the words of a form beside them."""
    rows = [row | said for row in combinations.to_pylist() if (said := _form(row)) is not None]
    schema = pa.schema([(name, pa.string()) for name in (*CODED, *_SAYS)])
    return pa.Table.from_pylist(rows, schema=schema)


def _form(row: Mapping[str, str | None]) -> dict[str, str | None] | None:
    decision, scope = _decision(row), _code("scope", row["scope.code"])
    if "none" in (decision, scope):
        return None
    limits = {
        "purposes": _words("purposes", row["provision.purpose"]),
        "classes": _words("classes", row["provision.class"]),
        "recipients": row["provision.actor"],
    }
    if row["provision.unread"]:
        limits["classes"] = _UNREAD
    claims = [_code("basis", code) for name in ("policyRule.code", "category.code") for code in _codes(row[name])]
    # the patient is no code: every Consent has one, or it was no row
    shown = [item["element"] for name, item in mapping()["elements"].items() if name not in CODED or row[name]]
    signers = {_code("signer", kind) or "unknown" for kind in _codes(row["performer"])}
    return {
        "decision": decision,
        "scope": scope,
        "signer": signers.pop() if len(signers) == 1 else None,
        "basis": " ".join(sorted({claim for claim in claims if claim})) or None,
        "elements": " ".join(sorted(shown)) or None,
        **limits,
    }


def _decision(row: Mapping[str, str | None]) -> str | None:
    """Return the word of the decision, `none` for none yet, None for one that cannot be read."""
    said = _code("status", row["status"])
    if said != "provision":
        return said
    if row["provision.type"] is not None:
        return _code("type", row["provision.type"])
    policies = {word for code in _codes(row["policyRule.code"]) if (word := _code("policy", code))}
    return policies.pop() if len(policies) == 1 else None


def _codes(cell: str | None) -> list[str]:
    return [code for code in re.split(r"[;\s]+", cell) if code] if cell else []


def _code(part: str, code: str | None) -> str | None:
    found = mapping()[part]["codes"].get(code.strip().lower()) if code else None
    return str(found) if found is not None else None


def _words(part: str, cell: str | None) -> str | None:
    """Return the words of the codes of a cell; a code that is not listed becomes one that names nothing."""
    return " ".join(_code(part, code) or _UNREAD for code in _codes(cell)) or None
