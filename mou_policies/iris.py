"""Names that other systems can point at: IRIs of agreements, parties, fields and classes, and addresses of the law.

The project's own IRIs are names, not addresses (`urn:cradlepath` is registered nowhere). What is said with them is in
`odcs` and `odrl`; nothing here reads an agreement.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from mou_policies.model import Treatment

NAMESPACE = "urn:cradlepath:"

_LAW = (
    (re.compile(r"(\d+) CFR (\d+\.\d+)"), "https://www.ecfr.gov/current/title-{}/section-{}"),
    (
        re.compile(r"(\d+) USC (\d+\w*)"),
        "https://uscode.house.gov/view.xhtml?req=granuleid:USC-prelim-title{}-section{}",
    ),
)


def iri(kind: str, *parts: str) -> str:
    """Return the IRI of a thing: `iri("field", "birth", "births", "BWG")` is urn:cradlepath:field:birth/births/BWG."""
    return f"{NAMESPACE}{kind}:" + "/".join(quote(part, safe="") for part in parts)


def ceds_iri(code: str) -> str:
    """Return the IRI of an element of the Common Education Data Standards, such as P000033."""
    return f"http://ceds.ed.gov/terms#{code}"


def law_addresses(cite: str) -> tuple[str, ...]:
    """Return the public addresses of the sections of the CFR and the U.S. Code that a citation names, each once."""
    found = (form.format(*match.groups()) for pattern, form in _LAW for match in pattern.finditer(cite))
    return tuple(dict.fromkeys(found))


def treatment_value(treatment: Treatment) -> str | dict[str, Any]:
    """Return a treatment as an agreement writes it, but codes as pairs: "keep", {"top_code": 20}, {"date": "year"}."""
    settings: dict[str, Any] = {
        "date": treatment.unit,
        "top_code": treatment.limit,
        "band": list(treatment.edges),
        "recode": [list(pair) for pair in treatment.recode],
        "record": treatment.namespace_column,
    }
    setting = settings.get(treatment.kind)
    if setting is None:
        return treatment.kind
    more: dict[str, Any] = {"bands": list(treatment.bands)} if treatment.bands else {}
    if treatment.otherwise is not None:
        more["else"] = treatment.otherwise
    return {treatment.kind: setting, **more}


def treatment_text(treatment: Treatment) -> str:
    """Return the same as one text: the word, or JSON where there is a setting."""
    value = treatment_value(treatment)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
