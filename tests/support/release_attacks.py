"""A toolbox of attacks on released files: what a reader with a solver would try, written apart from the product.

What belongs here: reading released DuckDB files with no help from the product, the equations that a reader knows from
the comments of the tables (`Shape`, `Link`), and the attacks. What does not: making releases (`release_cities`).

A target is a true count of 1..t-1 (a count, a denominator less its numerator, a total less a part within it) or the
number behind 0 % or 100 %. An attack succeeds on one when it leaves no value of t or more (for a change between two
versions, and for a certain rate: when it leaves one value only). Attacks are told which numbers are targets, so that
no time is lost on others; they are not told the numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

Key = tuple[str, ...]
Cell = tuple[str, str, Key]
"""Table, count, key."""
Expression = tuple[tuple[Cell, int], ...]
Row = dict[str, str]
PRIME = 2**31 - 1
MOST = 1e6


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


# Attacks.


def reading(picture: Picture, sought: Sequence[Target]) -> set[Target]:
    """Look: numbers shown, and differences of two numbers shown."""
    return {target for target in sought if not picture.hidden(target.expression)}


def rate_times_denominator(picture: Picture, sought: Sequence[Target]) -> set[Target]:
    """Multiply a rate by its denominator, or divide its numerator by it."""
    fits: dict[Cell, tuple[int, int]] = {}
    for (inner, outer), rate in picture.rates.items():
        low, high = (rate - 0.05) / 100 - 1e-12, (rate + 0.05) / 100 + 1e-12
        if inner not in picture.shown and outer in picture.shown:
            size = picture.shown[outer]
            fits[inner] = int(np.ceil(low * size)), int(np.floor(high * size))
        if outer not in picture.shown and picture.shown.get(inner, 0) > 0:
            part = picture.shown[inner]
            fits[outer] = int(np.ceil(part / high)), int(np.floor(part / max(low, 1e-9)))
    out = set()
    for target in sought:
        ends = [_times(sign, *fits.get(cell, _point(picture, cell))) for cell, sign in target.expression]
        if picture.hidden(target.expression) and _won(target, sum(e[0] for e in ends), sum(e[1] for e in ends)):
            out.add(target)
    return out


def _point(picture: Picture, cell: Cell) -> tuple[float, float]:
    value = picture.shown.get(cell)
    return (0.0, np.inf) if value is None else (value, value)


def _times(sign: int, low: float, high: float) -> tuple[float, float]:
    return (low, high) if sign > 0 else (-high, -low)


def _won(target: Target, low: float, high: float) -> bool:
    return low == high if target.exact else high < target.threshold


def elimination(picture: Picture, sought: Sequence[Target]) -> set[Target]:
    """Solve the equations by Gaussian elimination, in whole numbers modulo a prime: what has one value only."""
    out = set()
    for part, wanted in _parts(picture, sought):
        reduced, pivots = _echelon(part.matrix.toarray().astype(np.int64))
        for target in wanted:
            vector = part.vector(picture, target).astype(np.int64) % PRIME
            for row, pivot in enumerate(pivots):
                if vector[pivot]:
                    vector = (vector - vector[pivot] * reduced[row]) % PRIME
            if not vector.any():
                out.add(target)
    return out


def _echelon(matrix: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the reduced rows modulo the prime, and the column in which each starts."""
    rows, pivots, top = matrix % PRIME, [], 0
    for column in range(rows.shape[1]):
        found = np.flatnonzero(rows[top:, column])
        if not len(found):
            continue
        rows[[top, top + found[0]]] = rows[[top + found[0], top]]
        rows[top] = rows[top] * pow(int(rows[top, column]), -1, PRIME) % PRIME
        others = np.flatnonzero(rows[:, column])
        others = others[others != top]
        rows[others] = (rows[others] - rows[others, column][:, None] * rows[top]) % PRIME
        pivots.append(column)
        top += 1
        if top == len(rows):
            break
    return rows[:top], pivots


def intervals(picture: Picture, sought: Sequence[Target]) -> set[Target]:
    """Ask a linear program for the greatest value of each number (the least too, where only one value would do).

    A solution in whole numbers that leaves a number open spares asking for it: the first ones move many at once.
    """
    out = set()
    for part, wanted in _parts(picture, sought):
        seen: list[np.ndarray] = []
        left, before = wanted, 0
        while len(left) > 2 and len(left) != before:
            together, before = sum(part.vector(picture, target) for target in left), len(left)
            _whole(part, -together, seen)
            _whole(part, together, seen)
            left = [target for target in left if not _refuted(part, picture, target, seen)]
        for target in left:
            if not _refuted(part, picture, target, seen) and _won(target, *_ends(part, picture, target, seen)):
                out.add(target)
    return out


def _refuted(part: _Part, picture: Picture, target: Target, seen: Sequence[np.ndarray]) -> bool:
    """Whether whole solutions found before leave the number open."""
    values = [part.value(picture, target, x) for x in seen]
    return bool(values) and not _won(target, min(values), max(values))


def _whole(part: _Part, cost: np.ndarray, seen: list[np.ndarray]) -> np.ndarray | None:
    """Solve, and keep what came out when it is whole."""
    x = part.best(cost)
    if x is not None and np.abs(x - np.rint(x)).max() < 1e-6:
        seen.append(np.rint(x))
    return x


def _ends(part: _Part, picture: Picture, target: Target, seen: list[np.ndarray]) -> tuple[float, float]:
    """Return the least and greatest value of a number; the least only where it matters."""
    cost, ends = part.vector(picture, target), []
    for sign in (1.0, -1.0)[: 1 + target.exact]:
        x = _whole(part, -sign * cost, seen)
        if x is None:  # nothing fits: the reader learns that the files lie, and no number
            return 0.0, np.inf
        value = part.value(picture, target, x)
        whole = np.abs(x - np.rint(x)).max() < 1e-6
        if not target.exact and not whole and target.threshold <= value < 3 * target.threshold:
            x = part.best(-cost, whole=True)
            value = value if x is None else part.value(picture, target, x)
        ends.append(np.floor(value + 1e-6) if sign > 0 else np.ceil(value - 1e-6))
    return ends[-1] if target.exact else 0.0, ends[0]


@dataclass(frozen=True)
class _Part:
    """Hidden numbers that hang together: A x = b, and `inside` x <= `room` for what lies within what, and for rates."""

    columns: Mapping[Cell, int]
    matrix: csr_array
    known: np.ndarray
    inside: csr_array
    room: np.ndarray

    def vector(self, picture: Picture, target: Target) -> np.ndarray:
        """Return a target over the hidden numbers."""
        out = np.zeros(len(self.columns))
        for cell, sign in target.expression:
            if cell not in picture.shown:
                out[self.columns[cell]] += sign
        return out

    def value(self, picture: Picture, target: Target, x: np.ndarray) -> float:
        """Return a target's value for given hidden numbers."""
        base = sum(sign * picture.shown[cell] for cell, sign in target.expression if cell in picture.shown)
        return float(self.vector(picture, target) @ x) + base

    def best(self, cost: np.ndarray, whole: bool = False) -> np.ndarray | None:
        """Return the x that costs least, in whole numbers if so asked."""
        rows = [(self.matrix, self.known, self.known), (self.inside, -np.inf, self.room)]
        rules = [LinearConstraint(*row) for row in rows if row[0].shape[0]]
        found = milp(cost, constraints=rules, bounds=Bounds(0, MOST), integrality=np.full(len(cost), int(whole)))
        return None if found.x is None else np.asarray(found.x)


def _parts(picture: Picture, sought: Sequence[Target]) -> list[tuple[_Part, list[Target]]]:
    """Put what is shown into the equations, split what is left into parts that hang together, each with its targets.

    A target over numbers that no equation holds together can be anything, and belongs to no part.
    """
    unknown = {cell: number for number, cell in enumerate(cell for cell in picture.cells if cell not in picture.shown)}
    equal = [_substituted(picture, equation, 0.0) for equation in picture.equations]
    below = [_substituted(picture, {inner: 1, outer: -1}, 0.0) for inner, outer in picture.within]
    for (inner, outer), rate in picture.rates.items():
        below.append(_substituted(picture, {inner: 100, outer: -(rate + 0.05 + 1e-9)}, 0.0))
        below.append(_substituted(picture, {inner: -100, outer: rate - 0.05 - 1e-9}, 0.0))
    rows = [row for row in (*equal, *below) if row[0]]
    first = [unknown[next(iter(row[0]))] for row in rows for _ in row[0]]
    other = [unknown[cell] for row in rows for cell in row[0]]
    graph = coo_array((np.ones(len(first)), (first, other)), shape=(len(unknown), len(unknown)))
    count, label = connected_components(graph, directed=False)
    columns: list[dict[Cell, int]] = [{} for _ in range(count)]
    for cell, number in unknown.items():
        columns[label[number]][cell] = len(columns[label[number]])
    sides: list[tuple[list, list]] = [([], []) for _ in range(count)]
    for kind, side in enumerate((equal, below)):
        for row in side:
            if row[0]:
                sides[label[unknown[next(iter(row[0]))]]][kind].append(row)
    of: dict[int, list[Target]] = {}
    for target in sought:
        places = {label[unknown[cell]] for cell, _ in target.expression if cell in unknown}
        if len(places) == 1:
            of.setdefault(places.pop(), []).append(target)
    return [
        (_Part(columns[i], *_stacked(sides[i][0], columns[i]), *_stacked(sides[i][1], columns[i])), of[i])
        for i in sorted(of)
    ]


def _substituted(picture: Picture, row: Mapping[Cell, float], right: float) -> tuple[dict[Cell, float], float]:
    left = {cell: factor for cell, factor in row.items() if cell not in picture.shown}
    return left, right - sum(factor * picture.shown[cell] for cell, factor in row.items() if cell in picture.shown)


def _stacked(
    rows: Sequence[tuple[Mapping[Cell, float], float]], columns: Mapping[Cell, int]
) -> tuple[csr_array, np.ndarray]:
    entries = [(number, columns[cell], factor) for number, (row, _) in enumerate(rows) for cell, factor in row.items()]
    row, column, factor = zip(*entries, strict=True) if entries else ((), (), ())
    matrix = csr_array(coo_array((np.array(factor, float), (row, column)), shape=(len(rows), len(columns))))
    return matrix, np.array([right for _, right in rows], float)


# All of them, on a series of files.


@dataclass
class Tally:
    """How often each attack was tried and how often it succeeded, and on what."""

    attempts: Counter[str] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    won: dict[str, set[Target]] = field(default_factory=dict)

    def note(self, attack: str, sought: Sequence[Target], won: set[Target]) -> None:
        """Add one run of an attack."""
        self.attempts[attack] += len(sought)
        self.successes[attack] += len(won)
        self.won.setdefault(attack, set()).update(won)


ATTACKS = (
    "reading",
    "complement",
    "0 % or 100 %",
    "rate x denominator",
    "exact recovery by elimination",
    "LP intervals",
    "nested difference",
    "linked tables",
    "differencing of releases",
    "change between versions",
)


def attack(
    paths: Sequence[Path],
    shapes: Sequence[Shape],
    links: Sequence[Link],
    truth: Mapping[Cell, int],
    threshold: int,
    late: Sequence[Cell] = (),
    tally: Tally | None = None,
) -> Tally:
    """Try every attack on a series of released files, oldest first.

    `truth` only says what is sought; `late`: cells whose true count changed by 1..t-1 between two releases.
    """
    tally = tally or Tally()
    for shape in shapes:
        alone = look(paths[-1:], [shape])
        sought = targets(alone, truth, threshold)
        of = {kind: [target for target in sought if target.what == kind] for kind in ("count", "complement", "nested")}
        of["certain"] = [target for target in sought if target.what == "certain"]
        tally.note("reading", of["count"], reading(alone, of["count"]))
        tally.note("complement", of["complement"], reading(alone, of["complement"]))
        tally.note("0 % or 100 %", of["certain"], reading(alone, of["certain"]) | _strong(alone, of["certain"]))
        tally.note("nested difference", of["nested"], reading(alone, of["nested"]) | _strong(alone, of["nested"]))
        both = [*of["count"], *of["complement"]]
        tally.note("rate x denominator", both, rate_times_denominator(alone, both))
        hidden = [target for target in both if alone.hidden(target.expression)]
        tally.note("exact recovery by elimination", hidden, elimination(alone, hidden))
        tally.note("LP intervals", hidden, intervals(alone, hidden))
    won: set[Target] = set()
    whole = Picture()
    for name, files in (("linked tables", paths[-1:]), ("differencing of releases", paths)):
        before, whole = whole, look(files, shapes, links)
        sought = [target for target in targets(whole, truth, threshold) if target.what != "change"]
        if whole != before:  # a series that keeps its word shows in all files what it shows in the last
            won = reading(whole, sought) | _strong(whole, sought)
        tally.note(name, sought, won)
    arrived = [Target("late", ((cell, 1),), threshold) for cell in late]
    tally.note("differencing of releases", arrived, {one for one in arrived if one.expression[0][0] in whole.moved})
    changes = [target for target in targets(whole, truth, threshold) if target.what == "change"]
    tally.note("change between versions", changes, reading(whole, changes) | _strong(whole, changes))
    return tally


def _strong(picture: Picture, sought: Sequence[Target]) -> set[Target]:
    return elimination(picture, sought) | intervals(picture, sought)
