"""What a reader puts together from released files: numbers, equations, and what lies within what.

What belongs here: reading DuckDB files with no help from the product, the equations that a reader knows from the
comments of the tables (`Shape`, `Link`), and the numbers that must not be known. What does not: the attacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import duckdb

Key = tuple[str, ...]
Cell = tuple[str, str, Key]
"""Table, count, key."""
Expression = tuple[tuple[Cell, int], ...]
Row = dict[str, str]


@dataclass(frozen=True)
class Shape:
    """What a reader knows of a table: keys, counts, what sums to `All`, what lies within what."""

    table: str
    dims: tuple[str, ...]
    counts: tuple[str, ...]
    sums: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    rates: bool = False
    """a column `rate`, in percent with one decimal, of the first count within the second"""
    version: str | None = None

    @property
    def paired(self) -> bool:
        """Whether the first count lies within the second."""
        return len(self.counts) == 2


@dataclass(frozen=True)
class Link:
    """The count of a row of `total` is the sum of the counts of those rows of `parts` that `match` it."""

    total: tuple[str, str]
    parts: tuple[str, str]
    match: Callable[[Row, Row], bool]
    on: tuple[str, ...]
    """dimensions that must be equal, looked at before `match`"""


@dataclass(frozen=True)
class Target:
    """A number that must not be known: its expression, its true value's threshold, and the attack's bar."""

    what: str
    expression: Expression
    threshold: int
    exact: bool = False
    """whether only the exact number would be a success"""


@dataclass
class Picture:
    """All that a reader puts together: numbers shown, equations (sum = 0), counts that lie within others, rates."""

    shown: dict[Cell, int] = field(default_factory=dict)
    cells: dict[Cell, None] = field(default_factory=dict)
    equations: list[dict[Cell, int]] = field(default_factory=list)
    within: list[tuple[Cell, Cell]] = field(default_factory=list)
    rates: dict[tuple[Cell, Cell], float] = field(default_factory=dict)
    changes: list[Expression] = field(default_factory=list)
    """what should be zero but for children who arrived late, or another definition"""
    moved: set[Cell] = field(default_factory=set)
    """cells that two releases show with different numbers"""
    contradicted: bool = field(default=False, compare=False)
    """whether an attack found that nothing at all fits, so that it learned nothing"""

    def hidden(self, expression: Expression) -> bool:
        """Whether a number of the expression is not shown."""
        return any(cell not in self.shown for cell, _ in expression)


# Reading.


def look(paths: Sequence[Path], shapes: Iterable[Shape], links: Iterable[Link] = ()) -> Picture:
    """Read released files, oldest first, into one picture; what any of them shows is known."""
    picture, shapes = Picture(), list(shapes)
    rows: dict[str, dict[Key, Row]] = {shape.table: {} for shape in shapes}
    for path in paths:
        with duckdb.connect(str(path), read_only=True) as con:
            for shape in shapes:
                rows[shape.table].update(_read(picture, con, shape))
    for shape in shapes:
        found = rows[shape.table] = dict(sorted(rows[shape.table].items()))
        _sums(picture, shape, found)
        if shape.paired:
            inner, outer = shape.counts
            picture.within += [((shape.table, inner, key), (shape.table, outer, key)) for key in found]
        if shape.version:
            _versions(picture, shape, found)
    for link in links:
        if {link.total[0], link.parts[0]} <= rows.keys():
            _link(picture, link, rows[link.total[0]], rows[link.parts[0]])
    return picture


def _read(picture: Picture, con: duckdb.DuckDBPyConnection, shape: Shape) -> dict[Key, Row]:
    columns = [*shape.dims, "release_id", *shape.counts, *(["rate"] if shape.rates else [])]
    if (shape.table,) not in con.execute("select table_name from duckdb_tables()").fetchall():
        return {}
    found = con.execute(f"select {', '.join(columns)} from {shape.table} order by all").fetchall()
    width, out = len(shape.dims), {}
    for row in found:
        key = tuple(str(value) for value in row[:width])
        out[key] = dict(zip(columns, map(str, row[: width + 1]), strict=False))
        for name, value in zip(shape.counts, row[width + 1 :], strict=False):
            cell = (shape.table, name, key)
            picture.cells[cell] = None
            if value is not None:
                if picture.shown.get(cell, int(value)) != int(value):
                    picture.moved.add(cell)
                picture.shown[cell] = int(value)
        if shape.rates and row[-1] is not None:
            pair = (shape.table, shape.counts[0], key), (shape.table, shape.counts[1], key)
            picture.rates[pair] = float(row[-1])
    return out


def _sums(picture: Picture, shape: Shape, rows: Mapping[Key, Row]) -> None:
    for number, dim in enumerate(shape.dims):
        if dim not in (*shape.sums, *shape.nested):
            continue
        parts: dict[Key, list[Key]] = {}
        for key in rows:
            if key[number] != "All":
                parts.setdefault((*key[:number], "All", *key[number + 1 :]), []).append(key)
        for total, below in parts.items():
            for count in shape.counts if total in rows else ():
                whole = (shape.table, count, total)
                if dim in shape.sums:
                    picture.equations.append({whole: -1, **{(shape.table, count, key): 1 for key in below}})
                else:
                    picture.within += [((shape.table, count, key), whole) for key in below]


def _versions(picture: Picture, shape: Shape, rows: Mapping[Key, Row]) -> None:
    number = shape.dims.index(shape.version or "")
    same: dict[Key, list[Key]] = {}
    for key in sorted(rows):
        same.setdefault((*key[:number], *key[number + 1 :]), []).append(key)
    for keys in same.values():
        for old, new in pairwise(keys):
            if rows[old]["release_id"] == rows[new]["release_id"]:
                continue
            for name in shape.counts:
                picture.changes.append((((shape.table, name, new), 1), ((shape.table, name, old), -1)))


def _link(picture: Picture, link: Link, left: Mapping[Key, Row], right: Mapping[Key, Row]) -> None:
    by: dict[Key, list[tuple[Key, Row]]] = {}
    for key, row in right.items():
        by.setdefault(tuple(row[dim] for dim in link.on), []).append((key, row))
    for key, row in left.items():
        near = by.get(tuple(row[dim] for dim in link.on), [])
        parts = [(other, found) for other, found in near if link.match(row, found)]
        if not parts:
            continue
        equation = {(*link.total, key): -1, **{(*link.parts, other): 1 for other, _ in parts}}
        if {found["release_id"] for _, found in parts} == {row["release_id"]}:
            picture.equations.append(equation)
        else:  # the children may have changed in between
            picture.changes.append(tuple(equation.items()))


# Targets: the one thing that the reader does not know.


def targets(picture: Picture, truth: Mapping[Cell, int], threshold: int, certain: bool = True) -> list[Target]:
    """Name every number that must not be known, given the true counts."""
    out = [Target("count", ((cell, 1),), threshold) for cell in picture.cells if 1 <= truth[cell] < threshold]
    for inner, outer in picture.within:
        less: Expression = ((outer, 1), (inner, -1))
        rest, pair = truth[outer] - truth[inner], inner[0] == outer[0] and inner[2] == outer[2]
        if 1 <= rest < threshold:
            out.append(Target("complement" if pair else "nested", less, threshold))
        if certain and pair and truth[outer] and not rest:
            out.append(Target("certain", less, 1, exact=True))
        if certain and pair and truth[outer] and not truth[inner]:
            out.append(Target("certain", ((inner, 1),), 1, exact=True))
    for change in picture.changes:
        if 1 <= abs(sum(sign * truth[cell] for cell, sign in change)) < threshold:
            out.append(Target("change", change, threshold, exact=True))
    return out
