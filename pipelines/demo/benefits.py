"""Economic assistance and WIC: one CSV a month and program, as four systems export them.

Belongs here: snap (comma, BOM, CRLF, MM/DD/YYYY, capitals), tanf (comma, MM/DD/YYYY, capitals), medicaid
(comma, ISO dates, capitals), wic (semicolon, cp1252, YYYYMMDD). Night 1 brings fourteen months, night 2 a
supplement of new and corrected persons and the WIC month that was late. Does not belong here: who is
eligible (families).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo.days import day, night_date
from pipelines.demo.draw import Ints, Mask, chance, distinct, numbered
from pipelines.demo.identity import Identities
from pipelines.demo.nights import Records, schedule
from pipelines.demo.place import City, bad_lines
from pipelines.demo.rates import rate, rates
from pipelines.demo.text import PLAIN, Dialect, Part, save_table, take

MONTHS = tuple(f"{2025 + (6 + n) // 12}-{(6 + n) % 12 + 1:02d}" for n in range(14))
LATE_WIC_MONTH = "2026-07"
_CP1252 = r"^[\x00-\x7fÀ-ÖØ-öø-ÿŒœŠšŸŽž]*$"


@dataclass(frozen=True)
class Program:
    """How a program's system writes its files."""

    name: str
    agency: str
    dates: str
    capitals: bool
    until_age: int
    dialect: Dialect = PLAIN


PROGRAMS = (
    Program("snap", "economic_assistance", "us", True, 19, Dialect(bom=True, newline="\r\n")),
    Program("tanf", "economic_assistance", "us", True, 19),
    Program("medicaid", "economic_assistance", "iso", True, 19),
    Program("wic", "wic", "compact", False, 5, Dialect(delimiter=";", encoding="cp1252")),
)


@dataclass(frozen=True)
class Caseload:
    """The persons of a program: their records, identities and months (persons x months)."""

    program: Program
    records: Records
    book: Identities
    months: Mask


def deliver(city: City) -> list[Records]:
    """Write the files of all four programs and return their records."""
    out = []
    for program in PROGRAMS:
        load = _caseload(city, program)
        _monthly(city, load)
        if city.nights > 1:
            _supplement(city, load)
        out.append(load.records)
    return out


def _month_days() -> Ints:
    return np.array([day(f"{month}-01") for month in MONTHS])


def _family_months(city: City, program: str) -> Mask:
    """Return families x months: spells that begin with eligibility and end and resume at monthly rates."""
    home, rng = city.children.families, city.stream("benefits", program)
    takes = chance(rng, np.array(rates(f"{program}.by_income"))[home.income], home.size)
    on = np.zeros((home.size, len(MONTHS)), dtype=bool)
    on[:, 0] = takes & chance(rng, 0.9, home.size)
    for month in range(1, len(MONTHS)):
        leaves = chance(rng, rate("benefit.leave_month"), home.size)
        returns = takes & chance(rng, rate("benefit.return_month"), home.size)
        on[:, month] = np.where(on[:, month - 1], ~leaves, returns)
    return on


def _caseload(city: City, program: Program) -> Caseload:
    """Return the children of families on the program, in the months they are born, here and young enough."""
    children, starts = city.children, _month_days()
    months = _family_months(city, program.name)[children.family]
    months &= (children.birth[:, None] < starts + 28) & (children.arrives[:, None] <= starts)
    months &= starts < np.minimum(children.leaves, children.birth + int(program.until_age * 365.25))[:, None]
    who = np.flatnonzero(months.any(axis=1))
    rng = city.stream("benefits", program.name, "ids")
    ids = numbered(f"{program.name.upper()}-P", distinct(rng, who.size, 10_000_000, 99_999_999), 8)
    nights, seen = children.first_night[who], np.full(who.size, _month_days()[-1])
    records = schedule(city.seed, program.name, who, ids, seen, nights=nights, withdraws=False, last=2)
    return Caseload(program, records, Identities(children, records), months[who])


def _monthly(city: City, load: Caseload) -> None:
    """Write one file a month on night 1; a WIC month comes a night late."""
    name = load.program.name
    columns = _columns(city, load, 1)
    for number, month in enumerate(MONTHS):
        night = 2 if name == "wic" and month == LATE_WIC_MONTH else 1
        if night > city.nights:
            continue
        rows = np.flatnonzero(load.months[:, number] & (load.records.first == 1))
        shown = _rows(city, load, columns, rows, np.full(rows.size, number))
        rng, faulty = city.stream("benefits", name, "bad", month), month.endswith("-01")
        bad = bad_lines(rng, shown, delimiter=load.program.dialect.delimiter, missing="person_id") if faulty else []
        path = city.folder(load.program.agency, night) / f"{name}_{month}.csv"
        save_table(path, shown, dialect=load.program.dialect, bad_lines=bad)


def _supplement(city: City, load: Caseload) -> None:
    """Write night 2's supplement: every month of new persons, the latest month of corrected ones."""
    latest = len(MONTHS) - 1 - np.argmax(load.months[:, ::-1], axis=1)
    due = load.months & (load.records.first == 2)[:, None]
    corrected = np.flatnonzero(load.records.corrected == 2)
    due[corrected, latest[corrected]] = True
    rows, number = np.nonzero(due)
    shown = _rows(city, load, _columns(city, load, 2), rows, number)
    path = city.folder(load.program.agency, 2) / f"{load.program.name}_supplement_{night_date(2)}.csv"
    save_table(path, shown, dialect=load.program.dialect)


def _columns(city: City, load: Caseload, night: int) -> dict[str, Part]:
    """Return the person columns as of a night, one row a record."""
    program, records, book = load.program, load.records, load.book.on(night)
    book = book.upper() if program.capitals else book
    rng = city.stream("benefits", program.name, "cases")
    cases = distinct(rng, city.children.families.size, 1_000_000, 9_999_999)
    columns: dict[str, Part] = {
        "case_number": numbered("C", cases[city.children.family[records.child]], 7),
        "person_id": records.ids,
        "first_name": book.given,
        "middle_initial": book.middle,
        "last_name": book.surname,
        "date_of_birth": book.born(program.dates),
        "sex": book.sex,
    }
    if program.name == "wic":
        mother = {"mother_first": book.mother_given, "mother_last": book.mother_surname}
        columns = {**columns, "zip": book.zip, **mother}
        names = ("first_name", "middle_initial", "last_name", *mother)
        return {**columns, **{name: _encodable(columns[name]) for name in names}}
    own = {"ssn": book.ssn, "medicaid_id": book.medicaid} if program.name == "medicaid" else {"ssn": book.ssn}
    return {**columns, **own, "zip": book.zip}


def _encodable(values: Part) -> pa.Array:
    """Return names; those that cp1252 cannot hold lose their marks, as such a system keeps them."""
    folded = pc.replace_substring_regex(pc.utf8_normalize(values, form="NFKD"), r"\p{M}", "")
    folded = pc.replace_substring(pc.replace_substring(folded, "đ", "d"), "Đ", "D")
    return pc.if_else(pc.match_substring_regex(values, _CP1252), values, folded)


def _rows(city: City, load: Caseload, columns: dict[str, Part], rows: Ints, number: Ints) -> dict[str, Part]:
    """Return person-months: the records' columns, the month, the ZIP of that month and the amount."""
    program, index = load.program, pa.array(rows)
    family = city.children.family[load.records.child[rows]]
    before = _month_days()[number] < city.children.families.moved_on[family]
    chosen = take(columns, index)
    chosen["zip"] = pc.if_else(pa.array(before), load.book.on(1).zip_before.take(index), chosen["zip"])
    chosen["benefit_month"] = pa.array(MONTHS).take(pa.array(number))
    if program.name in {"snap", "tanf"}:
        chosen["issuance_amount"] = _amounts(city, program, family, number)
    return chosen


def _amounts(city: City, program: Program, family: Ints, number: Ints) -> pa.Array:
    """Return a child's share of the monthly issuance in dollars, steady in a family and fiscal year."""
    rng, home = city.stream("benefits", program.name, "amounts"), city.children.families
    base = rng.normal(188 if program.name == "snap" else 161, 34, home.size) - 22 * home.income
    raised = np.where(number < 3, 1.0, 1.027)  # the federal fiscal year begins in October
    cents = np.clip(base[family] * raised, 23, 420) * 100
    return pc.cast(pa.array(np.rint(cents) / 100), pa.string())
