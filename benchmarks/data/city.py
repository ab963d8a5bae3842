"""A made-up city of any size: four sources, about 2.6 records a child, with the mistakes that clerks make.

    python -m benchmarks.data.city FOLDER --children 20000 --seed 31

Names are drawn by their 1990 Census frequencies. Births hold 85 % of the children, health 75 %, school 65 %, SNAP 38 %;
1.6 % are twins, who share all of a family. Outside the birth file 5 % go by a nickname, 5 % have another surname, 3 %
of the hyphenated lose a part and a quarter have moved; everywhere 1.2 % of each name and .6 % of the dates are
mistyped, 1 % of the numbers have a wrong digit, and many fields are empty. Not the demo city: nothing of the product
was tuned on its seeds 4711 and 4712.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from nicknames import NickNamer

from benchmarks.data.folder import Folder, write_folder
from linkage.names import given_frequencies, surname_frequencies

SHARES = {"birth": 0.85, "health": 0.75, "school": 0.65, "snap": 0.38}
GIVEN_NAMES, SURNAMES = 4_000, 40_000
TWIN_BIRTHS = 0.008
BIRTH_DAYS = np.datetime64("2008-01-01") + np.arange(18 * 365)
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


@dataclass(frozen=True)
class People:
    """The n children as they are: each attribute an object array of strings, (n,)."""

    given: np.ndarray
    middle: np.ndarray
    surname: np.ndarray
    birth_date: np.ndarray
    sex: np.ndarray
    zip: np.ndarray
    mother_given: np.ndarray
    mother_surname: np.ndarray
    ssn: np.ndarray
    medicaid_id: np.ndarray
    twin: np.ndarray
    second: np.ndarray


class Names:
    """The names of the census tables, the commonest of them, and their nicknames."""

    def __init__(self, rng: np.random.Generator):
        self._rng = rng
        self.given, self._given_share = _commonest(given_frequencies(), GIVEN_NAMES)
        self.surname, self._surname_share = _commonest(surname_frequencies(), SURNAMES)
        namer = NickNamer()
        self._nicknames = {name: sorted(namer.nicknames_of(name.lower())) for name in self.given}

    def givens(self, count: int) -> np.ndarray:
        """Draw given names."""
        return self.given[self._rng.choice(len(self.given), count, p=self._given_share)]

    def surnames(self, count: int) -> np.ndarray:
        """Draw surnames."""
        return self.surname[self._rng.choice(len(self.surname), count, p=self._surname_share)]

    def nickname(self, name: str) -> str:
        """Return one of the nicknames of `name`, or itself."""
        known = self._nicknames.get(name)
        return known[self._rng.integers(len(known))].title() if known else name


def _commonest(frequencies: dict[str, float], count: int) -> tuple[np.ndarray, np.ndarray]:
    known = sorted(frequencies.items(), key=lambda item: -item[1])[:count]
    shares = np.array([share for _, share in known])
    return np.array([name.title() for name, _ in known], object), shares / shares.sum()


def make_people(count: int, names: Names, rng: np.random.Generator) -> People:
    """Return `count` children, twins one after the other."""
    zips = np.array([f"{2000 + 3 * n:05d}" for n in range(max(30, count // 30_000))], object)
    family = {
        "father": names.surnames(count),
        "mother": names.surnames(count),
        "mother_given": names.givens(count),
        "zip": rng.choice(zips, count),
        "day": rng.choice(BIRTH_DAYS, count),
        "kind": rng.choice(3, count, p=[0.68, 0.27, 0.05]),
    }
    second = np.flatnonzero(rng.random(count) < TWIN_BIRTHS)
    second = second[(second > 0) & (np.diff(np.append(-5, second)) > 1)]
    for values in family.values():
        values[second] = values[second - 1]
    father, mother = family["father"], family["mother"]
    surname = np.select([family["kind"] == 0, family["kind"] == 1], [father, mother], father + "-" + mother)
    numbers = rng.choice(560_000_000, count, replace=False) + 100_000_001
    medicaid = rng.choice(90_000_000, count, replace=False)
    later, twin = np.zeros(count, bool), np.zeros(count, bool)
    later[second] = twin[second] = twin[second - 1] = True
    return People(
        given=names.givens(count),
        middle=names.givens(count),
        surname=surname,
        birth_date=family["day"].astype(str).astype(object),
        sex=rng.choice(np.array(["M", "F"], object), count),
        zip=family["zip"],
        mother_given=family["mother_given"],
        mother_surname=mother,
        ssn=np.array([f"{number:09d}" for number in numbers], object),
        medicaid_id=np.array([f"M{number:08d}" for number in medicaid], object),
        twin=twin,
        second=later,
    )


class Clerk:
    """Writes children down as the clerks of one source do."""

    def __init__(self, source: str, names: Names, rng: np.random.Generator):
        self._source, self._names, self._rng = source, names, rng

    def write(self, people: People, who: np.ndarray) -> pa.Table:
        """Return the source's table of the children `who`, in that order."""
        record = {name: getattr(people, name)[who].copy() for name in People.__dataclass_fields__}
        if self._source != "birth":
            self._change(record)
        for column, share in (("given", 0.012), ("surname", 0.012), ("mother_given", 0.015)):
            self._each(record[column], share, self._mistype)
        self._each(record["birth_date"], 0.006, self._misdate)
        self._each(record["ssn"], 0.01, self._misnumber)
        for column, share in (("birth_date", 0.004), ("middle", 0.25), ("zip", 0.03), ("sex", 0.004)):
            self._empty(record[column], share)
        self._each(record["middle"], 0.4, lambda name: name[:1])
        if self._source == "health":
            self._each(record["given"], 0.004, lambda _: "Baby Boy")
        columns = self._columns(record)
        return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})

    def _change(self, record: dict[str, np.ndarray]) -> None:
        self._each(record["given"], 0.05, self._names.nickname)
        changed = self._rows(len(record["surname"]), 0.05)
        record["surname"][changed] = self._names.surnames(len(changed))
        self._each(record["surname"], 0.03, lambda name: name.split("-")[-1])
        moved = self._rows(len(record["zip"]), 0.25)
        record["zip"][moved] = self._rng.choice(record["zip"], len(moved))

    def _columns(self, record: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        names = ["given", "middle", "surname", "birth_date", "sex", "zip"]
        if self._source != "snap":
            self._empty(record["mother_given"], 0.01 if self._source == "birth" else 0.15)
            names += ["mother_given", "mother_surname"]
        if self._source == "birth":
            twin = record["twin"]
            record["birth_order"] = np.where(record["second"], "2", np.where(twin, "1", None))
            record["plurality"] = np.where(twin, "2", "1").astype(object)
            names += ["birth_order", "plurality"]
        if self._source in ("health", "snap"):
            self._empty(record["ssn"], 0.35 if self._source == "health" else 0.05)
            names += ["ssn"]
        if self._source == "health":
            self._empty(record["medicaid_id"], 0.55)
            names += ["medicaid_id"]
        return {name: record[name] for name in names}

    def _rows(self, count: int, share: float) -> np.ndarray:
        return np.flatnonzero(self._rng.random(count) < share)

    def _empty(self, values: np.ndarray, share: float) -> None:
        values[self._rows(len(values), share)] = None

    def _each(self, values: np.ndarray, share: float, change: Callable[[str], str]) -> None:
        rows = self._rows(len(values), share)
        values[rows] = [change(value) if value else value for value in values[rows]]

    def _mistype(self, name: str) -> str:
        if len(name) < 3:
            return name
        at, kind = self._rng.integers(1, len(name) - 1), self._rng.integers(4)
        letter = str(LETTERS[self._rng.integers(26)])
        middle = ("", letter, name[at + 1] + name[at], name[at] * 2)[kind]
        return name[:at] + middle + name[at + (2 if kind == 2 else 1) :]

    def _misdate(self, day: str) -> str:
        year, month, number = day.split("-")
        kind = self._rng.integers(4)
        if kind == 0 and int(number) < 13:
            return f"{year}-{number}-{month}"
        if kind <= 1:
            return f"{year}-{month}-{int(number) % 28 + 1:02d}"
        return f"{int(year) + self._rng.choice((-1, 1))}-{month}-{number}" if kind == 2 else f"{year}-01-01"

    def _misnumber(self, number: str) -> str:
        at = self._rng.integers(4, len(number))
        return number[:at] + str((int(number[at]) + self._rng.integers(1, 10)) % 10) + number[at + 1 :]


def make_city(path: Path, children: int, seed: int) -> Folder:
    """Write the city of `children` children and `seed` into `path`."""
    rng = np.random.default_rng(seed)
    names = Names(rng)
    people = make_people(children, names, rng)
    tables, truth = {}, []
    for source, share in SHARES.items():
        who = np.flatnonzero(rng.random(children) < share)
        tables[source] = Clerk(source, names, rng).write(people, who)
        truth.append(pa.table({"child": who, "twin": people.twin[who]}))
    name = f"generated city, {children:,} children, seed {seed}"
    return write_folder(path, name, tables, pa.concat_tables(truth), list(tables))


def main() -> None:
    """Write a city into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--children", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=31)
    args = parser.parse_args()
    made = make_city(args.folder, args.children, args.seed)
    print(f"{made.about['name']}: {len(made.source_of()):,} records")


if __name__ == "__main__":
    main()
