"""Random small cities and their releases, for attacks: linked tables, two versions, late records, a table added later.

What belongs here: inventing children with numpy, counting them, publishing what the product makes of the counts, and
the same counts published naively (`naive`). What does not: attacks (`release_attacks`).

Several cities are published together, as values of a dimension that sums to nothing: their equations have no number in
common, and a release for each would take most of a test's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from support.release_keys import FixedKeys
from support.release_picture import Cell, Link, Shape
from support.release_tables import comments

from assets.release.order import Order
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.publish import publish
from assets.release.tables import Additive, Catalogue, CellRef, Count, PublishedTable, Rate, Relation

KEYS = FixedKeys()
PERIODS = ("2024-25", "2025-26")
NIGHTS = (date(2025, 9, 1), date(2026, 9, 1), date(2026, 12, 1))
THRESHOLDS = (5, 10, 11)
GROUP = ("period", "city")
SETS = ("", "p1", "p2", "p3", "p1+p2", "p1+p3", "p2+p3", "p1+p2+p3")

SHAPES = (
    Shape("measure", ("measure", "version", *GROUP, "place", "sex", "program"), ("numerator", "denominator"),
          sums=("place", "sex"), nested=("program",), rates=True, version="version"),
    Shape("by_band", ("measure", *GROUP, "band", "sex"), ("numerator", "denominator"),
          sums=("band", "sex"), rates=True),
    Shape("served", (*GROUP, "programs"), ("children",), sums=("programs",)),
    Shape("overlap", (*GROUP, "program_a", "program_b"), ("children",)),
    Shape("by_home", (*GROUP, "home"), ("children",), sums=("home",)),
)  # fmt: skip


def _of_band(band: str, place: str) -> bool:
    """Bands are of two places: place 1 and 2 are band 1."""
    return band == place == "All" or (band != "All" and place != "All" and int(band[5:]) == (int(place[6:]) + 1) // 2)


def _banded(left: dict[str, str], right: dict[str, str]) -> bool:
    return right["version"] == "1" and right["program"] == "All" and _of_band(left["band"], right["place"])


def _both(left: dict[str, str], right: dict[str, str]) -> bool:
    return {left["program_a"], left["program_b"]} <= set(right["programs"].split("+"))


def _everybody(left: dict[str, str], right: dict[str, str]) -> bool:
    whole = left["home"] == right["place"] == right["sex"] == right["program"] == "All"
    return whole and (right["measure"], right["version"]) == ("m0", "1")


LINKS = (
    Link(("by_band", "numerator"), ("measure", "numerator"), _banded, ("measure", *GROUP, "sex")),
    Link(("by_band", "denominator"), ("measure", "denominator"), _banded, ("measure", *GROUP, "sex")),
    Link(("overlap", "children"), ("served", "children"), _both, GROUP),
    Link(("by_home", "children"), ("measure", "denominator"), _everybody, GROUP),
)


def _table(shape: Shape, **changes: object) -> PublishedTable:
    paired = len(shape.counts) == 2
    values: dict[str, object] = {
        "name": shape.table,
        "description": "Children.",
        "dims": shape.dims,
        "counts": (Count("numerator", within="denominator"), Count("denominator")) if paired else (Count("children"),),
        "rates": (Rate("rate", "numerator", "denominator"),) if shape.rates else (),
        "additive": (*shape.sums, *(Additive(dim, kind="within") for dim in shape.nested)),
        "comments": comments(*shape.dims, *shape.counts, "rate"),
        "period": "period",
        "definition": tuple(dim for dim in ("measure", "version") if dim in shape.dims),
        "version": shape.version,
    }
    return PublishedTable(**{**values, **changes})  # type: ignore[arg-type]


_SAME = "l.period = r.period and l.city = r.city"
_BAND = (
    f"{_SAME} and l.measure = r.measure and l.sex = r.sex and r.version = '1' and r.program = 'All' and "
    "(l.band = 'All' and r.place = 'All' or try_cast(l.band[6:] as int) = (try_cast(r.place[7:] as int) + 1) // 2)"
)
_HOLDS = "list_contains(string_split(r.programs, '+'), l.program_{})"
RELATIONS = (
    Relation("bands hold places", CellRef("by_band", "numerator"), CellRef("measure", "numerator"), on=_BAND),
    Relation("bands hold children", CellRef("by_band", "denominator"), CellRef("measure", "denominator"), on=_BAND),
    Relation("pairs are sets", CellRef("overlap", "children"), CellRef("served", "children"),
             on=f"{_SAME} and r.programs <> 'All' and {_HOLDS.format('a')} and {_HOLDS.format('b')}"),
    Relation("homes are those of the measure", CellRef("by_home", "children"), CellRef("measure", "denominator"),
             where="home = 'All'",
             on=f"{_SAME} and r.measure = 'm0' and r.version = '1' and r.place = 'All' and r.sex = 'All' "
             "and r.program = 'All'"),
)  # fmt: skip


def catalogue(homes: bool) -> Catalogue:
    """Return what is published of the cities; homes are counted from the last release on."""
    shapes = [shape for shape in SHAPES if homes or shape.table != "by_home"]
    return Catalogue(tuple(_table(shape) for shape in shapes), RELATIONS if homes else RELATIONS[:-1])


@dataclass
class Series:
    """Releases of some cities, oldest first, and what is true of every cell when it was first published."""

    threshold: int
    files: list[Path] = field(default_factory=list)
    truth: dict[Cell, int] = field(default_factory=dict)
    late: list[Cell] = field(default_factory=list)
    frozen: bool = True
    refused: int = 0
    """releases that were stopped, because what is published already gives something away"""


# Children and their counts.


def children(seed: int, cities: int) -> pd.DataFrame:
    """Return one row for each child, period and measure of some cities; `night` is the release that knows of it."""
    rng = np.random.default_rng(seed)
    frames = []
    for city in range(cities):
        number, places, sexes = int(rng.integers(30, 260)), int(rng.integers(2, 4)), int(rng.integers(2, 4))
        who = pd.DataFrame({"child": np.arange(number), "city": f"c{city:02}"})
        who["place"] = [f"place {p}" for p in np.minimum(rng.geometric(0.4, number), places)]
        who["sex"] = rng.choice(["F", "M", "X"][:sexes], number, p=[[0.5, 0.5], [0.5, 0.45, 0.05]][sexes - 2])
        who["home"] = rng.choice(["own", "rented", "shelter"], number, p=[0.5, 0.42, 0.08])
        who["night"] = rng.choice([0, 1, 2], number, p=[0.96, 0.03, 0.01])
        for period in PERIODS:
            for measure in ("m0", "m1")[: 1 + (city % 3 == 0)]:
                seen = who[rng.random(number) < 0.95].copy()
                seen["period"], seen["measure"] = period, measure
                chance = rng.choice([0.02, 0.15, 0.5, 0.97]) * rng.choice([1.0, 0.6], len(seen))
                seen["hit"] = rng.random(len(seen)) < chance
                seen["programs"] = rng.choice(SETS, len(seen)) if measure == "m0" else ""
                frames.append(seen)
    return pd.concat(frames, ignore_index=True)


def outcomes(path: Path, who: pd.DataFrame, night: int) -> None:
    """Write the true counts of one night; from the second on, a second version of a measure counts late records."""
    path.unlink(missing_ok=True)
    known = who[who["night"] <= night]  # noqa: F841  (read by DuckDB)
    versions = "('1')" if night == 0 else "('1'), ('2')"
    with duckdb.connect(str(path)) as con:
        con.execute(
            f"""
            create table measure as
            with counted as (
                select *, unnest(case when programs like 'p1%' then ['All', 'p1'] else ['All'] end) as program
                from known cross join (values {versions}) as v(version)
                where version = '1' or measure = 'm0' and child % 41 <> 7
            )
            select measure, version, period, city, coalesce(place, 'All') as place, coalesce(sex, 'All') as sex,
                program, count(*) filter (hit) as numerator, count(*) as denominator
            from counted
            group by grouping sets (
                (measure, version, period, city, program), (measure, version, period, city, program, place),
                (measure, version, period, city, program, sex), (measure, version, period, city, program, place, sex)
            )
            having program = 'All' or place is null and sex is null
            """
        )
        con.execute(
            """
            create table by_band as
            with banded as (select *, 'band ' || (place[7:]::int + 1) // 2 as band from known)
            select measure, period, city, coalesce(band, 'All') as band, coalesce(sex, 'All') as sex,
                count(*) filter (hit) as numerator, count(*) as denominator
            from banded group by measure, period, city, cube (band, sex)
            """
        )
        con.execute(
            """
            create table served as
            select period, city, coalesce(programs, 'All') as programs, count(*) as children
            from known where measure = 'm0' and programs <> '' group by period, city, rollup (programs)
            """
        )
        con.execute(
            """
            create table overlap as
            with pairs as (from (values ('p1', 'p2'), ('p1', 'p3'), ('p2', 'p3')) as t(program_a, program_b))
            select period, city, program_a, program_b, count(*) as children
            from known join pairs on contains(programs, program_a) and contains(programs, program_b) group by all
            """
        )
        con.execute(
            """
            create table by_home as
            select period, city, coalesce(home, 'All') as home, count(*) as children
            from known where measure = 'm0' group by period, city, rollup (home)
            """
        )


def series(root: Path, seed: int, cities: int, nights: int = 3) -> Series:
    """Publish releases of some cities and return them with what is true."""
    found = Series(THRESHOLDS[seed % len(THRESHOLDS)])
    who, file = children(seed, cities), root / "outcomes.duckdb"
    for night in range(nights):
        outcomes(file, who, night)
        order = Order(root / "releases", file, NIGHTS[night], catalogue(night == 2), ReleasePolicy(found.threshold))
        try:
            found.files.append(publish(order, KEYS).database)
        except ReleaseError:
            found.refused += 1
        else:
            _remember(found, file)
    return found


def naive(root: Path, seed: int, cities: int, nights: int = 3, complements: bool = True) -> Series:
    """Publish the same counts with only the small ones left out, rates and all, nothing frozen."""
    found = Series(THRESHOLDS[seed % len(THRESHOLDS)], frozen=False)
    who, file = children(seed, cities), root / "outcomes.duckdb"
    for night in range(nights):
        outcomes(file, who, night)
        found.files.append(root / f"naive {night}.duckdb")
        few = f"between 1 and {found.threshold - 1}"
        rest = f"or denominator - numerator {few}" if complements else ""
        with duckdb.connect(str(found.files[-1])) as con:
            con.execute(f"attach '{file}' as o (read_only)")
            for shape in SHAPES:
                if len(shape.counts) == 2:
                    counts = (
                        f"case when numerator {few} {rest} then null else numerator end as numerator, "
                        f"case when denominator {few} then null else denominator end as denominator, "
                        "round(100.0 * numerator / denominator, 1) as rate"
                    )
                else:
                    counts = f"case when children {few} then null else children end as children"
                first = f"'r' || {shape.version or 1} as release_id"
                dims = ", ".join((*shape.dims, first, counts))
                con.execute(f"create table {shape.table} as select {dims} from o.{shape.table}")
        _remember(found, file)
    return found


def _remember(found: Series, file: Path) -> None:
    """Keep the true counts of cells that were published for the first time, and note those that changed since."""
    with duckdb.connect(str(found.files[-1]), read_only=True) as con:
        con.execute(f"attach '{file}' as o (read_only)")
        own = "select table_name from duckdb_tables() where database_name = current_database()"
        published = {name for (name,) in con.execute(own).fetchall()}
        for shape in SHAPES:
            if shape.table in published:
                dims = ", ".join(shape.dims)
                counts = ", ".join(f"t.{name}" for name in shape.counts)
                sql = f"select {dims}, {counts} from o.{shape.table} t semi join {shape.table} p using ({dims})"
                _note_rows(found, shape, con.execute(sql).fetchall())


def _note_rows(found: Series, shape: Shape, rows: Sequence[tuple[object, ...]]) -> None:
    width = len(shape.dims)
    for row in rows:
        key = tuple(str(value) for value in row[:width])
        for name, value in zip(shape.counts, row[width:], strict=True):
            cell, true = (shape.table, name, key), int(str(value))
            if 1 <= abs(true - found.truth.setdefault(cell, true)) < found.threshold:
                found.late.append(cell)
            if not found.frozen:
                found.truth[cell] = true
