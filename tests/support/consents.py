"""Consent forms as readable tables."""

from __future__ import annotations

import pyarrow as pa
from support.hub import key, rows_of

from consent.form_terms import CELLS
from consent.forms import FORM_SCHEMA


def forms(text: str, source: str = "school") -> pa.Table:
    """Columns: record, decision, scope, about (a record of `source`), signed, effective, expires, evidence, CELLS.

    Missing ones are null.
    """
    columns, rows = rows_of(text)
    made = []
    for row in rows:
        said = dict(zip(columns, row, strict=True))
        about = said.get("about")
        made.append(
            {
                "record_key": key("consents", str(said["record"])),
                "decision": said["decision"],
                "scope": said["scope"],
                "about_source": source if about else None,
                "about_record": key(source, about) if about else None,
                "signed_month": said.get("signed"),
                "effective_month": said.get("effective"),
                "expiry_month": said.get("expires"),
                "evidence": key("evidence", said["evidence"] or "") if said.get("evidence") else None,
                **{name: said.get(name) for name in CELLS},
            }
        )
    return pa.Table.from_pylist(made, schema=FORM_SCHEMA)


__all__ = ["forms", "key"]
