"""A small made-up city for tests of linkage: identifiers by source, and who is who. Not the demo city."""

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pyarrow as pa
from nicknames import NickNamer

from linkage.identifiers import IDENTIFIERS
from linkage.keys import KeyRing
from linkage.names import given_frequencies, surname_frequencies
from linkage.records import record_keys

SOURCES = {  # source: share of children it holds, columns it has
    "birth": (
        0.85,
        "given middle surname suffix birth_date sex zip mother_given mother_surname mother_maiden "
        "birth_order plurality",
    ),
    "health": (0.80, "given middle surname birth_date sex zip mother_given mother_surname ssn medicaid_id"),
    "snap": (0.35, "given middle surname birth_date sex ssn zip"),
    "preschool": (0.40, "given middle surname birth_date sex zip mother_given"),
    "school": (0.60, "given middle surname birth_date sex zip mother_given mother_surname"),
}
ONE_RECORD = {"birth", "snap", "preschool", "school"}


@dataclass(frozen=True)
class Child:
    number: int
    twin_group: str
    given: str
    middle: str
    surname: str
    birth_date: str
    sex: str
    zip: str
    mother_given: str
    mother_surname: str
    mother_maiden: str
    ssn: str
    medicaid_id: str
    birth_order: str = ""
    plurality: str = "1"
    suffix: str = ""


@dataclass(frozen=True)
class City:
    tables: dict[str, pa.Table]  # source -> record_id + identifiers as raw strings
    truth: list[tuple[str, str, int, str]]  # source, record_id, child, twin_group

    def keyed(self, source: str, ring: KeyRing) -> pa.Table:
        table = self.tables[source]
        keys = record_keys(table.column("record_id"), source, ring)
        return table.drop_columns(["record_id"]).add_column(0, "record_key", keys)


class _Maker:
    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.given = self._table(given_frequencies())
        self.surname = self._table(surname_frequencies())
        self.zips = [f"{20001 + 3 * n}" for n in range(30)]
        self.nicknames = NickNamer()

    @staticmethod
    def _table(frequencies: dict[str, float]) -> tuple[list[str], list[float]]:
        common = sorted(frequencies.items(), key=lambda item: -item[1])[:4000]
        return [name.title() for name, _ in common], [share for _, share in common]

    def pick(self, table: tuple[list[str], list[float]]) -> str:
        return self.random.choices(table[0], table[1])[0]

    def family(self, number: int) -> list[Child]:
        rnd = self.random
        mother = self.pick(self.surname)
        father = self.pick(self.surname)
        surname = f"{father}-{mother}" if rnd.random() < 0.05 else (father if rnd.random() < 0.7 else mother)
        child = Child(
            number=number, twin_group="", given=self.pick(self.given), middle=self.pick(self.given),
            surname=surname, birth_date=str(date(2010, 1, 1) + timedelta(rnd.randrange(15 * 365))),
            sex=rnd.choice("MF"), zip=rnd.choice(self.zips), mother_given=self.pick(self.given),
            mother_surname=mother if rnd.random() < 0.5 else father, mother_maiden=mother,
            ssn=self.number(9, "1"), medicaid_id=self.number(8, "M") if rnd.random() < 0.4 else "",
        )  # fmt: skip
        if rnd.random() >= 0.016:
            return [child]
        first = replace(child, twin_group=f"t{number}", birth_order="1", plurality="2")
        second = replace(
            first, number=number + 1, given=self.pick(self.given), middle=self.pick(self.given),
            sex=rnd.choice("MF"), birth_order="2", ssn=self.number(9, "2"),
            medicaid_id=self.number(8, "M") if child.medicaid_id else "",
        )  # fmt: skip
        return [first, second] if second.given != first.given else [child]

    def number(self, digits: int, lead: str) -> str:
        return lead + "".join(self.random.choices("0123456789", k=digits - 1))

    def written(self, child: Child, source: str) -> Child:
        """The child as one agency's clerk wrote it down."""
        rnd = self.random
        changes: dict[str, str] = {}
        if rnd.random() < 0.05:
            nicks = sorted(self.nicknames.nicknames_of(child.given))
            changes["given"] = rnd.choice(nicks).title() if nicks else child.given
        elif rnd.random() < 0.015:
            changes["given"] = self.typo(child.given)
        if source == "health" and rnd.random() < 0.03:
            changes["given"] = "Baby Boy" if child.sex == "M" else "Baby Girl"
        if rnd.random() < 0.02:
            changes["surname"] = self.typo(child.surname)
        elif source in ("school", "snap") and rnd.random() < 0.03:
            changes["surname"] = child.mother_maiden
        if rnd.random() < 0.01:
            year, month, day = child.birth_date.split("-")
            changes["birth_date"] = (
                f"{year}-{month}-{rnd.randrange(1, 28):02d}" if rnd.random() < 0.6 else f"{int(year) + 1}-{month}-{day}"
            )
        if rnd.random() < 0.15:
            changes["zip"] = rnd.choice(self.zips)
        if rnd.random() < 0.3:
            changes["middle"] = "" if rnd.random() < 0.6 else child.middle[:1]
        if rnd.random() < 0.35:
            changes["ssn"] = ""
        if source != "birth" and rnd.random() < 0.25:
            changes |= {"mother_given": "", "mother_surname": ""}
        if rnd.random() < 0.01:
            changes["sex"] = ""
        return replace(child, **changes)

    def typo(self, name: str) -> str:
        at = self.random.randrange(1, len(name)) if len(name) > 1 else 0
        return name[:at] + self.random.choice("aeinrst") + name[at + self.random.choice((0, 1)) :]


def make_city(children: int, seed: int = 1) -> City:
    """A city of about `children` children."""
    maker = _Maker(seed)
    people: list[Child] = []
    while len(people) < children:
        people += maker.family(len(people))
    tables, truth = {}, []
    for source, (share, columns) in SOURCES.items():
        rows = []
        for child in people:
            copies = int(maker.random.random() < share) * (
                2 if source == "health" and maker.random.random() < 0.03 else 1
            )
            for copy in range(copies):
                record_id = f"{source}-{maker.random.randrange(10**9)}-{child.number}-{copy}"
                written = maker.written(child, source)
                rows.append({"record_id": record_id, **{c: getattr(written, c) or None for c in columns.split()}})
                truth.append((source, record_id, child.number, child.twin_group))
        schema = pa.schema(
            [("record_id", pa.string()), *((c, pa.string()) for c in IDENTIFIERS if c in columns.split())]
        )
        tables[source] = pa.Table.from_pylist(rows, schema)
    return City(tables, truth)
