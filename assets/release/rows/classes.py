"""What a node of the lattice makes of the rows: classes of like histories, what must be left out, and what is lost.

What belongs here: the rows at every level as set-based SQL over `memory.rows.wide`, the rules k, l and t on whole
histories, shortening and leaving out, the loss. What does not: which node is taken (`lattice`), the check of the
finished file (`check`, which states the rules again).

A *class* is all children whose rows are the same in period and quasi-identifiers over **all** their years together. So
whoever knows a child's whole history finds k children at least; and since the rows of one period and group are a union
of classes, the same holds of every single year. In each period of a class

- k: there are k children at least (Sweeney 2002);
- l: each outcome takes l different values at least, Yes and No among them (distinct l-diversity, Machanavajjhala et al.
  2007); an outcome that nobody at all has in a period is not judged there;
- t: half the sum of the differences between the shares of Yes, No and Unknown in the class and among all rows of the
  period, which is the earth mover's distance with equal ground distance, is t at most (Li et al. 2007).

Children in a class that fails lose their earliest year and are looked at again, until their class does or no year is
left: histories are shortened before children are left out. Loss is non-uniform entropy (Gionis and Tassa 2009): what a
row's value tells in bits less what its group tells; a row left out loses all that it told, outcomes included.
"""

# Names in these statements come from checked columns and the packaged hierarchies, never from data.
# ruff: noqa: S608

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from assets.release.rows.form import NO, YES, Outcome
from assets.release.rows.hierarchies import Quasi, grouped_sql
from assets.release.rows.lattice import Node, Verdict
from assets.release.rows.opening import Opening

WIDE = "memory.rows.wide"
CODED = "memory.rows.coded"
CHOSEN = "memory.rows.chosen"
FAILING = "memory.rows.failing"
BITS = 1_000_000
"""Losses are whole millionths of a bit, so that sums do not depend on their order."""


@dataclass(frozen=True)
class Rule:
    """What every class must meet; `suppress` is the largest share of rows that may be left out of the periods kept."""

    k: int
    l: int = 2  # noqa: E741  (the name of the rule)
    t: float | None = None
    suppress: float = 0.05


@dataclass(frozen=True)
class Shape:
    """The columns of the rows: `periods` from the oldest on, quasi-identifiers, outcomes.

    A node is the number of oldest periods left out, then the level of each quasi-identifier.
    """

    periods: tuple[str, ...]
    quasi: tuple[Quasi, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def heights(self) -> tuple[int, ...]:
        """How many levels each part of a node has."""
        return (len(self.periods), *(one.height for one in self.quasi))


@dataclass(frozen=True)
class Made:
    """What a node came to. `dropped`: rows left out of the periods kept; `lost` children have no row left."""

    rows: int
    children: int
    dropped: int
    shortened: int
    lost: int
    loss: int
    worth: int


class Classes:
    """Judges nodes over `memory.rows.wide` of a connection: child, period, quasi-identifiers, outcomes, all text."""

    def __init__(self, con: duckdb.DuckDBPyConnection, shape: Shape, rule: Rule, opening: Opening) -> None:
        self._con, self._shape, self._rule, self._opening = con, shape, rule, opening
        con.execute(f"create or replace table {CODED} as {_coded_sql(shape)}")
        levels = [_level(q, level) for q in shape.quasi for level in range(q.height)]
        sums = "".join(f', sum("loss {name}")::bigint' for name in levels)
        found = con.execute(f"select period, sum(worth)::bigint{sums} from {CODED} group by period").fetchall()
        self._worth = {period: worth for period, worth, *_ in found}
        self._losses = {(row[0], name): loss for row in found for name, loss in zip(levels, row[2:], strict=True)}

    def bound(self, node: Node) -> int:
        """Return the loss of a node if no row of the periods it keeps is left out."""
        kept = self._kept(node)
        gone = sum(self._worth.get(period, 0) for period in self._shape.periods if period not in kept)
        told = sum(self._losses.get((period, name), 0) for period in kept for name in self._names(node))
        return int(gone + told)

    def judge(self, node: Node) -> Verdict:
        """Say whether a node will do and what it loses; hopeless where no finer node can do either."""
        if self._opening.opens(self._kept(node), node[1:]):
            return Verdict(False, hopeless=True)
        alone, rows = self._too_rare(node)
        if rows == 0 or alone > self._rule.suppress * rows:
            return Verdict(False, hopeless=True)
        made = self.apply(node, within=True)
        return Verdict(made is not None, made.loss if made else 0)

    def apply(self, node: Node, within: bool = False) -> Made | None:
        """Leave the rows of a node in `memory.rows.chosen`, with the columns of the file.

        None where no row is left, or, if asked to stay `within` it, where more rows must go than the rule allows.
        """
        con, all_rows = self._con, self._at(node)
        con.execute(f"create or replace table {CHOSEN} as {all_rows}")
        before = con.execute(f"select count(*), count(distinct child) from {CHOSEN}").fetchall()[0]
        dropped, most = 0, before[0] - 1
        if within:
            most = min(most, math.floor(self._rule.suppress * before[0] + 1e-9))
        while found := self._drop_failing():
            dropped += found
            if dropped > most:
                return None
        rows, children, loss, told = con.execute(
            f"select count(*), count(distinct child), coalesce(sum(loss), 0)::bigint, coalesce(sum(worth), 0)::bigint "
            f"from {CHOSEN}"
        ).fetchall()[0]
        whole = sum(self._worth.values())
        shortened = con.execute(
            f"select count(*) from (select child, count(*) as n from {CHOSEN} group by child) c "
            f"join (select child, count(*) as n from ({all_rows}) group by child) a using (child) where c.n < a.n"
        ).fetchall()[0][0]
        return Made(rows, children, before[0] - rows, shortened, before[1] - children, loss + whole - told, whole)

    def _drop_failing(self) -> int:
        """Take the earliest year from each child whose class fails; return how many years that were."""
        self._con.execute(f"create or replace table {FAILING} as {_failing_sql(self._shape, self._rule)}")
        return int(
            self._con.execute(
                f"delete from {CHOSEN} as r using {FAILING} as f where r.child = f.child and r.period = f.period"
            ).fetchall()[0][0]
        )

    def _kept(self, node: Node) -> tuple[str, ...]:
        return self._shape.periods[node[0] :]

    def _names(self, node: Node) -> list[str]:
        return [_level(one, level) for one, level in zip(self._shape.quasi, node[1:], strict=True)]

    def _at(self, node: Node) -> str:
        """Return the rows of a node: quasi-identifiers at its levels, and what each row loses and is worth."""
        chosen = "".join(
            f', "{name}" as "{one.name}"' for one, name in zip(self._shape.quasi, self._names(node), strict=True)
        )
        outcomes = "".join(f', "{one.column}"' for one in self._shape.outcomes)
        loss = " + ".join(["0", *(f'"loss {name}"' for name in self._names(node))])
        first = self._kept(node)[0]
        names = "".join(f', "{name}"' for name in self._names(node))
        return (
            f"select child, period{chosen}{outcomes}, ({loss})::bigint as loss, worth, "
            f"dense_rank() over (order by period{names}) as key from {CODED} where period >= '{first}'"
        )

    def _too_rare(self, node: Node) -> tuple[int, int]:
        """Return how many rows are in too small or too uniform a group of their own year, and how many there are.

        Coarser levels only make these fewer, and a class is never larger than the group of its year.
        """
        keys = ", ".join(["period", *(f'"{one.name}"' for one in self._shape.quasi)])
        return self._con.execute(
            f"with at_node as ({self._at(node)}), whole as ({_counts_sql(self._shape, 'at_node', 'period')}), "
            f"class as ({_counts_sql(self._shape, 'at_node', keys)}) "
            f"select coalesce(sum(class.n) filter ({' or '.join(_uniform(self._shape, self._rule))}), 0)::bigint, "
            "coalesce(sum(class.n), 0)::bigint from class join whole using (period)"
        ).fetchall()[0]


def _level(one: Quasi, level: int) -> str:
    return f"{one.name} {level}"


def _coded_sql(shape: Shape) -> str:
    """Return the rows with each quasi-identifier at every level, the loss there, and what the row is worth."""
    groups = "".join(
        f', {grouped_sql(quoted, one.grouping(level))} as "{_level(one, level)}"'
        for one in shape.quasi
        for level in range(one.height)
        for quoted in (f'"{one.name}"',)
    )
    losses = "".join(
        f', {_bits(_level(one, level), one.name)} as "loss {_level(one, level)}"'
        for one in shape.quasi
        for level in range(one.height)
    )
    told = [
        f'{BITS} * log2(count(*) over () / count(*) over (partition by "{name}"))'
        for name in (*(one.name for one in shape.quasi), *(one.column for one in shape.outcomes))
    ]
    worth = " + ".join(f"round({each})::bigint" for each in told) or "0"
    return f"with grouped as (select *{groups} from {WIDE}) select *{losses}, {worth} as worth from grouped"


def _bits(group: str, value: str) -> str:
    """Return what is lost where only the group of a value is told: log2 of how much larger the group is."""
    larger = f'count(*) over (partition by "{group}") / count(*) over (partition by "{value}")'
    return f"round({BITS} * log2({larger}))::bigint"


def _counts_sql(shape: Shape, rows: str, keys: str) -> str:
    """Return the number of rows, and of Yes and No of each outcome, by `keys`."""
    counts = "".join(
        f", count_if(\"{one.column}\" = '{YES}') as y{i}, count_if(\"{one.column}\" = '{NO}') as n{i}"
        for i, one in enumerate(shape.outcomes)
    )
    return f"select {keys}, count(*) as n{counts} from {rows} group by {keys}"


def _uniform(shape: Shape, rule: Rule) -> Iterator[str]:
    """Yield the conditions on `class` and `whole` under which a class breaks k or l."""
    yield f"class.n < {rule.k}"
    for i in range(len(shape.outcomes)):
        yes, no = f"class.y{i}", f"class.n{i}"
        values = f"({yes} > 0)::int + ({no} > 0)::int + (class.n > {yes} + {no})::int"
        fails = f"{yes} = 0 or {no} = 0 or {values} < {rule.l}"
        yield f"(whole.y{i} + whole.n{i} > 0 and ({fails}))"


def _distant(shape: Shape, rule: Rule) -> Iterator[str]:
    """Yield the conditions under which a class breaks t."""
    for i in range(len(shape.outcomes) if rule.t is not None else 0):
        shares = [
            (f"{part}.y{i} / {part}.n", f"{part}.n{i} / {part}.n", f"({part}.n - {part}.y{i} - {part}.n{i}) / {part}.n")
            for part in ("class", "whole")
        ]
        apart = " + ".join(f"abs({a} - {b})" for a, b in zip(*shares, strict=True))
        yield f"({apart}) / 2 > {rule.t} + 1e-9"


def _failing_sql(shape: Shape, rule: Rule) -> str:
    """Return the children of `memory.rows.chosen` whose class breaks a rule in a period, with their earliest period."""
    conditions: Sequence[str] = [*_uniform(shape, rule), *_distant(shape, rule)]
    return f"""
        with history as (
            select child, min(period) as first, list(key order by key) as history from {CHOSEN} group by child
        ),
        numbered as (select child, first, dense_rank() over (order by history) as history from history),
        told as (select r.*, history from {CHOSEN} as r join numbered using (child)),
        whole as ({_counts_sql(shape, "told", "period")}),
        class as ({_counts_sql(shape, "told", "history, period")}),
        failing as (
            select distinct class.history from class join whole using (period) where {" or ".join(conditions)}
        )
        select child, first as period from numbered join failing using (history)
    """
