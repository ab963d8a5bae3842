"""Files of rows on random small populations, against a model in plain Python that knows no SQL."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import product

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.outcomes.catalogue import MEASURE
from assets.release.rows.classes import BITS, CHOSEN, Classes, Rule, Shape
from assets.release.rows.form import Outcome
from assets.release.rows.hierarchies import Grouping, Quasi
from assets.release.rows.lattice import Node, Search, Verdict
from assets.release.rows.opening import Opening

RACE = Quasi("race", "race", groupings=(Grouping({"white": ("w",)}, "another"),))
SEX = Quasi("sex", "sex")
OUTCOMES = (Outcome("absent_1", "absent", "1"), Outcome("mobile_1", "mobile", "1"))
PERIODS = ("2023-24", "2024-25", "2025-26")
Row = tuple[str, str, str, str, str, str]
"""child, period, race, sex, two outcomes"""

answers = st.sampled_from(["Yes", "No", "No", "Unknown"])
years = st.dictionaries(
    st.sampled_from(PERIODS), st.tuples(st.sampled_from("wwwba"), answers, answers), min_size=1, max_size=3
)
populations = st.lists(st.tuples(st.sampled_from("FM"), years), min_size=6, max_size=40).map(
    lambda children: [
        (f"c{i:02}", period, race, sex, one, two)
        for i, (sex, found) in enumerate(children)
        for period, (race, one, two) in sorted(found.items())
    ]
)
rules = st.builds(
    Rule,
    k=st.integers(2, 5),
    l=st.integers(2, 3),
    t=st.none() | st.sampled_from([0.2, 0.4]),
    suppress=st.sampled_from([0.0, 0.2, 0.5]),
)


def searched(
    rows: list[Row], rule: Rule, outcomes: tuple[Outcome, ...]
) -> tuple[Search, Classes, duckdb.DuckDBPyConnection]:
    """Set up the search over a population for which there are no tables."""
    con = duckdb.connect(":memory:")
    con.execute("create schema rows")
    names = ("child", "period", "race", "sex", "absent_1", "mobile_1")
    con.register("told", pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))
    con.execute("create table rows.wide as select * from told")
    columns = ", ".join(f'"{name}" varchar' for name in MEASURE.dims)
    con.execute(f"create table measure ({columns}, numerator bigint, denominator bigint)")
    shape = Shape(tuple(sorted({row[1] for row in rows})), (RACE, SEX), outcomes)
    opening = Opening(con, MEASURE, "memory.main", shape.quasi, {one: {} for one in outcomes})
    classes = Classes(con, shape, rule, opening)
    return Search(shape.heights, classes.bound, classes.judge), classes, con


@dataclass
class Model:
    """The same rules over lists and dicts."""

    rows: list[Row]
    rule: Rule
    outcomes: int

    def shown(self, row: Row, node: Node) -> tuple[str, str, str]:
        race = (row[2], "white" if row[2] == "w" else "another", "All")[node[1]]
        return row[1], race, (row[3], "All")[node[2]]

    def failing(self, rows: list[Row], node: Node) -> set[str]:
        """Children whose class breaks a rule."""
        histories: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for row in sorted(rows):
            histories[row[0]].append(self.shown(row, node))
        classes: dict[tuple[tuple[str, str, str], ...], list[str]] = defaultdict(list)
        for child, history in histories.items():
            classes[tuple(history)].append(child)
        bad: set[str] = set()
        for history, children in classes.items():
            if len(children) < self.rule.k or any(
                self.breaks(rows, set(children), period, column)
                for period, _, _ in history
                for column in range(4, 4 + self.outcomes)
            ):
                bad |= set(children)
        return bad

    def breaks(self, rows: list[Row], children: set[str], period: str, column: int) -> bool:
        everyone = [row[column] for row in rows if row[1] == period]
        if set(everyone) == {"Unknown"}:
            return False
        own = [row[column] for row in rows if row[1] == period and row[0] in children]
        if not {"Yes", "No"} <= set(own) or len(set(own)) < self.rule.l:
            return True
        distance = sum(abs(own.count(v) / len(own) - everyone.count(v) / len(everyone)) for v in set(everyone)) / 2
        return self.rule.t is not None and distance > self.rule.t + 1e-9

    def made(self, node: Node) -> list[Row] | None:
        """Return the rows of a node; None where it will not do."""
        periods = sorted({row[1] for row in self.rows})[node[0] :]
        rows = [row for row in self.rows if row[1] in periods]
        before = len(rows)
        while bad := self.failing(rows, node):
            first = {child: min(row[1] for row in rows if row[0] == child) for child in bad}
            rows = [row for row in rows if first.get(row[0]) != row[1]]
        return rows if rows and before - len(rows) <= self.rule.suppress * before + 1e-9 else None

    def loss(self, node: Node, rows: list[Row]) -> int:
        """Return what is lost, in millionths of a bit."""
        kept = {row[:2] for row in rows}
        total = 0
        for row in self.rows:
            if row[:2] in kept:
                told = self.shown(row, node)
                for column, level in ((2, 1), (3, 2)):
                    alike = sum(self.shown(other, node)[level] == told[level] for other in self.rows)
                    total += self.bits(alike, sum(other[column] == row[column] for other in self.rows))
            else:
                for column in range(2, 4 + self.outcomes):
                    total += self.bits(len(self.rows), sum(other[column] == row[column] for other in self.rows))
        return total

    @staticmethod
    def bits(larger: int, smaller: int) -> int:
        return round(BITS * math.log2(larger / smaller))


@settings(deadline=None, max_examples=20)
@given(populations, rules, st.integers(1, 2))
def test_the_best_node_is_that_of_a_naive_look_at_every_node(rows: list[Row], rule: Rule, many: int) -> None:
    search, classes, con = searched(rows, rule, OUTCOMES[:many])
    model = Model(rows, rule, many)
    nodes = product(*(range(height) for height in search.heights))
    found = {node: made for node in nodes if (made := model.made(node)) is not None}
    best = search.best()
    assert (best is None) == (not found)
    if best is not None:
        assert model.loss(best, found[best]) == pytest.approx(
            min(model.loss(node, made) for node, made in found.items()), abs=2 * len(rows)
        )
        made = classes.apply(best)
        assert made is not None
        kept = con.execute(f"select child, period, race, sex from {CHOSEN} order by all").fetchall()
        assert kept == sorted((row[0], *model.shown(row, best)) for row in found[best])
        assert made.children + made.lost == len({row[0] for row in rows if row[1] in search_periods(rows, best)})
        assert made.loss == pytest.approx(model.loss(best, found[best]), abs=2 * len(rows))
        histories = Counter(tuple(row[1:] for row in kept if row[0] == child) for child in {row[0] for row in kept})
        assert min(histories.values()) >= rule.k
    con.close()


def search_periods(rows: list[Row], node: Node) -> list[str]:
    """The periods that a node keeps."""
    return sorted({row[1] for row in rows})[node[0] :]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_search_finds_what_looking_at_every_node_finds(heights: list[int], random: object) -> None:
    """Losses at random above bounds that grow with the levels; hopeless nodes are closed downwards."""
    draw = random.random  # type: ignore[attr-defined]
    nodes = list(product(*(range(height) for height in heights)))
    bounds = {node: sum(node) * 10 for node in nodes}
    tops = [node for node in nodes if draw() < 0.2]
    hopeless = {n for n in nodes if any(n[0] == t[0] and all(a <= b for a, b in zip(n, t, strict=True)) for t in tops)}
    verdicts = {
        node: Verdict(False, hopeless=True)
        if node in hopeless
        else Verdict(draw() < 0.5, bounds[node] + int(draw() * 40))
        for node in nodes
    }
    asked: list[Node] = []

    def judge(node: Node) -> Verdict:
        asked.append(node)
        return verdicts[node]

    search = Search(heights, bounds.__getitem__, judge)
    best = min(((verdict.loss, node) for node, verdict in verdicts.items() if verdict.will_do), default=None)
    assert search.best() == (best[1] if best else None)
    assert len(asked) == len(set(asked))
    if best is not None:
        barred = [best[1]]
        left = [
            (verdict.loss, node)
            for node, verdict in verdicts.items()
            if verdict.will_do
            and not (node[0] == best[1][0] and all(a <= b for a, b in zip(node, best[1], strict=True)))
        ]
        assert search.best(barred) == (min(left)[1] if left else None)
