"""A small city for return files: a district that asks, a clinic and a shelter that share, families that agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from sqlalchemy import insert
from support.licences import folder_of

from assets.night import Night, StatePaths
from assets.spine.build import build_spine
from consent.registry import open_registry, writing
from consent.tables import consent_event, consent_terms
from linkage.keys import KeyRing
from linkage.ledger import Ledger, Membership
from linkage.protected import Protected
from linkage.records import key_matrix, record_keys
from mou_policies.canonical import canonical_json, sha256
from mou_policies.policy import compile_policy

NIGHT = date(2026, 10, 15)
PURPOSE = "coordinate-housing"
VISIT = "410620009"

EMOU = """\
agreement: cabinet-2025
kind: emou
title: "What the city's agencies agreed on"
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  members:
    - {agency: district, name: "Schools", represented_by: "Head", contact: "schools@city.example"}
    - {agency: clinic, name: "Clinic", represented_by: "Head", contact: "clinic@city.example"}
    - {agency: shelter, name: "Shelter", represented_by: "Head", contact: "shelter@city.example"}
term: {from: 2025-07-01, to: 2030-06-30}
purposes: {link-records: "Find the child", coordinate-housing: "Help families without a home"}
permits: {link: ["*"], content: ["*"], publish: ["*"]}
"""

_DSA = """\
agreement: AGENCY-2025
kind: dsa
title: "Records of AGENCY"
under: [cabinet-2025]
parties:
  provider: {agency: AGENCY, name: "AGENCY", represented_by: "Head", contact: "AGENCY@city.example"}
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
term: {from: 2025-07-01, to: 2030-06-30}
authority: [{exception: EXCEPTION, cite: "CITE", elements: {ELEMENTS}}]
purposes: {link-records: "Find the child", coordinate-housing: "Help families without a home"}
destruction: {period_days: 180, starts: "when this ends", method: "erased", certificate: "within 30 days"}
redisclosure: {allowed: true, text: "To the agency a licence names, of children whose families agree"}
terms: {disclosure-log: "In the hub's book of disclosures"}
sources:
"""


def _dsa(agency: str, exception: str, elements: str, sources: str) -> str:
    said = ", ".join(f'{name}: "As stated"' for name in elements.split())
    text = _DSA.replace("AGENCY", agency).replace("EXCEPTION", exception).replace("ELEMENTS", said)
    return text.replace("CITE", f"{agency}'s door") + sources


def _source(name: str, tables: str) -> str:
    return f'  {name}:\n    title: "{name}"\n    standard: csv\n    delivery: full\n    tables:\n{tables}'


def _table(name: str, *fields: str) -> str:
    record = 'id: {class: id.record, use: link, treatment: record, reason: "Becomes a keyed record key"}'
    head = f'      {name}:\n        files: ["{name}_*.csv"]\n        key: [id]\n        record: id\n        fields:\n'
    return head + "".join(f"          {line}\n" for line in (record, *fields))


def _field(name: str, cls: str, treatment: str, column: str) -> str:
    return f'{name}: {{class: {cls}, use: publish, treatment: {treatment}, as: {column}, reason: "For a flag"}}'


DISTRICT = _dsa(
    "district",
    "ferpa.consent",
    "records purpose party signature who-signs",
    _source("school", _table("users", _field("grade", "education.grade", "keep", "grade"))),
)
CLINIC = _dsa(
    "clinic",
    "hipaa.authorization",
    "description discloser recipient purpose expiry signature statements",
    _source(
        "health",
        _table("Patient", _field("born", "birth.date", "{date: year}", "birth_year"))
        + _table(
            "Encounter",
            _field("status", "status.record", "keep", "status"),
            _field("code", "health.visit", "keep", "type_code"),
        ),
    ),
)
SHELTER = _dsa(
    "shelter",
    "hmis.privacy-notice",
    "notice seven-years victim-services",
    _source("hmis", _table("Enrollment", _field("entry", "date.event", "{date: month}", "entry_month"))),
)

DUL = """\
agreement: return-2026
kind: dul
title: "What the schools get back"
under: [cabinet-2025, district-2025, clinic-2025, shelter-2025]
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  recipient: {agency: district, name: "Schools", represented_by: "Head", contact: "schools@city.example"}
term: {from: 2025-07-01, to: 2030-06-30}
purposes: {coordinate-housing: "Offer a family help sooner"}
fields:
  health:
    Patient: {born: "Known to the clinic"}
    Encounter: {status: "Finished visits", code: "Well-child visits"}
  hmis:
    Enrollment: {entry: "This school year"}
release:
  name: return-district
  level: records
  minimum_cell: 10
  quasi_identifiers: ["health.Patient.born"]
  earlier_releases: considered
"""

AGREEMENTS = (EMOU, DISTRICT, CLINIC, SHELTER, DUL)

ROWS = {
    # table: columns, then child and values of every row
    "school__users": (
        "grade",
        [(child, "3") for child in ("ann", "bob", "cam", "dee", "eve", "fay", "gus", "hal", "ida")],
    ),
    "health__patient": ("birth_year", [(child, 2018) for child in ("ann", "bob", "cam", "dee", "fay", "gus", "ida")]),
    "health__encounter": ("status type_code", [("ann", "finished", VISIT), ("fay", "planned", VISIT)]),
    "hmis__enrollment": (
        "entry_month",
        [("ann", "2026-09"), ("cam", "2026-08"), ("fay", "2026-07"), ("hal", "2026-05")],
    ),
}


def raw(source: str, child: str) -> str:
    """The agency's own id of a child's record, which must never be found at rest."""
    return f"RAW-{source}-{child}-7f3a"


def city(root: Path, *agreements: str, protected: Sequence[str] = ()) -> Night:
    """Build content, ledger and spine of a night over `root`; children are linked across sources."""
    paths = StatePaths.under(root / "state", f"sqlite:///{root / 'state' / 'registry.sqlite'}")
    paths.root.mkdir(parents=True)
    ring = KeyRing.create(root / "keys")
    policy = compile_policy(folder_of(root / "agreements", *(agreements or AGREEMENTS)), NIGHT)
    night = Night(NIGHT, root / "landing", paths, ring, policy)
    members: dict[tuple[str, str], str] = {}
    with duckdb.connect(str(paths.content)) as con:
        for name, (columns, rows) in ROWS.items():
            source = name.partition("__")[0]
            keys = record_keys(pa.array([raw(source, row[0]) for row in rows]), source, ring)
            values = {column: [row[n] for row in rows] for n, column in enumerate(columns.split(), 1)}
            con.register("given", pa.table({"record_key": keys.cast(pa.binary()), **values}))
            con.execute(f"create table {name} as select * from given")
            con.unregister("given")
            members |= {(source, raw(source, row[0])): row[0] for row in rows}
    members |= {("consents", f"{child}.{n}"): child for child in set(members.values()) for n in (1, 2)}
    _link(night, members)
    if protected:
        keys = record_keys(pa.array([raw("school", child) for child in protected]), "school", ring)
        Protected(paths.protected, ring).update("school", keys, pa.array([], keys.type))
    build_spine(night)
    return night


def _link(night: Night, members: Mapping[tuple[str, str], str]) -> None:
    ordered = sorted(members)
    sources, children = sorted({source for source, _ in ordered}), sorted(set(members.values()))
    keys = [record_keys(pa.array([name]), source, night.keys)[0].as_py() for source, name in ordered]
    membership = Membership(
        tuple(sources),
        np.array([sources.index(source) for source, _ in ordered], np.int64),
        key_matrix(pa.array(keys, pa.binary(16))),
    )
    cluster = np.array([children.index(members[one]) for one in ordered], np.int64)
    Ledger(night.paths.ledger, night.keys).update(membership, cluster, np.empty((0, 16), np.uint8), night.date)


def say(night: Night, form: str, decision: str = "grant", scope: str = "outcomes", **terms: Any) -> None:
    """Record one form: `form` is child.n; `terms` are those of a grant, `expires` its last month."""
    expires = terms.pop("expires", None)
    plain = {
        "sources": [],
        "classes": [],
        "purposes": [],
        "recipients": [],
        "elements": {},
        "signer": "parent",
        **terms,
    }
    key = record_keys(pa.array([form]), "consents", night.keys)[0].as_py()
    row = {
        "event_id": sha256([form, decision, scope]), "record_key": key, "decision": decision, "scope": scope,
        "signed_month": "2026-08", "effective_month": "2026-08", "unreadable": 0, "recorded_night": "2026-08-10",
        "terms_id": sha256(plain) if terms else None, "expiry_month": expires,
    }  # fmt: skip
    engine = open_registry(night.paths.registry_url)
    with writing(engine, consent_event, consent_terms) as connection:
        connection.execute(insert(consent_event), [row])
        if terms:
            said = {"terms_id": sha256(plain), "terms": canonical_json(plain).decode()}
            connection.execute(insert(consent_terms).prefix_with("or ignore"), [said])
    engine.dispose()
