"""The demo city: one call writes every agency's landing files and, beside the workspace, the truth.

Belongs here: the order of making and the truth file. Does not belong here: any agency's file form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.demo import (
    assessments,
    attendance,
    benefits,
    birth,
    child_welfare,
    clinical,
    consents,
    health,
    hmis,
    preschool,
    school,
)
from pipelines.demo.circumstances import make_circumstances
from pipelines.demo.days import NIGHT_LIMIT, parts
from pipelines.demo.draw import numbered
from pipelines.demo.names import GROUPS
from pipelines.demo.nights import Records
from pipelines.demo.place import City
from pipelines.demo.population import Children, make_children
from pipelines.demo.pupils import make_pupils
from pipelines.demo.text import Part, save_table

SOURCES = (
    "birth",
    "health",
    "hmis",
    "snap",
    "tanf",
    "medicaid",
    "wic",
    "child_welfare",
    "school",
    "preschool",
    "consents",
)
_SMALLEST = 100


@dataclass(frozen=True)
class CitySummary:
    """What was written: `records` are each source's over all nights; `files` and `bytes` the landing's."""

    children: int
    seed: int
    nights: int
    families: int
    twins: int
    records: dict[str, int]
    files: int
    bytes: int


def make_city(
    out: Path, children: int, seed: int, nights: int = 3, progress: Callable[[str, float], None] | None = None
) -> CitySummary:
    """Write OUT/workspace/landing/<agency>/<date>/…, OUT/truth.csv (source, record_id, child) and OUT/people.csv.

    The same children, seed and nights give the same bytes. `progress` is told the step that begins and
    the share done. ValueError when there are fewer than 100 children, or not 1 to 3 nights.
    """
    if children < _SMALLEST:
        raise ValueError(f"a demo city needs at least {_SMALLEST} children, {children} asked; raise --children")
    if not 1 <= nights <= NIGHT_LIMIT:
        raise ValueError(f"a demo city has 1 to {NIGHT_LIMIT} nights, {nights} asked; change --nights")
    tell = progress or (lambda _step, _share: None)
    tell("families and children", 0.0)
    born = make_children(seed, children)
    city = City(seed, nights, born, make_circumstances(seed, born), out / "workspace" / "landing")
    records = _deliver(city, tell)
    tell("truth", 0.97)
    _truth(out / "truth.csv", records, nights)
    _people(out / "people.csv", born)
    tell("done", 1.0)
    files = [path for path in city.landing.rglob("*") if path.is_file()]
    return CitySummary(
        children=children,
        seed=seed,
        nights=nights,
        families=int(np.unique(born.family).size),
        twins=int((born.plurality > 1).sum()),
        records={name: int((records[name].first <= nights).sum()) for name in SOURCES},
        files=len(files),
        bytes=sum(path.stat().st_size for path in files),
    )


def _deliver(city: City, tell: Callable[[str, float], None]) -> dict[str, Records]:
    """Write every agency's files; return the records of each source."""
    records: dict[str, Records] = {}
    tell("vital records", 0.05)
    records["birth"] = birth.deliver(city)
    tell("health exchange", 0.15)
    records["health"] = health.make_patients(city)
    health.deliver(city, records["health"], clinical.deliver(city, records["health"]))
    tell("human services", 0.45)
    records["hmis"] = hmis.deliver(city)
    tell("economic assistance", 0.48)
    records |= {made.source: made for made in benefits.deliver(city)}
    tell("child welfare", 0.62)
    records["child_welfare"] = child_welfare.deliver(city)
    tell("schools", 0.65)
    pupils = make_pupils(city)
    records["school"] = school.deliver(city, pupils)
    tell("attendance", 0.80)
    attendance.deliver(city, pupils)
    assessments.deliver(city, pupils)
    tell("early learning", 0.93)
    records["preschool"] = preschool.deliver(city)
    tell("consent office", 0.95)
    records["consents"] = consents.deliver(city, records)
    return records


def _truth(path: Path, records: dict[str, Records], nights: int) -> None:
    """Write the true child of every record that any night's files name; adults of HMIS are `A…`."""
    pieces: dict[str, list[pa.Array]] = {"source": [], "record_id": [], "child": []}
    for name in SOURCES:
        made = records[name]
        shown = pa.array(np.flatnonzero(made.first <= nights))
        who = made.child
        label = pc.if_else(
            pa.array(who >= 0),
            numbered("C", np.maximum(who, 0), 7),
            numbered("A", np.maximum(-1 - who, 0), 7),
        )
        pieces["source"].append(pa.array([name] * len(shown), pa.string()))
        pieces["record_id"].append(made.ids.take(shown))
        pieces["child"].append(label.take(shown))
    columns: dict[str, Part] = {name: pa.concat_arrays(pieces_) for name, pieces_ in pieces.items()}
    save_table(path, columns)


_RACE_ETHNICITY = {
    "white": "White",
    "black": "Black",
    "hispanic": "Hispanic",
    "vietnamese": "Asian",
    "chinese": "Asian",
    "south_asian": "Asian",
    "aian": "AIAN",
    "nhpi": "NHPI",
    "multi": "Two or more",
}


def _people(path: Path, born: Children) -> None:
    """Write what the truth knows of each child: twin group (empty for single births) and subgroups."""
    child = numbered("C", np.arange(born.size), 7)
    # Children of one delivery share family and birth day; the first of them names their group.
    delivery = born.family * 100_000 + born.birth
    _, first, group = np.unique(delivery, return_index=True, return_inverse=True)
    race = np.array([_RACE_ETHNICITY[name] for name in GROUPS])[born.families.group[born.family]]
    columns: dict[str, Part] = {
        "child": child,
        "twin_group": pc.if_else(pa.array(born.plurality > 1), child.take(pa.array(first[group])), ""),
        "race_ethnicity": pa.array(race, pa.string()),
        "sex": pa.array(np.where(born.female, "Female", "Male"), pa.string()),
        "birth_year": pa.array(parts(born.birth)[0]).cast(pa.string()),
    }
    save_table(path, columns)
