"""The definitions: every measure and linked table, read from its SQL file and checked to be complete.

What belongs here: finding the files and the keys their headers must have. What does not: running them
(`run`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assets.spine.build import models
from assets.spine.declared import ColumnRef, DeclarationError, SqlFile, parse_sql_file

FOLDER = Path(__file__).parent

AREAS = ("education", "health", "economic security", "housing", "safety")
"""The five areas of the shared dashboard."""

NEEDED = (
    "version", "area", "title", "grain", "definition", "numerator", "denominator", "unknowns", "periods",
    "direction", "source", "shows",
)  # fmt: skip
"""Header keys without which a measure is not defined."""

BREAKDOWNS = ("place", "grade_or_age_band")
"""Breakdowns a measure may ask for by its `by` key; race, sex and economic status always apply."""


@dataclass(frozen=True)
class Definition:
    """One measure or table: its file, its version and the breakdowns beyond the usual ones."""

    file: SqlFile

    @property
    def name(self) -> str:
        """The measure's or table's name."""
        return self.file.name

    @property
    def version(self) -> str:
        """The version of the definition; a variant is a version of its own."""
        return self.file.header["version"]

    @property
    def key(self) -> str:
        """Name and version, such as `chronic_absence 1`."""
        return f"{self.name} {self.version}"

    @property
    def by(self) -> tuple[str, ...]:
        """The breakdowns the measure asks for, of BREAKDOWNS."""
        return tuple(self.file.header.get("by", "").split())

    @property
    def never_by(self) -> tuple[str, ...]:
        """The usual breakdowns that would say nothing: the measure itself decides who is in which value."""
        return tuple(self.file.header.get("never by", "").split())

    @property
    def among(self) -> str:
        """Key of the measure whose numerator is this one's denominator, empty where there is none."""
        return self.text("among")

    def text(self, key: str) -> str:
        """Return a header text, empty where the file has none."""
        return self.file.header.get(key, "")


@cache
def measures() -> tuple[Definition, ...]:
    """Return all measures by name and version. Raises DeclarationError naming every incomplete header."""
    found = [Definition(parse_sql_file(path)) for path in sorted((FOLDER / "measures").glob("*.sql"))]
    problems = [problem for item in found for problem in _problems(item)]
    keys = [item.key for item in found]
    problems += [f"{key}: two files define it; give one a new version" for key in set(keys) if keys.count(key) > 1]
    if problems:
        raise DeclarationError("; ".join(problems))
    return tuple(sorted(found, key=lambda item: item.key))


@cache
def linked_tables() -> tuple[Definition, ...]:
    """Return the linked tables by name."""
    return tuple(Definition(parse_sql_file(path)) for path in sorted((FOLDER / "tables").glob("*.sql")))


@cache
def usable() -> Mapping[str, SqlFile]:
    """Return what a file may use, by the name it uses it under: models, and the child rows of measures."""
    rows = {item.file.path.stem: item.file for item in measures()}
    return {**{item.name: item for item in models()}, **rows}


def lineage(file: SqlFile) -> tuple[ColumnRef, ...]:
    """Return every content column a file reads, itself or through the models and measures it uses."""
    known = usable()
    columns = set(file.columns)
    for name in file.uses:
        if name in known:
            columns.update(lineage(known[name]))
    return tuple(sorted(columns))


def _problems(item: Definition) -> list[str]:
    header = item.file.header
    problems = [f"{item.file.path.name}: header lacks `{key}`" for key in NEEDED if not header.get(key)]
    if header.get("area") not in AREAS:
        problems.append(f"{item.file.path.name}: area is not one of {', '.join(AREAS)}")
    if header.get("direction") not in {"lower", "higher"}:
        problems.append(f"{item.file.path.name}: direction is neither lower nor higher (which is better)")
    problems += [
        f"{item.file.path.name}: `by` names {name}; choose of {', '.join(BREAKDOWNS)}"
        for name in item.by
        if name not in BREAKDOWNS
    ]
    return problems
