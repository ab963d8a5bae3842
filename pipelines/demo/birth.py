"""Vital records: births as IJE natality fixed-width records of 4000 characters, capitals, ASCII.

Belongs here: `natality_<date>.dat`. The certificate (record id) is IDOB_YR-BSTATE-FILENO. A record voided
later is sent again with VOID=1. Layout: data/ije_natality.csv, from the HL7 BFDR mapping of the IJE file
(24-06-21). Does not belong here: what a birth was like (circumstances).
"""

from __future__ import annotations

from functools import cache
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.demo import names, rates
from pipelines.demo.days import FIRST_NIGHT, MONTH, night_date, parts
from pipelines.demo.draw import Ints, Mask, between, by_row, chance, digits, weighted
from pipelines.demo.families import STREETS
from pipelines.demo.identity import Identities, Identity
from pipelines.demo.nights import Records, schedule
from pipelines.demo.place import CITY, STATE, City
from pipelines.demo.rates import rate
from pipelines.demo.text import Part, glue

LENGTH = 4000
AGENCY = "vital_records"
_CHUNK = 20_000
# IJE race boxes (MRACE1-15) ticked for each group, and for the second race of the group `multi`.
_RACE_BOX = {
    "white": 1,
    "black": 2,
    "aian": 3,
    "south_asian": 4,
    "chinese": 5,
    "vietnamese": 9,
    "nhpi": 14,
    "hispanic": 1,
}


@cache
def layout() -> dict[str, tuple[int, int]]:
    """Return field name -> (zero-based start, length)."""
    return {row["field"]: (int(row["start"]) - 1, int(row["length"])) for row in rates.rows("ije_natality.csv")}


def certificates(years: Ints) -> tuple[Ints, pa.Array]:
    """Return certificate numbers (counted within each year, in row order) and record ids."""
    order = np.argsort(years, kind="stable")
    sorted_years = years[order]
    place = np.arange(years.size) - np.searchsorted(sorted_years, sorted_years)
    number = np.empty(years.size, dtype=np.int64)
    number[order] = place + 1
    return number, glue(digits(years, 4), f"-{STATE}-", digits(number, 6))


def deliver(city: City) -> Records:
    """Write every night's birth file and return the records."""
    children = city.children
    who = np.flatnonzero(children.born_here)
    who = who[np.lexsort((children.order[who], children.family[who], children.birth[who]))]
    year = parts(children.birth[who])[0]
    number, ids = certificates(year)
    records = schedule(city.seed, "birth", who, ids, children.birth[who], nights=children.first_night[who])
    book, facts = Identities(children, records), _facts(city, who)
    for night in range(1, city.nights + 1):
        fields = {
            **_constants(),
            **facts,
            **_people(book.on(night)),
            **_dates(book.on(night), year),
            "FILENO": digits(number, 6),
        }
        fields["VOID"] = pa.array(np.where(records.gone(night), "1", "0").tolist())
        rows = np.flatnonzero(records.sent(night) | records.gone(night))
        path = city.folder(AGENCY, night) / f"natality_{night_date(night).replace('-', '')}.dat"
        with path.open("wb") as handle:
            _write(handle, fields, rows, bad=night == 1)
    return records


def _write(handle: BinaryIO, fields: dict[str, Part], rows: Ints, *, bad: bool) -> None:
    for start in range(0, rows.size, _CHUNK):
        chosen = rows[start : start + _CHUNK]
        handle.write(_matrix(fields, chosen).tobytes())
    if not bad or rows.size < 10:
        return
    spoiled = _matrix(fields, rows[:: max(1, rows.size // 3)][:3].copy())
    first, length = layout()["FILENO"]
    spoiled[1, first : first + length] = ord(" ")
    # An exact repeat of a certificate, a record without its number, a record cut short by a bad transfer.
    handle.write(spoiled[0].tobytes() + spoiled[1].tobytes() + spoiled[2, :913].tobytes() + b"\n")
    handle.write(_matrix(fields, rows[-1:]).tobytes())


def _matrix(fields: dict[str, Part], rows: Ints) -> NDArray[np.uint8]:
    """Return the records as bytes (rows x 4001, the last a line feed)."""
    out = np.full((rows.size, LENGTH + 1), ord(" "), dtype=np.uint8)
    out[:, LENGTH] = ord("\n")
    index = pa.array(rows)
    for field, values in fields.items():
        start, length = layout()[field]
        if isinstance(values, str):
            out[:, start : start + length] = np.frombuffer(values.ljust(length).encode("ascii"), dtype=np.uint8)
            continue
        text = pc.fill_null(values.take(index), "")
        padded = pc.ascii_rpad(pc.binary_slice(pc.cast(text, pa.binary()), 0, length).cast(pa.string()), length)
        raw = np.frombuffer(padded.buffers()[2], dtype=np.uint8, count=rows.size * length)
        out[:, start : start + length] = raw.reshape(rows.size, length)
    return out


def _constants() -> dict[str, Part]:
    return {
        "BSTATE": STATE,
        "CNTYO": "007",
        "BPLACE": "1",
        "STATEC": STATE,
        "COUNTRYC": "US",
        "COUNTYC": "007",
        "BRTHCITY": CITY.upper(),
        "HOSP": "DEMO WOMEN AND INFANTS HOSPITAL",
        "CITYTEXT": CITY.upper(),
        "COUNTYTXT": "PROVIDENCE",
        "STATETXT": "RHODE ISLAND",
        "CNTRYTXT": "UNITED STATES",
        "ILIV": "Y",
        "LIMITS": "Y",
        "SSN_REQ": "Y",
        "BW_BYPASS": "0",
        "OWGEST_BYPASS": "0",
        "NPREV_BYPASS": "0",
        "PLUR_BYPASS": "0",
    }


def _people(identity: Identity) -> dict[str, Part]:
    """Return name, sex and ZIP fields, in capitals and ASCII."""
    book = identity.upper()
    return {
        "KIDFNAME": book.given,
        "KIDMNAME": book.middle,
        "KIDLNAME": book.surname,
        "ISEX": pc.fill_null(book.sex, "N"),
        "MOMFNAME": book.mother_given,
        "MOMLNAME": book.mother_surname,
        "MOMMAIDN": book.mother_maiden,
        "MOMFMNME": book.mother_given,
        "ZIPCODE": book.zip,
        "MAIL_ZIPCODE": book.zip,
    }


def _dates(identity: Identity, year: Ints) -> dict[str, Part]:
    """Return the birth date in three parts, its year as certified; an invalid date is 30 February."""
    _, month, of_month = parts(identity.birth)
    wrong = identity.birth_invalid
    return {
        "IDOB_YR": digits(year, 4),
        "IDOB_MO": digits(np.where(wrong, 2, month), 2),
        "IDOB_DY": digits(np.where(wrong, 30, of_month), 2),
    }


def _triple(prefix: str, days: Ints, unknown: Mask, never: Mask | None = None) -> dict[str, Part]:
    """Return year, month and day fields; unknown is 9999/99/99, never is 8888/88/88."""
    year, month, of_month = parts(days)
    none = np.zeros(days.size, dtype=bool) if never is None else never
    out: dict[str, Part] = {}
    for suffix, value, width in (("YR", year, 4), ("MO", month, 2), ("DY", of_month, 2)):
        coded = np.where(none, int("8" * width), np.where(unknown, int("9" * width), value))
        out[f"{prefix}_{suffix}"] = digits(coded, width)
    return out


def _letters(values: Mask, yes: str = "Y", no: str = "N") -> pa.Array:
    return pc.if_else(pa.array(values), yes, no)


def _facts(city: City, who: Ints) -> dict[str, Part]:
    """Return everything of the certificate that is no identifier of the child."""
    children, home, life = city.children, city.children.families, city.life
    family, rng = children.family[who], city.stream("birth", "facts")
    income, birth = life.income[who], children.birth[who]
    unknown = [chance(rng, rate("birth.unknown"), who.size) for _ in range(5)]
    mother_age = (birth - home.mother_birth[family]) // 365.25
    pay = 1 + by_row(rng, [[88, 4, 7, 1], [82, 9, 7, 2], [62, 28, 6, 4], [12, 82, 3, 3], [3, 94, 2, 1]], income)
    facts: dict[str, Part] = {
        "PLUR": digits(children.plurality[who], 2),
        "SORD": digits(np.where(children.plurality[who] > 1, children.order[who], 1), 2),
        "LIVEB": pc.if_else(pa.array(children.plurality[who] > 1), digits(children.plurality[who], 2), ""),
        "BWG": digits(np.where(unknown[0], 9999, life.weight[who]), 4),
        "OWGEST": digits(np.where(unknown[1], 99, life.gestation[who]), 2),
        "PAY": digits(pay),
        "MEDUC": digits(home.education[family]),
        "WIC": _letters(chance(rng, np.array([0.72, 0.66, 0.45, 0.08, 0.01])[income], who.size)),
        "MARN": _letters(~home.single[family]),
        "ACKN": pc.if_else(pa.array(home.single[family]), _letters(chance(rng, 0.7, who.size)), "X"),
        "MAGER": digits(np.clip(mother_age, 12, 50).astype(np.int64), 2),
        "TB": digits(rng.integers(0, 24, who.size) * 100 + rng.integers(0, 60, who.size), 4),
        "APGAR5": digits(np.clip(9 - rng.poisson(0.35, who.size), 0, 10), 2),
        "ROUT": digits(1 + weighted(rng, (0.66, 0.005, 0.025, 0.31), who.size)),
        "BFED": _letters(chance(rng, 0.74 + 0.04 * income, who.size)),
        "NICU": _letters(life.gestation[who] < 35),
        "MAGE_BYPASS": "0",
        **_triple("MDOB", home.mother_birth[family], unknown[2]),
        **_race(home.group[family], rng),
        **_prenatal(rng, birth, life.gestation[who], income, unknown[3]),
        **_address(city, family, birth),
    }
    return facts


def _race(group: Ints, rng: np.random.Generator) -> dict[str, Part]:
    """Return the mother's Hispanic origin (METHNIC1-4) and race boxes (MRACE1-15)."""
    hispanic = group == names.GROUPS.index("hispanic")
    origin = weighted(rng, (0.12, 0.28, 0.02, 0.58), group.size)
    out: dict[str, Part] = {f"METHNIC{n + 1}": _letters(hispanic & (origin == n), "H") for n in range(4)}
    multi = group == names.GROUPS.index("multi")
    boxes = {number: np.zeros(group.size, dtype=bool) for number in range(1, 16)}
    for name, box in _RACE_BOX.items():
        boxes[box] |= group == names.GROUPS.index(name)
    boxes[1] |= multi
    boxes[1] &= ~(hispanic & (rng.random(group.size) < 0.35))
    boxes[2] |= multi & (rng.random(group.size) < 0.6)
    boxes[3] |= multi & ~boxes[2]
    out |= {f"MRACE{number}": _letters(ticked) for number, ticked in boxes.items()}
    return out


def _prenatal(rng: np.random.Generator, birth: Ints, weeks: Ints, income: Ints, unknown: Mask) -> dict[str, Part]:
    """Return last menses, first prenatal visit and number of visits (expected: every 4, 2, then 1 weeks)."""
    pregnant = birth - weeks * 7
    late = chance(rng, np.array(rates.rates("birth.late_care_by_income"))[income], birth.size)
    never = chance(rng, rate("birth.no_care"), birth.size) & ~unknown
    begun = np.where(late, between(rng, 95, np.maximum(weeks * 7 - 10, 96)), between(rng, 38, np.full(birth.size, 92)))
    begun = np.minimum(begun, weeks * 7 - 3)
    expected = _visits(weeks) - _visits(begun // 7) + 1
    kept = np.clip(rng.normal(0.98 - 0.06 * (income <= 1), 0.17, birth.size), 0.2, 1.5)
    visits = np.where(never, 0, np.where(unknown, 99, np.clip(np.rint(expected * kept), 1, 60))).astype(np.int64)
    return {
        **_triple("DLMP", pregnant, unknown),
        **_triple("DOFP", pregnant + begun, unknown, never),
        "NPREV": digits(visits, 2),
    }


def _visits(week: Ints) -> Ints:
    """Return the recommended number of visits by a week of pregnancy (American College of Obstetricians)."""
    return np.minimum(week, 28) // 4 + np.clip(week - 28, 0, 8) // 2 + np.maximum(week - 36, 0)


def _address(city: City, family: Ints, birth: Ints) -> dict[str, Part]:
    home, given = city.children.families, names.tables().given
    last = names.tables().surnames
    number, street = digits(home.house[family]), pa.array(STREETS).take(pa.array(home.street[family]))
    registered = np.minimum(birth + 9, FIRST_NIGHT + int(MONTH))
    year, month, of_month = parts(registered)
    return {
        "STNUM": number,
        "STNAME": pc.utf8_upper(street),
        "STDESIG": "ST",
        "ADDRESS": pc.utf8_upper(glue(number, " ", street, " ST")),
        "DADFNAME": pc.utf8_upper(given.text(home.father_given[family], names.PLAIN)),
        "DADLNAME": pc.utf8_upper(last.text(home.father_surname[family], names.PLAIN)),
        "MOM_SSN": digits(home.mother_ssn[family], 9),
        "REGISTER_YR": digits(year, 4),
        "REGISTER_MO": digits(month, 2),
        "REGISTER_DY": digits(of_month, 2),
    }
