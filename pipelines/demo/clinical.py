"""Health exchange: what happened to patients, as Immunization, Encounter, Observation and Coverage NDJSON.

Belongs here: the FHIR form of events and which night sends them.
Does not belong here: the events (events), the patients (health).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo import events
from pipelines.demo.days import FIRST_NIGHT, written
from pipelines.demo.draw import Ints, between, chance, digits, uuids
from pipelines.demo.events import Events
from pipelines.demo.fhir import filled, maybe, save_ndjson
from pipelines.demo.health import AGENCY, on_medicaid
from pipelines.demo.nights import Records
from pipelines.demo.place import City
from pipelines.demo.rates import rates
from pipelines.demo.text import Part

_STATUSES = ("completed", "not-done", "entered-in-error")
_ENCOUNTERS = (
    ("410620009", "Well child visit (procedure)"),
    ("185345009", "Encounter for symptom (procedure)"),
)
_LABS = (
    ("5671-3", "Lead [Mass/volume] in Blood", "ug/dL"),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL"),
)


def deliver(city: City, records: Records) -> dict[int, Ints]:
    """Write doses, visits, laboratory results and coverage; return the rows of the patients served, by night."""
    made = [_doses(city, records), _visits(city, records), _labs(city, records)]
    _coverage(city, records)
    rows, due = (np.concatenate(columns) for columns in zip(*made, strict=True))
    return {night: np.unique(rows[due == night]) for night in range(1, city.nights + 1)}


def _pick(table: list[str], code: Ints) -> pa.Array:
    return pa.array(table, pa.string()).take(pa.array(code))


def _doses(city: City, records: Records) -> tuple[Ints, Ints]:
    doses, products = events.doses(city)
    found, rows = _of_patients(city, records, doses)
    rng = city.stream("health", "doses")
    status = np.searchsorted(np.cumsum(rates("health.dose_status"))[:-1], rng.random(rows.size))
    parts = filled(
        "Immunization",
        id=uuids(rng, rows.size),
        status=_pick(list(_STATUSES), status),
        cvx=_pick([product.cvx for product in products], found.code),
        display=_pick([product.display for product in products], found.code),
        patient=records.ids.take(pa.array(rows)),
        day=written(found.day),
    )
    due = _due(records, rows, found.day)
    _save(city, "Immunization", parts, due)
    return rows, due


def _visits(city: City, records: Records) -> tuple[Ints, Ints]:
    found, rows = _of_patients(city, records, events.visits(city))
    rng = city.stream("health", "visits")
    minute = rng.integers(0, 4, rows.size) * 10
    parts = filled(
        "Encounter",
        id=uuids(rng, rows.size),
        code=_pick([pair[0] for pair in _ENCOUNTERS], found.code),
        display=_pick([pair[1] for pair in _ENCOUNTERS], found.code),
        patient=records.ids.take(pa.array(rows)),
        day=written(found.day),
        hour=digits(8 + rng.integers(0, 9, rows.size), 2),
        minute=digits(minute, 2),
        until=digits(minute + 25, 2),
    )
    due = _due(records, rows, found.day)
    _save(city, "Encounter", parts, due)
    return rows, due


def _labs(city: City, records: Records) -> tuple[Ints, Ints]:
    found, rows = _of_patients(city, records, events.lead(city))
    parts = filled(
        "Observation",
        id=uuids(city.stream("health", "labs"), rows.size),
        code=_pick([lab[0] for lab in _LABS], found.code),
        display=_pick([lab[1] for lab in _LABS], found.code),
        unit=_pick([lab[2] for lab in _LABS], found.code),
        patient=records.ids.take(pa.array(rows)),
        day=written(found.day),
        value=pc.cast(pa.array(found.value), pa.string()),
    )
    due = _due(records, rows, found.day)
    _save(city, "Observation", parts, due)
    return rows, due


def _of_patients(city: City, records: Records, made: Events) -> tuple[Events, Ints]:
    """Return the events of patients and the patient of each (a duplicate takes one in four)."""
    rng, size = city.stream("health", "split"), city.children.size
    first, second = np.full(size, -1), np.full(size, -1)
    original = np.zeros(records.size, dtype=bool)
    original[np.unique(records.child, return_index=True)[1]] = True
    first[records.child[original]] = np.flatnonzero(original)
    second[records.child[~original]] = np.flatnonzero(~original)
    other = second[made.child]
    row = np.where((other >= 0) & chance(rng, 0.25, other.size), other, first[made.child])
    kept = np.flatnonzero(row >= 0)
    return Events(made.child[kept], made.day[kept], made.code[kept], made.value[kept]), row[kept]


def _due(records: Records, rows: Ints, day: Ints) -> Ints:
    """Return the night that sends each event: the patient's first, or the night after it; 0 once withdrawn."""
    due = np.maximum(records.first[rows], np.maximum(day - FIRST_NIGHT + 2, 1))
    gone = (records.withdrawn[rows] > 0) & (records.withdrawn[rows] <= due)
    return np.where(gone, 0, due)


def _save(city: City, kind: str, parts: list[Part], due: Ints) -> None:
    """Write the resources of each night; the first also holds one of an unknown patient."""
    who = '"patient"' if kind == "Immunization" else '"subject"'
    orphan = f'{{"resourceType":"{kind}","id":"orphan-{kind.lower()}",{who}:{{"reference":"Patient/nobody"}}}}'
    for night in range(1, city.nights + 1):
        index = np.flatnonzero(due == night)
        if index.size:
            path = city.folder(AGENCY, night) / f"{kind}.000.ndjson"
            save_ndjson(path, parts, index, [orphan] if night == 1 else [])


def _coverage(city: City, records: Records) -> None:
    rng, size = city.stream("health", "coverage"), records.size
    arrives = city.children.arrives[records.child]
    public = pa.array(on_medicaid(city, records.child))
    begin = np.minimum(between(rng, arrives, np.full(size, FIRST_NIGHT - 30)), FIRST_NIGHT + 1)
    ended = chance(rng, 0.12, size) & (begin < FIRST_NIGHT - 200)
    parts = filled(
        "Coverage",
        id=uuids(rng, size),
        status=pc.if_else(pa.array(ended), "cancelled", "active"),
        code=pc.if_else(public, "PUBLICPOL", "MCPOL"),
        display=pc.if_else(public, "public healthcare", "managed care policy"),
        subscriber=digits(rng.integers(0, 10**9, size), 9),
        patient=records.ids,
        start=written(begin),
        end=maybe(',"end":"', written(np.minimum(begin + 365, FIRST_NIGHT - 1), missing=~ended), '"'),
        payor=pc.if_else(public, "State Medicaid", "Commercial plan"),
    )
    _save(city, "Coverage", parts, records.first)
