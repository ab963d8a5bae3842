"""A toolbox of attacks on released files: what a reader with a solver would try, written apart from the product.

What belongs here: the attacks on a `Picture`, and all of them on a series of files. What does not: reading files
(`release_picture`), making releases (`release_cities`).

A target is a true count of 1..t-1 (a count, a denominator less its numerator, a total less a part within it) or the
number behind 0 % or 100 %. An attack succeeds on one when it leaves no value of t or more (for a change between two
versions, and for a certain rate: when it leaves one value only). Attacks are told which numbers are targets, so that
no time is lost on others; they are not told the numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from support.release_picture import Cell, Link, Picture, Shape, Target, look, targets

PRIME = 2**31 - 1
MOST = 1e6


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
            picture.contradicted = True
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
    last, whole = look(paths[-1:], shapes, links), look(paths, shapes, links)
    sought = [target for target in targets(last, truth, threshold) if target.what != "change"]
    won = reading(last, sought) | _strong(last, sought)
    tally.note("linked tables", sought, won)
    for shape in shapes:
        _alone(look(paths[-1:], [shape]), truth, threshold, None if last.contradicted else won, tally)
    sought = [target for target in targets(whole, truth, threshold) if target.what != "change"]
    if whole != last:  # a series that keeps its word shows in all files what it shows in the last
        won = reading(whole, sought) | _strong(whole, sought)
    tally.note("differencing of releases", sought, won)
    arrived = [Target("late", ((cell, 1),), threshold) for cell in late]
    tally.note("differencing of releases", arrived, {one for one in arrived if one.expression[0][0] in whole.moved})
    changes = [target for target in targets(whole, truth, threshold) if target.what == "change"]
    tally.note("change between versions", changes, reading(whole, changes) | _strong(whole, changes))
    return tally


def _alone(
    picture: Picture, truth: Mapping[Cell, int], threshold: int, possible: set[Target] | None, tally: Tally
) -> None:
    """Attack one table by itself. `possible`: what all tables together gave away; one of them gives away no more."""
    sought = targets(picture, truth, threshold)
    of = {kind: [target for target in sought if target.what == kind] for kind in ("count", "complement")}
    both = [*of["count"], *of["complement"]]
    hidden = [target for target in both if picture.hidden(target.expression)]
    tally.note("reading", of["count"], reading(picture, of["count"]))
    tally.note("complement", of["complement"], reading(picture, of["complement"]))
    tally.note("rate x denominator", both, rate_times_denominator(picture, both))

    def worth(targets: Sequence[Target]) -> list[Target]:
        return [target for target in targets if possible is None or target in possible]

    tally.note("exact recovery by elimination", hidden, elimination(picture, worth(hidden)))
    tally.note("LP intervals", hidden, intervals(picture, worth(hidden)))
    for name, kind in (("0 % or 100 %", "certain"), ("nested difference", "nested")):
        found = [target for target in sought if target.what == kind]
        tally.note(name, found, reading(picture, found) | _strong(picture, worth(found)))


def _strong(picture: Picture, sought: Sequence[Target]) -> set[Target]:
    return elimination(picture, sought) | intervals(picture, sought)
