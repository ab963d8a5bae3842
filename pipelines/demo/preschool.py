"""Early learning: public pre-K, Head Start and subsidised care enrolments, one full CSV file.

Belongs here: `enrolments.csv`, one row an enrolment (a child may have two years). Does not belong here: who
attends (circumstances).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.demo.days import FIRST_NIGHT, day, written
from pipelines.demo.draw import Ints, by_row, chance, distinct, numbered
from pipelines.demo.identity import Identities
from pipelines.demo.nights import Records, schedule
from pipelines.demo.place import City, bad_lines
from pipelines.demo.text import Part, save_table, take

AGENCY = "early_learning"
LAST_NIGHT = 2
_TYPES = ("public_prek", "head_start", "subsidised_care")
_FUNDING = ("state", "federal", "ccdf")
_TYPE_BY_INCOME = ((30, 55, 15), (32, 48, 20), (45, 20, 35), (85, 1, 14), (96, 0, 4))


def deliver(city: City) -> Records:
    """Write each night's file and return the child records."""
    children, rng = city.children, city.stream("preschool", "children")
    starts = np.array([day(f"{year}-09-05") for year in range(2022, 2027)])
    # The year before kindergarten: aged 4 on 1 September.
    age = np.floor((starts[None, :] - children.birth[:, None]) / 365.25)
    attends = city.life.preschool[:, None] & (age == 4)
    early = city.life.preschool[:, None] & (age == 3) & chance(rng, 0.35, children.size)[:, None]
    present = (children.arrives[:, None] <= starts + 60) & (starts < children.leaves[:, None])
    rows = (attends | early) & present
    who = np.flatnonzero(rows.any(axis=1))
    ids = numbered("EL-", distinct(rng, who.size, 100_000, 999_999), 6)
    seen = np.minimum(starts[np.argmax(rows[who], axis=1)], FIRST_NIGHT - 1)
    records = schedule(city.seed, "preschool", who, ids, seen, nights=children.first_night[who], last=LAST_NIGHT)
    book = Identities(children, records)
    record, year = np.nonzero(rows[who])
    enrolment = _enrolment(city, records, record, starts[year])
    for night in range(1, min(city.nights, LAST_NIGHT) + 1):
        identity = book.on(night)
        person: dict[str, Part] = {
            "child_id": records.ids,
            "child_first": identity.given,
            "child_middle": identity.middle,
            "child_last": identity.surname,
            "birth_date": identity.born(),
            "sex": identity.sex,
            "zip": identity.zip,
            "parent_first": identity.mother_given,
            "parent_last": identity.mother_surname,
        }
        columns = {"enrolment_id": enrolment["enrolment_id"], **take(person, pa.array(record)), **enrolment}
        shown = take(columns, pa.array(np.flatnonzero(records.visible(night)[record])))
        bad = bad_lines(city.stream("preschool", "bad"), shown, missing="child_id") if night == 1 else []
        save_table(city.folder(AGENCY, night) / "enrolments.csv", shown, bad_lines=bad)
    return records


def _enrolment(city: City, records: Records, record: Ints, start: Ints) -> dict[str, Part]:
    rng, who = city.stream("preschool", "enrolments"), records.child[record]
    begin = np.maximum(start + rng.integers(-5, 12, who.size), city.children.arrives[who])
    left_early = chance(rng, 0.12, who.size)
    end = np.where(left_early, start + rng.integers(40, 230, who.size), start + 284)
    end = np.maximum(np.minimum(end, city.children.leaves[who]), begin + 5)
    kind = by_row(rng, _TYPE_BY_INCOME, city.life.income[who])
    return {
        "enrolment_id": numbered("PE-", distinct(rng, who.size, 1_000_000, 9_999_999), 7),
        "program_type": pa.array(_TYPES).take(pa.array(kind)),
        "start_date": written(begin),
        "end_date": written(end, missing=end >= FIRST_NIGHT),
        "funding": pa.array(_FUNDING).take(pa.array(kind)),
    }
