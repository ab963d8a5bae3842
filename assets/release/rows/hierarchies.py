"""Quasi-identifiers and how coarse each may become: `hierarchies.yaml` as values and as SQL.

What belongs here: reading that file, and the SQL that turns a value into its group. What does not: which level a file
of rows takes (`lattice`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from assets.release.tables import TOTAL

FILE = Path(__file__).with_name("hierarchies.yaml")


@dataclass(frozen=True)
class Grouping:
    """Values by larger groups; what no group holds is in the group `others`."""

    groups: Mapping[str, tuple[str, ...]]
    others: str


@dataclass(frozen=True)
class Quasi:
    """A quasi-identifier: a column of a model, and its groupings from fine to coarse.

    Level 0 shows values as they are, the last (`height - 1`) shows `All`, those between one grouping each.
    """

    name: str
    says: str
    model: str = ""
    column: str = ""
    absent: str = "Unknown"
    groupings: tuple[Grouping, ...] = ()

    @property
    def height(self) -> int:
        """How many levels there are."""
        return len(self.groupings) + 2

    def grouping(self, level: int) -> Grouping | None:
        """Return the grouping of a level: None for values as they are, no group at all for `All`."""
        if level == 0:
            return None
        return Grouping({}, TOTAL) if level == self.height - 1 else self.groupings[level - 1]


def grouped_sql(value: str, grouping: Grouping | None) -> str:
    """Return the SQL of the group that the SQL expression `value` is in."""
    if grouping is None:
        return value
    cases = " ".join(
        f"when {value} in ({', '.join(map(text_sql, values))}) then {text_sql(group)}"
        for group, values in grouping.groups.items()
    )
    others = text_sql(grouping.others)
    return f"case {cases} else {others} end" if cases else others


def text_sql(value: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


@cache
def quasi_identifiers() -> Mapping[str, Quasi]:
    """Return the quasi-identifiers that a licence may name, by name."""
    read = YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))
    return {name: _quasi(name, item) for name, item in read.items()}


def _quasi(name: str, item: Mapping[str, object]) -> Quasi:
    levels = item["levels"]
    if not isinstance(levels, list):
        raise TypeError(f"{FILE.name}: levels of {name} are no list")
    return Quasi(
        name=name,
        says=str(item["says"]),
        model=str(item["model"]),
        column=str(item["column"]),
        absent=str(item["absent"]),
        groupings=tuple(
            Grouping({group: tuple(values) for group, values in level["groups"].items()}, str(level["others"]))
            for level in levels
        ),
    )
