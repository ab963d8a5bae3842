"""Agreements of every kind, amendments of them, and signers with offices, for tests of signatures."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from support.mou import edited, write

from mou_policies import signing
from mou_policies.language import load_agreement

EMOU = """\
agreement: cabinet-2025
kind: emou
title: "What the city's agencies share, and what for"
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  members:
    - {agency: clinic, name: "Clinic", represented_by: "Director", contact: "data@clinic.example"}
    - {agency: camp, name: "Camp", represented_by: "Director", contact: "data@camp.example"}
term: {from: 2025-07-01, to: 2030-06-30}
purposes: {link-records: "Find the child", public-health: "Who is served", measure-success: "Publish how many"}
permits:
  link: ["*"]
  content: ["*"]
  publish: ["health.*", "birth.date"]
prohibits:
  - {use: [publish], class: ["benefit.*"], because: "Nobody is to be shown as poor", cite: "Cabinet, 3 May 2025"}
  - {use: [content, publish], class: ["housing.*"], because: "Courts seal them", cite: "State statute"}
limits:
  - {use: [publish], class: ["birth.date"], treatment: {date: year}, because: "Coarse enough", cite: "Cabinet"}
"""

UNDER = edited("term:", "under: [cabinet-2025]\nterm:")

DUL = """\
agreement: outcomes-2025
kind: dul
title: "How the city's children do"
under: [clinic-2025]
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  recipient: {agency: university, name: "University", represented_by: "Provost", contact: "data@uni.example"}
term: {from: 2025-07-01, to: 2030-06-30}
purposes: {measure-success: "Publish how many"}
fields:
  clinic:
    visits:
      visits: "Children served"
      dob: "By cohort"
release:
  name: outcomes
  level: aggregate
  claims: [ferpa.deidentified]
  minimum_cell: 11
  earlier_releases: considered
  attests:
    - {says: reasonable-determination, by: "A. Registrar", role: "Registrar", on: 2025-07-01}
accepts:
  - {rule: AGR-011, by: "C. Counsel", role: "Counsel", on: 2025-07-01, until: 2026-12-31, because: "Named in the EMOU"}
"""


def amending(file: Path, new_id: str, text: str, *, starts: str = "2026-07-01") -> str:
    """Return the text of an amendment of the agreement in `file`: `text` under a new id and first day."""
    before = load_agreement(file)
    chain = f'amends: {{agreement: {before.agreement_id}, sha256: "{before.sha256}"}}\n'
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("amends:"))
    named = body.replace(f"agreement: {before.agreement_id}\n", f"agreement: {new_id}\n{chain}")
    return named.replace("term: {from: 2025-07-01", f"term: {{from: {starts}").replace(
        "term: {from: 2026-07-01", f"term: {{from: {starts}"
    )


class Signers:
    """Keys made when they are first asked for, by agency and office, listed in the folder's trust store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys: dict[tuple[str, str, str | None], Path] = {}

    def key(self, role: str, agency: str, office: str | None = None) -> Path:
        """Return the key of who signs for an agency in a role and an office."""
        wanted = (role, agency, office)
        if wanted not in self.keys:
            name = f"{role} {office or 'signer'}"
            self.keys[wanted] = signing.new_signer(self.folder, name, role, agency, office=office)
        return self.keys[wanted]

    def sign(self, file: Path, on: date, *, leave_out: tuple[str, ...] = ()) -> Path:
        """Sign a file for every party and office but the agencies left out."""
        for need in signing.needs(load_agreement(file)):
            role = "hub" if need.party.role == "hub" else "provider"
            if need.party.agency not in leave_out:
                signing.sign(file, self.key(role, need.party.agency, need.office), on)
        return file

    def written(self, name: str, text: str, on: date) -> Path:
        """Write an agreement and sign it for every party."""
        return self.sign(write(self.folder, text, name), on)
