"""Health exchange: patients as FHIR R4 Bulk Data NDJSON in US Core shape.

Belongs here: `Patient.000.ndjson`, the `deleted.000.ndjson` Bundles of later nights and `log.ndjson`.
Does not belong here: what happened to patients (clinical, events).

For readers of Patient: identifiers are told apart by `type.coding.code` and `system`:
MR https://health-exchange.example.org/mrn; SS http://hl7.org/fhir/sid/us-ssn;
MC https://medicaid.example.gov/member-id. The mother is the `contact` whose relationship code is MTH
(v3-RoleCode); her maiden name is the extension patient-mothersMaidenName; race and ethnicity are
us-core-race and us-core-ethnicity (ombCategory, or text only). A child may have two patients.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo import names
from pipelines.demo.days import FIRST_NIGHT, night_date
from pipelines.demo.draw import Ints, Mask, between, chance, digits, uuids
from pipelines.demo.families import STREETS
from pipelines.demo.fhir import filled, maybe, piece, save_ndjson
from pipelines.demo.identity import Identities, Identity
from pipelines.demo.nights import Records, schedule
from pipelines.demo.place import City
from pipelines.demo.rates import rate
from pipelines.demo.text import Part, glue

AGENCY = "health_exchange"
# OMB category of each group of names.GROUPS; "Other Race" is sent as text only.
_OMB = (
    ("2106-3", "White"),
    ("2054-5", "Black or African American"),
    ("2131-1", "Other Race"),
    ("2028-9", "Asian"),
    ("2028-9", "Asian"),
    ("2028-9", "Asian"),
    ("1002-5", "American Indian or Alaska Native"),
    ("2076-8", "Native Hawaiian or Other Pacific Islander"),
    ("2106-3", "White"),
)
_NOTHING = pa.scalar(None, pa.string())


def deliver(city: City, records: Records, served: Mapping[int, Ints]) -> None:
    """Write the patients, deletions and log of every night.

    A night holds the patients that are new or corrected and those of `served`: the rows of patients about whom that
    night sends an event, since an event comes with the person it is about.
    """
    book = Identities(city.children, records)
    for night in range(1, city.nights + 1):
        folder = city.folder(AGENCY, night)
        rows = np.union1d(np.flatnonzero(records.sent(night)), served.get(night, np.empty(0, np.int64)))
        bad = _bad_patients(records, rows) if night == 1 else []
        save_ndjson(folder / "Patient.000.ndjson", _resource(city, records, book.on(night)), rows, bad)
        gone = np.flatnonzero(records.gone(night))
        if gone.size:
            save_ndjson(folder / "deleted.000.ndjson", filled("Bundle", id=records.ids), gone)
        _log(folder, night)


def make_patients(city: City) -> Records:
    """Return the patient records: most children, some of them twice."""
    children, rng = city.children, city.stream("health", "patients")
    once = np.flatnonzero(chance(rng, rate("health.patient"), children.size) | (children.first_night > 1))
    twice = once[chance(rng, rate("health.duplicate"), once.size)]
    who = np.concatenate([once, twice])
    end = np.minimum(children.leaves[who], FIRST_NIGHT - 5)
    recent = np.where(chance(rng, 0.65, who.size), end - 200, children.arrives[who])
    seen = between(rng, np.maximum(recent, children.arrives[who]), np.maximum(end, children.arrives[who] + 1))
    return schedule(city.seed, "health", who, uuids(rng, who.size), seen, nights=children.first_night[who])


def on_medicaid(city: City, who: Ints) -> Mask:
    """Return which patients of those rows the exchange knows as covered by Medicaid."""
    rng = city.stream("health", "medicaid")
    return chance(rng, np.array([0.9, 0.9, 0.75, 0.15, 0.02])[city.life.income[who]], who.size)


def _shown(rows: Mask, values: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(rows), values, _NOTHING)


def _resource(city: City, records: Records, book: Identity) -> list[Part]:
    children, rng = city.children, city.stream("health", "details")
    who, family = records.child, children.family[records.child]
    street = pa.array(STREETS).take(pa.array(children.families.street[family]))
    single = (children.plurality[who] == 1) | chance(rng, 0.2, who.size)
    maiden = _shown(chance(rng, 0.45, who.size), book.mother_maiden)
    race, ethnicity = _race(city, who)
    medicaid = _shown(on_medicaid(city, who), book.medicaid)
    return filled(
        "Patient",
        id=records.ids,
        race=race,
        ethnicity=ethnicity,
        maiden=piece("maiden", value=maiden),
        birthsex=pc.fill_null(book.sex, "UNK"),
        mrn=digits(700_000_000 + np.arange(who.size)),
        ssn=piece("identifier", code="SS", system="http://hl7.org/fhir/sid/us-ssn", value=_dashed(book.ssn)),
        medicaid=piece("identifier", code="MC", system="https://medicaid.example.gov/member-id", value=medicaid),
        family=book.surname,
        given=book.given,
        middle=maybe(',"', book.middle, '"'),
        gender=maybe(',"gender":"', pc.if_else(pc.equal(book.sex, "F"), "female", "male"), '"'),
        birthdate=maybe(',"birthDate":"', book.born(), '"'),
        line=glue(digits(children.families.house[family]), " ", street, " St"),
        zip=maybe(',"postalCode":"', book.zip, '"'),
        order=maybe(',"multipleBirthInteger":', _shown(~single, digits(children.order[who])), ""),
        mother=piece("mother", family=book.mother_surname, given=book.mother_given),
    )


def _dashed(ssn: pa.Array) -> pa.Array:
    cut = pc.utf8_slice_codeunits
    return pc.binary_join_element_wise(cut(ssn, 0, 3), cut(ssn, 3, 5), cut(ssn, 5, 9), "-")


def _race(city: City, who: Ints) -> tuple[pa.Array, pa.Array]:
    """Return the race and ethnicity extensions, absent for some patients; a few races are text only."""
    rng, group = city.stream("health", "race"), city.children.families.group[city.children.family[who]]
    code = pa.array([pair[0] for pair in _OMB]).take(pa.array(group))
    text = pa.array([pair[1] for pair in _OMB]).take(pa.array(group))
    first = pc.if_else(pc.equal(code, "2131-1"), "", piece("category", code=code, text=text))
    second = "".join(str(part) for part in filled("category", code="2054-5", text="Black or African American"))
    more = pc.if_else(pa.array(group == names.GROUPS.index("multi")), second, "")
    race = piece("us-core", extension="us-core-race", categories=glue(first, more), text=text)
    hispanic = pa.array(group == names.GROUPS.index("hispanic"))
    words = pc.if_else(hispanic, "Hispanic or Latino", "Not Hispanic or Latino")
    category = piece("category", code=pc.if_else(hispanic, "2135-2", "2186-5"), text=words)
    ethnicity = piece("us-core", extension="us-core-ethnicity", categories=category, text=words)
    shown = ~chance(rng, rate("health.race_missing"), who.size)
    return _shown(shown, race), _shown(shown, ethnicity)


def _bad_patients(records: Records, rows: Ints) -> list[str]:
    """Return lines no reader can use: JSON cut short, no id, an id sent twice."""
    again = records.ids[int(rows[0])].as_py()
    start = '{"resourceType":"Patient"'
    return [
        f'{start},"id":"cut-short","name":[{{"family":"Lost","giv',
        f'{start},"name":[{{"family":"Nobody","given":["Sam"]}}],"birthDate":"2020-05-05"}}',
        f'{start},"id":"{again}","name":[{{"family":"Twice","given":["Sent"]}}],"birthDate":"2020-05-05"}}',
    ]


def _log(folder: Path, night: int) -> None:
    stamp = night_date(night)
    lines = [
        f'{{"exportId":"demo-{stamp}","timestamp":"{stamp}T00:10:00-04:00","eventId":"{event}","eventDetail":{{}}}}\n'
        for event in ("kickoff", "status_complete", "manifest_complete", "export_complete")
    ]
    (folder / "log.ndjson").write_text("".join(lines), encoding="utf-8")
