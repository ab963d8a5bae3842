"""Child welfare: clients, reports (a report names one or more siblings) and placements, three full CSV files.

Belongs here: those files, sealed adoptions and confidential addresses included. Does not belong here:
family circumstances.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo import names
from pipelines.demo.days import FIRST_NIGHT, YEAR, written
from pipelines.demo.draw import Ints, between, chance, distinct, numbered, weighted
from pipelines.demo.identity import Identities
from pipelines.demo.nights import Records, schedule
from pipelines.demo.place import City, bad_lines
from pipelines.demo.rates import rate, rates
from pipelines.demo.text import Part, glue, save_table, take

AGENCY = "child_welfare"
LAST_NIGHT = 2
_DISPOSITIONS = ("substantiated", "unsubstantiated", "screened_out", "alternative_response")
_PLACEMENTS = ("kinship", "foster_family", "group_home", "residential_treatment")
_RACES = (
    "White",
    "Black",
    "Hispanic",
    "Asian",
    "Asian",
    "Asian",
    "American Indian",
    "Pacific Islander",
    "Two or more",
)


def deliver(city: City) -> Records:
    """Write each night's three files and return the client records."""
    records, report_day = _clients(city)
    book = Identities(city.children, records)
    reports, placements = _reports(city, records, report_day), _placements(city, records, report_day)
    for night in range(1, min(city.nights, LAST_NIGHT) + 1):
        seen = records.visible(night)
        folder, rng = city.folder(AGENCY, night), city.stream("child_welfare", "bad")
        for name, (columns, rows), key in (
            ("clients", (_client_columns(city, records, book, night), np.arange(records.size)), "missing"),
            ("reports", reports, "orphan"),
            ("placements", placements, "none"),
        ):
            shown = take(columns, pa.array(np.flatnonzero(seen[rows])))
            bad: list[str] = []
            if night == 1 and key != "none":
                bad = bad_lines(rng, shown, **{key: "client_id"})  # type: ignore[arg-type]
            save_table(folder / f"{name}.csv", shown, bad_lines=bad)
    return records


def _clients(city: City) -> tuple[Records, Ints]:
    """Return the clients and the day of the first report about each; siblings are often reported together."""
    children, home, rng = city.children, city.children.families, city.stream("child_welfare", "clients")
    odds = np.array(rates("child_welfare.by_income"))[home.income] * np.where(
        home.unstable, rate("child_welfare.unstable"), 1.0
    )
    reported = chance(rng, np.minimum(odds, 0.9), home.size)
    on = between(rng, FIRST_NIGHT - 3.1 * YEAR, np.full(home.size, FIRST_NIGHT - 10))
    named = reported[children.family] & chance(rng, 0.8, children.size) & (children.birth < on[children.family])
    who = np.flatnonzero(named & children.resident(on[children.family]))
    ids = numbered("CW-", distinct(rng, who.size, 1_000_000, 9_999_999), 7)
    day = on[children.family[who]]
    records = schedule(city.seed, "child_welfare", who, ids, day, nights=children.first_night[who], last=LAST_NIGHT)
    return records, day


def _client_columns(city: City, records: Records, book: Identities, night: int) -> dict[str, Part]:
    identity, rng = book.on(night), city.stream("child_welfare", "flags")
    group = city.children.families.group[city.children.family[records.child]]
    race = pc.if_else(pa.array(chance(rng, 0.05, records.size)), "", pa.array(_RACES).take(pa.array(group)))
    sealed, hidden = (chance(rng, rate(f"child_welfare.{flag}"), records.size) for flag in ("sealed", "confidential"))
    return {
        "client_id": records.ids,
        "first_name": identity.given,
        "middle_name": identity.middle,
        "last_name": identity.surname,
        "dob": identity.born(),
        "sex": identity.sex,
        "ssn": identity.ssn,
        "zip": identity.zip,
        "race": race,
        "sealed_adoption": pc.if_else(pa.array(sealed), "Y", "N"),
        "address_confidential": pc.if_else(pa.array(hidden), "Y", "N"),
    }


def _reports(city: City, records: Records, day: Ints) -> tuple[dict[str, Part], Ints]:
    """Return report rows and the client row of each: one report a family and day, some families twice."""
    rng, size = city.stream("child_welfare", "reports"), city.children.families.size
    family = city.children.family[records.child]
    again = chance(rng, 0.3, size)[family] & (day + 60 < FIRST_NIGHT)
    later = (day + 45 + (rng.random(size)[family] * (FIRST_NIGHT - day - 46)).astype(np.int64))[again]
    rows = np.concatenate([np.arange(records.size), np.flatnonzero(again)])
    on = np.concatenate([day, later])
    number = np.concatenate([family * 2, family[again] * 2 + 1])
    outcome = weighted(rng, rates("child_welfare.disposition"), rows.size)
    reporter = rng.integers(0, names.tables().given.size, rows.size)
    last = weighted(rng, names.tables().surname_weights["white"], rows.size)
    columns: dict[str, Part] = {
        "report_id": numbered("R-", 3_000_000 + number, 8),
        "client_id": records.ids.take(pa.array(rows)),
        "report_date": written(on),
        "disposition": pa.array(_DISPOSITIONS).take(pa.array(outcome)),
        "reporter_name": glue(
            names.tables().given.text(reporter, names.PLAIN),
            " ",
            names.tables().surnames.text(last, names.PLAIN),
        ),
    }
    return columns, rows


def _placements(city: City, records: Records, day: Ints) -> tuple[dict[str, Part], Ints]:
    rng = city.stream("child_welfare", "placements")
    income = city.life.income[records.child]
    rows = np.flatnonzero(chance(rng, rate("child_welfare.placed") * np.where(income <= 1, 1.3, 0.6), records.size))
    start = np.minimum(day[rows] + rng.integers(1, 40, rows.size), FIRST_NIGHT - 3)
    end = start + 20 + rng.gamma(1.5, 190, rows.size).astype(np.int64)
    columns: dict[str, Part] = {
        "placement_id": numbered("PL-", distinct(rng, rows.size, 100_000, 9_999_999), 7),
        "client_id": records.ids.take(pa.array(rows)),
        "start_date": written(start),
        "end_date": written(end, missing=end >= FIRST_NIGHT),
        "placement_type": pa.array(_PLACEMENTS).take(pa.array(weighted(rng, (0.44, 0.42, 0.09, 0.05), rows.size))),
    }
    return columns, rows
