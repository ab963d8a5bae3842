"""Making the file of rows of a release: which node, the file, the audit with the tables, or why there is no file.

What belongs here: the order of the steps. The node that loses least is written and attacked together with the tables;
where the audit fails, it and all finer ones are ruled out and the next is tried, a few times. What does not: each
step.

There is one file a release at most, and a period is shown in one file only: two files of the same children, made
coarser in different ways, could be joined. Without a licence that asks, nothing happens here (default deny).
"""

# Paths and names in these statements are our own or checked.
# ruff: noqa: S608

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from assets.release.audit import AuditReport
from assets.release.policy import ReleaseError
from assets.release.rows import check
from assets.release.rows.classes import CHOSEN, WIDE, Classes, Made, Shape
from assets.release.rows.form import NO, ROWS, UNKNOWN, YES, Outcome, RowFile
from assets.release.rows.hierarchies import Quasi, text_sql
from assets.release.rows.lattice import Node, Search
from assets.release.rows.opening import Opening
from assets.release.rows.request import RowRequest
from assets.release.rows.shaping import CELLS, NoFileError, Site, periods_of, shape_of
from assets.release.rows.source import Rows
from assets.release.rows.words import coarseness, sentence
from assets.release.writing import STAGE, table_digest

ATTEMPTS = 6
"""How many nodes are written and attacked before there is no file."""

OPENED = "rows and tables together would tell a hidden count, however coarse the quasi-identifiers"
"""Which count is not said: a manifest is for everyone, and what an audit finds tells a sensitive cell from others."""

Load = Callable[[RowRequest, Sequence[str]], Rows]
Attack = Callable[[RowFile], AuditReport]


@dataclass(frozen=True)
class RowOrder:
    """What licences ask for, and how the rows before any generalisation are read."""

    requests: tuple[RowRequest, ...]
    load: Load

    def to_json(self) -> list[dict[str, Any]]:
        """Return what tells one order from another, for the id of the release."""
        return [
            {
                "licence": one.licence,
                "rule": asdict(one.rule),
                "quasi": [q.name for q in one.quasi],
                "outcomes": [item.key for item in one.outcomes],
                "refused": one.refused,
            }
            for one in self.requests
        ]


def make_rows(order: RowOrder, site: Site, attack: Attack) -> tuple[list[dict[str, Any]], AuditReport | None]:
    """Return the manifest's entries, and the audit of rows and tables together where a file was made."""
    entries, report = [], None
    for request in order.requests:
        said = {"licence": request.licence, "clause": request.clause, "table": request.table}
        left_out = list(request.left_out)
        try:
            if request.refused:
                raise NoFileError(request.refused)
            if site.policy.mode != "suppress":
                raise NoFileError(f"the mode is {site.policy.mode}, and rows would tell the numbers that it changes")
            about, report = _make(request, order.load, site, attack, left_out)
            entries.append({**said, **about, "left_out": left_out})
        except NoFileError as why:
            (site.place / ROWS).unlink(missing_ok=True)
            entries.append({**said, "refused": str(why), "left_out": left_out})
    return entries, report


def _make(
    request: RowRequest, load: Load, site: Site, attack: Attack, left_out: list[str]
) -> tuple[dict[str, Any], AuditReport]:
    considered = periods_of(request, site)
    rows = load(request, considered)
    shape, shown, says = shape_of(request, rows, site, left_out)
    opening = Opening(site.con, site.spec, STAGE, shape.quasi, shown)
    classes = Classes(site.con, shape, request.rule, opening)
    search = Search(shape.heights, classes.bound, classes.judge)
    barred: list[Node] = []
    why = "no level of the quasi-identifiers meets k, l and t without leaving out too many rows or a hidden count bare"
    for _ in range(ATTEMPTS):
        node = search.best(barred)
        made = None if node is None else classes.apply(node)
        if node is None or made is None:
            break
        _sums(site.con, shape, node, made)
        about = _about(request, shape, shown, node, made, considered)
        file = _write(site, about, says)
        report = attack(file)
        if report.passed:
            with duckdb.connect(":memory:") as con:
                con.execute(f"attach {text_sql(str(file.path))} as rows_0 (read_only)")
                about["reached"] = asdict(check.reached(con, file, "rows_0.main"))
                about["sha256"] = table_digest(con, "rows_0.main", file.table)
            return about, report
        why = OPENED
        barred.append(node)
    raise NoFileError(why)


def _sums(con: duckdb.DuckDBPyConnection, shape: Shape, node: Node, made: Made) -> None:
    """Raise unless every row and child of the periods kept is either in the file or counted as left out."""
    first = shape.periods[node[0]]
    rows, children, gone, lost = con.execute(
        f"with every as (select child, period from {WIDE} where period >= $first), "
        f"chosen as (select child, period from {CHOSEN}) "
        "select (select count(*) from every), (select count(distinct child) from every), "
        "(select count(*) from every anti join chosen using (child, period)), "
        "(select count(distinct child) from every anti join chosen using (child))",
        {"first": first},
    ).fetchall()[0]
    if (rows, children) != (made.rows + gone, made.children + lost) or (gone, lost) != (made.dropped, made.lost):
        raise ReleaseError("the rows shown and left out are not all rows; nothing was published, report this")


def _about(
    request: RowRequest,
    shape: Shape,
    columns: Mapping[Outcome, Mapping[str, str]],
    node: Node,
    made: Made,
    considered: Sequence[str],
) -> dict[str, Any]:
    """Return what the manifest says of a file. Shares of what is left out are rounded up, to tell no small count."""
    left = 100 * made.dropped / (made.rows + made.dropped)
    plain = {one.name for one, level in zip(shape.quasi, node[1:], strict=True) if level == 0}
    return {
        "table": request.table,
        "cells": CELLS,
        "periods": list(shape.periods[node[0] :]),
        "considered": list(considered),
        "rule": asdict(request.rule),
        "quasi": [_level(one, level) for one, level in zip(shape.quasi, node[1:], strict=True)],
        "outcomes": [asdict(one) for one in shape.outcomes],
        "declared": [asdict(one) for one in columns if one.column in plain],
        "breakdowns": {one.column: dict(names) for one, names in columns.items()},
        "rows": made.rows,
        "children": made.children,
        "dropped_percent": math.ceil(left),
        "loss_percent": math.ceil(100 * made.loss / made.worth) if made.worth else 0,
    }


def _level(one: Quasi, level: int) -> dict[str, Any]:
    grouping = one.grouping(level)
    return {
        "name": one.name,
        "level": level,
        "levels": one.height,
        "groups": {} if grouping is None else {group: list(values) for group, values in grouping.groups.items()},
        "others": None if grouping is None else grouping.others,
    }


def _write(site: Site, about: Mapping[str, Any], says: Mapping[str, str]) -> RowFile:
    """Write the rows of `memory.rows.chosen` into the file beside the release, in the order of their ids."""
    path = site.place / ROWS
    path.unlink(missing_ok=True)
    names = [item["name"] for item in about["quasi"]]
    outcomes = [item["column"] for item in about["outcomes"]]
    listed = ", ".join(f'"{name}"' for name in ("child", "period", *names, *outcomes))
    table = f'written.main."{about["table"]}"'
    site.con.execute(f"attach {text_sql(str(path))} as written")
    try:
        site.con.execute(f"create table {table} as select {listed} from {CHOSEN} order by child, period")
        site.con.execute(f"comment on table {table} is {text_sql(sentence(about))}")
        comments = {
            "child": "Random id of a child, the same in all rows of the child in this file and in no other.",
            "period": "School and fiscal year.",
            **{item["name"]: f"{says[item['name']]}. {coarseness(item)}" for item in about["quasi"]},
            **{name: f"{says[name]}: {YES}, {NO}, or {UNKNOWN} (not counted by the measure)." for name in outcomes},
        }
        for name, text in comments.items():
            site.con.execute(f'comment on column {table}."{name}" is {text_sql(text)}')
        site.con.execute("checkpoint written")
    finally:
        site.con.execute("detach written")
    return RowFile(path, about)
