"""Agreements in which lint finds nothing: a city's EMOU, a school district's DSA under it, and a licence under both.

Tests change them by words (`support.mou.edited`) to plant what lint should find.
"""

# ruff: noqa: E501  (a line of an agreement stays one line)
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from support.mou import SIGNED_ON, edited, write

from mou_policies import signing
from mou_policies.language import agreement_files, read_agreement

HUB = '{agency: hub, name: "Children\'s Cabinet", represented_by: "Director", contact: "hub@city.example"}'
DISTRICT = (
    '{agency: district, name: "School District", represented_by: "Superintendent", contact: "data@school.example"}'
)

EMOU = f"""\
agreement: cabinet-2025
kind: emou
title: "Children's Cabinet"
parties:
  hub: {HUB}
  members:
    - {DISTRICT}
term: {{from: 2025-07-01, to: 2030-06-30}}
purposes: {{link-records: "Find the child", evaluate-education: "Evaluate", measure-success: "Publish how many"}}
permits:
  link: ["*"]
  content: ["*"]
  publish: ["birth.*", "sex", "education.*"]
destruction: {{period_days: 365, starts: "when this ends", method: "erased", certificate: "within 30 days"}}
redisclosure: {{allowed: false, text: "Nothing is passed on"}}
terms:
  definitions: "Words mean what the vocabulary says"
  governance: "The cabinet decides by majority"
  ownership: "Each member keeps its data"
  individuals: "No decision about a person is taken from the data, and nobody is contacted"
  requests: "Requests are judged by the data board"
  findings: "Members read findings ten days before they are published"
  transparency: "The cabinet's page lists every agreement and release"
  security: "Content and tokens are kept apart"
  breach: "Members are told within 24 hours, and loading stops"
  amendment: "In writing, signed by all"
  withdrawal: "With 30 days' notice"
  disputes: "The mayor's counsel mediates"
"""

DSA = f"""\
agreement: district-2025
kind: dsa
title: "Students"
under: [cabinet-2025]
parties:
  provider: {DISTRICT}
  hub: {HUB}
term: {{from: 2025-07-01, to: 2030-06-30}}
authority:
  - exception: ferpa.audit-evaluation
    cite: "34 CFR 99.31(a)(3), 99.35"
    elements:
      representative: "The hub is the district's authorized representative"
      information: "The fields below"
      purpose: "Evaluation of the district's programs"
      activity: "Measures of attendance and readiness"
      destruction: "180 days after the end"
      safeguards: "Tokens and content are kept apart"
purposes: {{link-records: "Find the child", evaluate-education: "Evaluate", measure-success: "Publish how many"}}
destruction: {{period_days: 180, starts: "when this ends", method: "erased", certificate: "within 30 days"}}
redisclosure: {{allowed: false, text: "Nothing is passed on"}}
terms:
  identity: "Keyed tokens; nobody tries to learn who is who"
  publication: "Aggregates after suppression"
  transfer: "Each night over the State's file transfer"
  custodians: "The district's registrar, the hub's data custodian"
  disclosure-log: "Every release is logged, open to the district"
  audit: "The district may inspect at any time"
  data-limits: "Home-schooled children are not in it"
sources:
  school:
    title: "Students"
    standard: csv
    files: ["students_*.csv"]
    delivery: full
    tables:
      students:
        excludes:
          - {{name: school.sealed, field: sealed, class: status.protection, equals: ["Y"], safe: ["N"], because: "Sealed records are not joined", cite: "A statute"}}
        fields:
          student_id: {{class: id.record, use: link, treatment: record, reason: "Becomes a keyed record key"}}
          first_name: {{class: name.given, use: link, treatment: tokenise, reason: "Links"}}
          dob:
            - {{class: birth.date, use: link, treatment: tokenise, reason: "Links"}}
            - {{class: birth.date, use: publish, treatment: {{date: year}}, as: birth_year, reason: "Cohort"}}
          ssn: {{class: id.ssn, use: link, treatment: tokenise, reason: "Links"}}
          zip: {{class: address.zip, use: content, treatment: zip3, as: zip3, reason: "Residence, coarse"}}
          grade: {{class: education.grade, use: publish, treatment: keep, reason: "Measures are by grade"}}
          notes: {{class: text.free, use: none, reason: "May say anything"}}
"""

DUL = f"""\
agreement: outcomes-2025
kind: dul
title: "Outcomes by cohort and grade"
under: [district-2025, cabinet-2025]
parties:
  hub: {HUB}
  recipient: {{agency: analytics, name: "Analytics", represented_by: "Data lead", contact: "data@city.example"}}
term: {{from: 2025-07-01, to: 2030-06-30}}
purposes: {{measure-success: "Publish how many"}}
fields:
  school:
    students:
      dob: "Cohort"
      grade: "Measures are by grade"
release:
  name: outcomes
  level: aggregate
  claims: [ferpa.deidentified]
  minimum_cell: 10
  quasi_identifiers: [school.students.grade]
  earlier_releases: considered
  attests:
    - {{says: reasonable-determination, by: "A. Example", role: "Chief privacy officer", on: 2025-07-01}}
terms:
  question: "How many children are in each grade?"
  people: "The data lead"
  environment: "The cabinet's own machine"
  identity: "Nobody is re-identified or contacted, nothing is linked"
  publication: "Counts below ten are suppressed"
  output-review: "The district reads it first"
  sanctions: "The licence ends"
"""

CLEAN: Mapping[str, str] = {"emou.yaml": EMOU, "dsa.yaml": DSA, "dul.yaml": DUL}


def planted(folder: Path, changes: Mapping[str, Mapping[str, str]], more: Mapping[str, str]) -> Path:
    """Write the clean agreements with words of some files replaced, and more files beside them; sign what can be."""
    for name, text in CLEAN.items():
        changed = text
        for old, new in changes.get(name, {}).items():
            changed = edited(old, new, changed)
        write(folder, changed, name)
    for name, text in more.items():
        write(folder, text, name)
    return sign_readable(folder)


def sign_readable(folder: Path) -> Path:
    """Sign every agreement that can be read, for every party."""
    keys: dict[tuple[str, str], Path] = {}
    for file in agreement_files(folder):
        agreement = read_agreement(file).agreement
        for party in agreement.parties if agreement else ():
            role = "hub" if party.role == "hub" else "provider"
            if (role, party.agency) not in keys:
                keys[role, party.agency] = signing.new_signer(folder, f"{role} signer", role, party.agency)
            signing.sign(file, keys[role, party.agency], SIGNED_ON)
    return folder
