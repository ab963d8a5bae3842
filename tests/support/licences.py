"""A small city of agreements for tests of releases: one EMOU, one DSA of a school district, one DUL for the release.

The school's fields have the columns that a measure reads (`support.hub`), so that the same agreements gate a night.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from support.mou import sign_all, write

from mou_policies.agreement import Agreement
from mou_policies.language import load_agreement

NIGHT = date(2026, 9, 1)

EMOU = """\
agreement: cabinet-2025
kind: emou
title: "What the city's agencies agreed on"
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  members:
    - {agency: registrar, name: "Registrar", represented_by: "Registrar", contact: "registrar@city.example"}
term: {from: 2025-07-01, to: 2030-06-30}
purposes:
  link-records: "Find the child"
  vital-statistics: "Births"
  measure-success: "Publish how many"
permits:
  link: ["*"]
  content: ["*"]
  publish: ["*"]
"""

DSA = """\
agreement: births-2025
kind: dsa
title: "Births"
under: [cabinet-2025]
parties:
  provider: {agency: registrar, name: "Registrar", represented_by: "Registrar", contact: "registrar@city.example"}
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
term: {from: 2025-07-01, to: 2030-06-30}
authority:
  - exception: vital.registrar-agreement
    cite: "State vital-records statute"
    elements: {statute: "A section", registrar: "Approved on 2 June 2025", small-cells: "No count below 10"}
purposes: {link-records: "Find the child", vital-statistics: "Births", measure-success: "Publish how many"}
destruction: {period_days: 180, starts: "when this ends", method: "erased", certificate: "within 30 days"}
redisclosure: {allowed: false, text: "Nothing is passed on"}
sources:
  birth:
    title: "Births"
    standard: csv
    files: ["births_*.csv"]
    delivery: delta
    tables:
      births:
        key: [cert]
        record: cert
        fields:
          cert: {class: id.record, use: link, treatment: record, reason: "Becomes a keyed record key"}
          born:
            - {class: birth.date, use: publish, treatment: {date: year}, as: birth_year, reason: "Cohort"}
            - {class: birth.date, use: publish, treatment: {date: school_year}, as: birth_school_year, reason: "Cohort"}
          sex: {class: sex, use: publish, treatment: keep, reason: "Breakdown"}
          weight: {class: birth.weight, use: publish, treatment: number, as: birth_weight_g, reason: "Low weight"}
          weeks: {class: birth.gestation, use: publish, treatment: number, as: gestation_weeks, reason: "Preterm"}
          school: {class: place.school, use: publish, treatment: keep, reason: "For the tests: a place"}
          zip: {class: address.zip, use: publish, treatment: zip3, as: zip3, reason: "Residence, coarse"}
          seen: {class: date.event, use: publish, treatment: {date: month}, as: seen, reason: "For the tests: a month"}
"""

DUL = """\
agreement: outcomes-2026
kind: dul
title: "The city's outcomes"
under: [births-2025]
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  recipient: {agency: public, name: "The public", represented_by: "Mayor", contact: "mayor@city.example"}
term: {from: 2025-07-01, to: 2030-06-30}
purposes: {measure-success: "Publish how many"}
fields:
  birth:
    births:
      born: "Cohort"
      sex: "Breakdown"
      weight: "Low birth weight"
      weeks: "Preterm birth"
release:
  name: outcomes
  level: aggregate
  claims: [ferpa.deidentified]
  minimum_cell: 11
  earlier_releases: considered
  attests:
    - {says: reasonable-determination, by: "Ada Park", role: "Privacy officer", "on": 2025-07-01}
    - {says: no-actual-knowledge, by: "Ada Park", role: "Privacy officer", "on": 2025-07-01}
"""

ROWS_DUL = DUL.replace(
    "level: aggregate",
    "level: records\n  quasi_identifiers: [birth.births.sex, birth.births.born]\n"
    "  records: {keep: [sex, race_ethnicity, low_birthweight, preterm], k: 12}",
)
"""The same licence at the level of records, for a file of rows."""

ACCEPTS = """\
accepts:
  - rule: FLD-008
    field: "birth.births.school"
    by: "Bo Reed"
    role: "Counsel"
    "on": 2025-07-01
    until: 2027-06-30
    because: "Schools are public"
"""


def folder_of(where: Path, *texts: str, on: date = date(2025, 7, 1)) -> Path:
    """Write agreements into a folder, each under its own id, and sign them all."""
    for text in texts:
        write(where, text, f"{text.split()[1]}.yaml")
    return sign_all(where, on)


def licence_in(where: Path, text: str = DUL) -> Agreement:
    """Read a licence as an agreement, signed or not."""
    return load_agreement(write(where, text, "outcomes.yaml"))
