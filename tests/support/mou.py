"""Agreements for tests: a small one as text, edits by words, and folders signed by every party."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from mou_policies import signing
from mou_policies.language import agreement_files, load_agreement

DEMO = Path(__file__).resolve().parents[2] / "mou_policies" / "agreements"
SIGNED_ON = date(2025, 7, 1)
NIGHT = date(2026, 9, 1)

SMALL = """\
agreement: clinic-2025
title: "Visits to the after-school clinic"
parties:
  provider: {agency: clinic, name: "Clinic", represented_by: "Director", contact: "data@clinic.example"}
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
term: {from: 2025-07-01, to: 2030-06-30}
authority:
  - exception: hipaa.public-health
    cite: "45 CFR 164.512(b)(1)(i)"
    elements: {authority: "Grant of 2 June 2025", minimum: "Reasons stand beside the fields"}
purposes: {link-records: "Find the child", public-health: "Who is served", measure-success: "Publish how many"}
destruction: {period_days: 180, starts: "when this ends", method: "erased", certificate: "within 30 days"}
redisclosure: {allowed: false, text: "Nothing is passed on"}
sources:
  clinic:
    title: "Visits"
    standard: csv
    files: ["visits_*.csv"]
    delivery: delta
    tables:
      visits:
        key: [record_id]
        record: record_id
        fields:
          record_id: {class: id.record, use: link, treatment: record, reason: "Becomes a keyed record key"}
          first_name: {class: name.given, use: link, treatment: tokenise, reason: "Links"}
          dob:
            - {class: birth.date, use: link, treatment: tokenise, reason: "Links"}
            - {class: birth.date, use: publish, treatment: {date: year}, as: birth_year, reason: "Cohort"}
          ssn: {class: id.ssn, use: link, treatment: tokenise, reason: "Links"}
          zip: {class: address.zip, use: content, treatment: zip3, as: zip3, reason: "Residence, coarse"}
          visits: {class: health.visit, use: publish, treatment: {top_code: 20}, reason: "Children served"}
          notes: {class: text.free, use: none, reason: "May say anything"}
"""


def edited(old: str, new: str, text: str = SMALL) -> str:
    """Replace words that stand in the text exactly once."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def write(folder: Path, text: str = SMALL, name: str = "clinic.yaml") -> Path:
    """Write an agreement into a folder (made if absent)."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def sign_all(folder: Path, on: date = SIGNED_ON) -> Path:
    """Sign every agreement of a folder for every party, with keys made for the purpose beside it."""
    keys: dict[tuple[str, str | None], Path] = {}
    for file in agreement_files(folder):
        for need in signing.needs(load_agreement(file)):
            agency, office = need.party.agency, need.office
            if (agency, office) not in keys:
                role = "hub" if need.party.role == "hub" else "provider"
                name = f"{role} {office or 'signer'}"
                keys[agency, office] = signing.new_signer(folder, name, role, agency, office=office)
            signing.sign(file, keys[agency, office], on)
    return folder


def demo_folder(where: Path) -> Path:
    """Copy the demo agreements and sign them."""
    folder = where / "agreements"
    folder.mkdir(parents=True)
    for file in agreement_files(DEMO):
        shutil.copyfile(file, folder / file.name)
    return sign_all(folder)
