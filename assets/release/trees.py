"""Hierarchies of a dimension: school < neighbourhood < city, grade < band; the tree is a published table.

What belongs here: reading a tree whose edges are rows (`part`, `whole`, and further dimensions of the table it
is for, such as the period), refusing what is no tree, and finding for each row of a table the rows above it.
What does not: the equations made of them (`building`).

A released file holds the tree beside the counts, so that it says every equation itself. `All` is the root: a
value that the tree does not name as a part lies directly within it. A row is part of the nearest value above
it that has a row for the same other dimensions: where a breakdown by school is published without one by
neighbourhood, the schools sum to the city, and where a school without children has no row, it counts zero.
A dimension may have several trees (a school in a neighbourhood and in a network): each leaves out the groups
that only another one makes.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from assets.release.policy import ReleaseError
from assets.release.system import numbered
from assets.release.tables import TOTAL, TREE, Additive, PublishedTable

Tables = Mapping[str, PublishedTable]

DEEPEST = 16
"""Steps from a value to `All` at most; more are taken for a circle."""


def check_trees(con: duckdb.DuckDBPyConnection, tables: Tables) -> None:
    """Raise ReleaseError, naming a value, where the rows of a hierarchy's table are no tree with the root `All`."""
    named = {part.hierarchy for spec in tables.values() for part in spec.partitions if part.hierarchy}
    for tree in (tables[name] for name in sorted(named)):
        beside = "".join(f', "{dim}"' for dim in _beside(tree))
        circle = (
            f"with recursive climb as (select part, whole, 1 as steps{beside} from {numbered(tree)} union all "
            f"select climb.part, tree.whole, steps + 1{beside.replace(', ', ', climb.')} from climb "
            f"join {numbered(tree)} tree on tree.part = climb.whole{_equal(_beside(tree), 'tree', 'climb')} "
            f"where steps <= {DEEPEST}) select min(part) from climb where steps > {DEEPEST}"
        )
        twice = f"select part from {numbered(tree)} group by part{beside} having count(*) > 1 order by part limit 1"
        root = f"select part from {numbered(tree)} where part = '{TOTAL}' limit 1"
        for sql, what in (
            (root, "lies within a value, but it is the root; drop that row"),
            (twice, "lies within two values at once; give the second grouping a hierarchy of its own"),
            (circle, f"lies within itself, or more than {DEEPEST} steps deep; correct its rows"),
        ):
            found = con.execute(sql).fetchall()
            if found and found[0][0] is not None:
                raise ReleaseError(f"hierarchy {tree.name}: {found[0][0]} {what}")


def climb(tables: Tables, spec: PublishedTable, part: Additive) -> str:
    """Return the SQL of (below, above, steps): the rows of `spec` above each row, `steps` 1 the nearest value.

    Both rows are equal in every other dimension. Values without a row, and rows that do not take part, are not
    in it.
    """
    value, steps = f'own."{part.dim}"', "select climb.rid, climb.value, climb.steps from climb where false"
    if part.hierarchy is not None:
        tree = tables[part.hierarchy]
        steps = (
            "select climb.rid, tree.whole, climb.steps + 1 from climb join own using (rid) "
            f"join {numbered(tree)} tree on tree.part = climb.value{_equal(_beside(tree), 'tree', 'own')} "
            f"where tree.whole <> '{TOTAL}' and climb.steps < {DEEPEST}"
        )
    others = [dim for dim in spec.dims if dim != part.dim]
    return (
        f"with recursive own as (select * from {numbered(spec)} own where ({part.where or 'true'}) "
        f"{_of_another(tables, spec, part)}), "
        f"climb as (select rid, {value} as value, 0 as steps from own where {value} <> '{TOTAL}' union all {steps}), "
        "reached as (select rid, value, steps from climb where steps > 0 union all "
        f"select rid, '{TOTAL}', max(steps) + 1 from climb group by rid) "
        "select reached.rid as below, w.rid as above, reached.steps from reached join own p using (rid) "
        f'join own w on w."{part.dim}" = reached.value{_equal(others, "w", "p")}'
    )


def directly(tables: Tables, spec: PublishedTable, part: Additive) -> str:
    """Return the SQL of the pairs (a, b): row a is the sum of its rows b."""
    nearest = "qualify row_number() over (partition by below order by steps) = 1"
    return f"select above as a, below as b from ({climb(tables, spec, part)}) {nearest}"


def heights(tables: Tables, spec: PublishedTable, part: Additive) -> str:
    """Return the SQL of (rid, height) over all rows of `spec`: how high the value of the dimension lies.

    0 for one that nothing lies within, 1 for `All`; a group with h steps down to its lowest row and d up to
    `All` lies at h / (h + d). In the order of `rid`.
    """
    return (
        f"with pair as ({climb(tables, spec, part)}), "
        "down as (select above as rid, max(steps) as steps from pair group by above), "
        "up as (select below as rid, max(steps) as steps from pair group by below) "
        f"select t.rid, case when t.\"{part.dim}\" = '{TOTAL}' then 1.0 when down.steps is null then 0.0 "
        "else down.steps / (down.steps + coalesce(up.steps, 1)) end as height "
        f"from {numbered(spec)} t left join down using (rid) left join up using (rid) order by t.rid"
    )


def _of_another(tables: Tables, spec: PublishedTable, part: Additive) -> str:
    """Return the SQL that leaves out groups which only another hierarchy of the dimension makes."""

    def named(hierarchy: str, column: str) -> str:
        tree = tables[hierarchy]
        return (
            f'exists (select 1 from {numbered(tree)} tree where tree.{column} = own."{part.dim}"'
            f"{_equal(_beside(tree), 'tree', 'own')})"
        )

    here = [f"not {named(part.hierarchy, column)}" for column in TREE] if part.hierarchy else []
    others = {other.hierarchy for other in spec.partitions if other.dim == part.dim and other.hierarchy}
    return "".join(
        f"and not ({' and '.join([named(hierarchy, 'whole'), *here])}) "
        for hierarchy in sorted(others - {part.hierarchy})
    )


def _beside(tree: PublishedTable) -> list[str]:
    """Return the dimensions of a tree that it shares with the table it is for."""
    return [dim for dim in tree.dims if dim not in TREE]


def _equal(dims: list[str], left: str, right: str) -> str:
    return "".join(f' and {left}."{dim}" = {right}."{dim}"' for dim in dims)
