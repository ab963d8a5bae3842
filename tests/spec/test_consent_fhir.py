"""FHIR R4 Consents as forms: what each resource comes to, and one delivery from its file to the ledger."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.hub import rows_of
from support.load_cases import NIGHT_1, NIGHT_2, City, field, source, table

from assets.extracts.load import load_source
from assets.extracts.readers.flatten import Flattener, columns_of
from assets.spine.consents import columns_read, record_consents, stored_forms
from consent.fhir import CODED, CONSENT_COLUMNS, MONTHS, forms_of, mapping
from consent.ledger import ConsentLedger
from consent.vocabulary import vocabulary

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def coded(*codes: str, system: str = "urn:any") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for code in codes]}


BASIC: dict[str, Any] = {
    # the shape of the standard's own example: an opt-out of a policy, with a period
    "resourceType": "Consent",
    "id": "consent-example-basic",
    "status": "active",
    "scope": coded("patient-privacy", system="http://terminology.hl7.org/CodeSystem/consentscope"),
    "category": [coded("59284-0", system="http://loinc.org")],
    "patient": {"reference": "Patient/f001", "display": "P. van de Heuvel"},
    "dateTime": "2026-05-11",
    "organization": [{"reference": "Organization/f001"}],
    "sourceAttachment": {"title": "The terms of the consent in lawyer speak."},
    "policyRule": coded("OPTOUT", system=ACT),
    "provision": {"period": {"start": "2026-06-01", "end": "2027-01-01"}},
}


def forms_from(*resources: dict[str, Any]) -> list[dict[str, Any]]:
    lines = pa.table({"row": range(len(resources)), "line": [json.dumps(r) for r in resources]})
    with Flattener() as flattener:
        rows = flattener.everything("Consent", lines)
    keys = pa.array([bytes([n]) * 16 for n in range(len(resources))], pa.binary())
    made = forms_of(rows.append_column("row_key", keys).append_column("record_key", keys), "exchange")
    return sorted(made.to_pylist(), key=lambda form: form["record_key"])


# What is said (parts of the resource, as JSON; the rest as in BASIC without a policy), and the form it comes to.
PERMIT = {"policyRule": None, "provision": {"type": "permit"}}
DENY = {"policyRule": None, "provision": {"type": "deny"}}
CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "opt_out health -"),
    ({"policyRule": coded("OPTIN")}, "grant health -"),
    ({"policyRule": None}, "- health -"),
    ({"policyRule": coded("OPTIN", "OPTOUT")}, "- health -"),
    (PERMIT, "grant health -"),
    (DENY, "refuse health -"),
    (DENY | {"policyRule": coded("OPTIN")}, "refuse health -"),
    (PERMIT | {"scope": coded("research")}, "grant research -"),
    (PERMIT | {"scope": coded("nonsense")}, "grant - -"),
    (PERMIT | {"status": "rejected"}, "refuse health -"),
    (PERMIT | {"status": "inactive"}, "revoke health -"),
    (PERMIT | {"status": "entered-in-error"}, "revoke health -"),
    (PERMIT | {"status": "nonsense"}, "- health -"),
    (PERMIT | {"status": "draft"}, ""),
    (PERMIT | {"status": "proposed"}, ""),
    (PERMIT | {"scope": coded("treatment")}, ""),
    (PERMIT | {"scope": coded("adr")}, ""),
    ({"provision": {"type": "permit", "purpose": [{"code": "HRESCH"}]}}, "grant health purposes=research"),
    ({"provision": {"type": "permit", "purpose": [{"code": "HMARKT"}]}}, "grant health purposes=?"),
    (
        {"provision": {"type": "permit", "class": [{"code": "Immunization"}]}},
        "grant health classes=health.immunization,date.immunization",
    ),
    ({"provision": {"type": "permit", "class": [{"code": "Goal"}]}}, "grant health classes=?"),
    (
        {"provision": {"type": "permit", "actor": [{"reference": {"reference": "Organization/City-U"}}]}},
        "grant health recipients=City-U",
    ),
    (
        {"provision": {"type": "permit", "actor": [{"reference": {"reference": "Practitioner/7"}}]}},
        "grant health recipients=?",
    ),
    ({"provision": {"type": "permit", "action": [coded("collect")]}}, "grant health classes=?"),
    ({"provision": {"type": "permit", "provision": [{"type": "deny"}]}}, "grant health classes=?"),
    ({"provision": {"type": "deny", "securityLabel": [{"code": "ETH"}]}}, "refuse health classes=?"),
]  # fmt: skip


def said_by(form: dict[str, Any] | None) -> str:
    """Write a form as the table of cases does: decision, scope and limits; empty for what is no form."""
    if form is None:
        return ""
    limits = [f"{name}={','.join(form[name].split())}" for name in ("purposes", "classes", "recipients") if form[name]]
    return " ".join([form["decision"] or "-", form["scope"] or "-", " ".join(limits) or "-"])


def test_what_a_consent_comes_to():
    resources = [{name: value for name, value in (BASIC | parts).items() if value is not None} for parts, _ in CASES]
    found = {form["record_key"][0]: form for form in forms_from(*resources)}
    assert [(parts, said_by(found.get(n))) for n, (parts, _) in enumerate(CASES)] == CASES


def test_the_example_of_the_standard_whole():
    (form,) = forms_from(BASIC)
    assert form == {
        "record_key": bytes(16), "decision": "opt_out", "scope": "health", "about_source": "exchange",
        "about_record": bytes(16), "signed_month": "2026-05-11", "effective_month": "2026-06-01",
        "expiry_month": "2027-01-01", "signer": None, "sources": None, "classes": None, "purposes": None,
        "recipients": None, "basis": None, "elements": "discloser patient", "evidence": None,
    }  # fmt: skip


CLAIMS = """
policy      | category | performer                  | basis               | signer
HIPAA-Auth  | -        | Patient/1                  | hipaa.authorization | student
-           | 42CFRPart2 | Patient/1                | part2.consent       | student
hipaa-auth  | 42CFRPart2 | RelatedPerson/2          | hipaa.authorization part2.consent | unknown
-           | -        | https://x.org/fhir/Organization/3 | -            | agency
-           | -        | Patient/1 RelatedPerson/2  | -                   | -
"""


@pytest.mark.parametrize("row", rows_of(CLAIMS)[1], ids=lambda row: " ".join(map(str, row)))
def test_the_bases_a_consent_claims_and_who_signed(row: list[str | None]):
    policy, category, performer, basis, signer = row
    codes = [] if policy is None else [policy]
    said = {
        "policyRule": coded("OPTIN", *codes),
        "category": [coded(category)] if category else [],
        "performer": [{"reference": reference} for reference in (performer or "").split()],
    }
    (form,) = forms_from(BASIC | said)
    assert (form["basis"], form["signer"], form["decision"]) == (basis, signer, "grant")


def test_the_mapping_names_columns_and_words_that_there_are():
    assert {*CODED, *MONTHS} <= set(columns_of("Consent"))
    words = vocabulary()
    for part in ("status", "type", "policy"):
        assert set(mapping()[part]["codes"].values()) - {"none", "provision"} <= set(words.decisions)
    assert set(mapping()["scope"]["codes"].values()) - {"none"} <= set(words.scopes)
    assert all(code == code.lower() for part in mapping().values() for code in part.get("codes", {}))
    assert all(
        "Consent." in path["path"]
        for part in mapping().values()
        for path in ([part] if "path" in part else part.values())
    )


PATIENT = table(
    "Patient", ["id"], "id", field("id", "id.record", "record"), field("name.given", "name.given"),
    field("name.family", "name.surname"), field("birthDate", "birth.date"), files=("*.ndjson",),
)  # fmt: skip
CONSENT = table(
    "Consent", ["id"], "patient", field("patient", "id.record", "record"),
    *(field(name, "consent.decision", "keep", name=name.replace(".", "_").lower()) for name in CODED),
    *(field(name, "date.record", "date.month", name=month) for name, month in MONTHS.items()),
    files=("*.ndjson",),
)  # fmt: skip


@pytest.mark.slow
def test_a_delivery_becomes_decisions_about_the_patients_record(tmp_path: Path):
    exchange = source("exchange", PATIENT, CONSENT, standard="fhir-bulk-r4", files=("*.ndjson",), kind="consent")
    city = City(tmp_path, exchange)
    patient = {"resourceType": "Patient", "id": "f001", "birthDate": "2015-02-03"}
    patient |= {"name": [{"family": "Heuvel", "given": ["Pia"]}]}
    grant = BASIC | {"id": "second", "policyRule": coded("OPTIN"), "scope": coded("research")}

    def night(on: date, *resources: dict[str, Any]) -> list[tuple[Any, ...]]:
        files = {f"{kind}.ndjson": "".join(json.dumps(r) + "\n" for r in resources if r["resourceType"] == kind)
                 for kind in {r["resourceType"] for r in resources}}  # fmt: skip
        city.deliver("exchange", on, files)
        loaded = load_source(city.night(on), "exchange")
        assert loaded.status == "loaded"
        record_consents(city.night(on))
        with ConsentLedger(city.paths.registry_url) as ledger:
            rows = ledger.active(on).to_pylist()
        about = city.keys_of("exchange", "f001")[0].as_py()
        assert {(row["about_source"], row["about_record"]) for row in rows} == {("exchange", about)}
        return sorted((row["decision"], row["scope"], row["effective_month"]) for row in rows)

    first = night(NIGHT_1, patient, BASIC, grant)
    assert first == [("grant", "research", "2026-06"), ("opt_out", "health", "2026-06")]
    assert set(stored_forms(city.night())["expiry_month"].to_pylist()) == {"2027-01"}
    second = night(NIGHT_2, patient, grant | {"status": "inactive"})
    assert second == [("opt_out", "health", "2026-06"), ("revoke", "research", "2026-06")]
    assert columns_read(exchange) >= {("Consent", "provision_type"), ("Consent", "signed_month")}
    assert set(CONSENT_COLUMNS) >= {"row_key", "record_key"}
