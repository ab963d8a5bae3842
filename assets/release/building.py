"""Reading a `System` from tables: numbering their counts, and finding every equation between them.

What belongs here: set-based SQL over any DuckDB connection that holds the tables, with hidden counts as NULL,
so that the same code serves the unsuppressed tables and a released file: margins, relations between tables,
complements and other nested differences, changes between two versions of a closed period. What does not: the
meaning of the variables (`system`) and every decision about them.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt
from scipy import sparse

from assets.release.policy import ReleaseError
from assets.release.system import Bools, Floats, Ints, Kind, System, TableBlock, numbered
from assets.release.tables import TOTAL, Additive, Catalogue, PublishedTable, Relation, contributions
from assets.release.trees import check_trees, directly


@dataclass
class _Builder:
    """Collects variables and equations table by table, relation by relation."""

    con: duckdb.DuckDBPyConnection
    blocks: dict[str, TableBlock] = field(default_factory=dict)
    size: int = 0
    values: list[Floats] = field(default_factory=list)
    kinds: list[npt.NDArray[np.int8]] = field(default_factory=list)
    minuends: list[Ints] = field(default_factory=list)
    subtrahends: list[Ints] = field(default_factory=list)
    sensitives: list[Bools] = field(default_factory=list)
    rows: list[Ints] = field(default_factory=list)
    cols: list[Ints] = field(default_factory=list)
    coefs: list[Floats] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    amounts: dict[str, TableBlock] = field(default_factory=dict)

    def variables(self, kind: Kind, minuend: Ints, subtrahend: Ints, sensitive: bool, values: Floats) -> Ints:
        """Append variables of one kind and return their numbers."""
        first, self.size = self.size, self.size + len(values)
        self.values.append(values)
        self.kinds.append(np.full(len(values), kind, np.int8))
        self.minuends.append(minuend)
        self.subtrahends.append(subtrahend)
        self.sensitives.append(np.full(len(values), sensitive))
        return np.arange(first, self.size)

    def sums(self, label: str, total: Ints, part: Ints) -> None:
        """Append equations sum of parts - total = 0 from aligned pairs, one for each distinct total."""
        if not len(total):
            return
        totals, which = np.unique(total, return_inverse=True)
        first = len(self.labels)
        self.rows += [first + which, first + np.arange(len(totals))]
        self.cols += [part, totals]
        self.coefs += [np.ones(len(part)), -np.ones(len(totals))]
        self.labels += [label] * len(totals)

    def differences(self, kind: Kind, label: str, minuend: Ints, subtrahend: Ints, sensitive: bool = True) -> None:
        """Append variables minuend - subtrahend with their equations."""
        if not len(minuend):
            return
        known = np.concatenate(self.values)
        new = self.variables(kind, minuend, subtrahend, sensitive, known[minuend] - known[subtrahend])
        first = len(self.labels)
        row = first + np.arange(len(new))
        self.rows += [row, row, row]
        self.cols += [subtrahend, new, minuend]
        self.coefs += [np.ones(len(new)), np.ones(len(new)), -np.ones(len(new))]
        self.labels += [label] * len(new)

    def pairs(self, sql: str) -> tuple[Ints, Ints]:
        """Run a query of two row numbers and return them in a fixed order."""
        found = self.con.execute(f"select a::bigint as a, b::bigint as b from ({sql}) order by a, b").fetchnumpy()
        return np.asarray(found["a"], np.int64), np.asarray(found["b"], np.int64)

    def cells(self, table: str, count: int | str, row: Ints) -> Ints:
        """Return the variables of one count (by number or name) or one amount (by name) in rows of a table."""
        block = self.blocks[table]
        if isinstance(count, str) and count in block.spec.amount_names:
            block = self.amounts[table]
        number = block.names.index(count) if isinstance(count, str) else count
        return block.offset + row * len(block.names) + number


def build_system(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    schema: str = "main",
    drifting: Sequence[int] | None = None,
) -> System:
    """Build the system over the catalogue's tables in `schema` of `con`; leaves temporary tables there.

    A table may carry a column `release_id` (NULL or absent: the release being built). `drifting`: equations,
    by number, in which rows of different releases no longer agree; None finds them where every count is
    known. Raises ReleaseError for a missing table or column, a null or repeated key, a negative count, a
    numerator above its denominator, a hierarchy that is no tree, or a margin within one release that does not
    add up.
    """
    builder = _Builder(con)
    for spec in catalogue.tables:
        _number_rows(builder, spec, schema)
    _check_counts(builder)
    check_trees(con, catalogue.by_name)
    for spec in catalogue.tables:
        _number_amounts(builder, spec)
    for spec in catalogue.tables:
        _complements(builder, spec)
        for part in spec.partitions:
            _margins(builder, catalogue, spec, part)
    for relation in catalogue.relations:
        _relate(builder, relation)
    for spec in catalogue.tables:
        _changes(builder, spec)
    return _finish(builder, drifting)


def _number_rows(builder: _Builder, spec: PublishedTable, schema: str) -> None:
    """Copy one table with row numbers, in the order of its key, and register its counts."""
    con = builder.con
    described = con.execute(
        "select column_name from duckdb_columns() where table_name = ? and schema_name = ? and not internal"
        " and (database_name = current_database() or database_name = ?)",
        [spec.name, schema.rsplit(".", maxsplit=1)[-1], schema.split(".", maxsplit=1)[0]],
    ).fetchall()
    present = {name for (name,) in described}
    lacking = [name for name in (*spec.dims, *spec.count_names, *spec.amount_names) if name not in present]
    if lacking:
        raise ReleaseError(
            f"table {spec.name} lacks {', '.join(lacking)}; the outcome tables and the catalogue must agree"
        )
    dims = ", ".join(f'"{dim}"::varchar as "{dim}"' for dim in spec.dims)
    counts = "".join(f', "{name}"::double as "{name}"' for name in spec.count_names)
    known = (*spec.amount_names, *(name for a in spec.amounts for name in contributions(a) if name in present))
    amounts = "".join(f', "{name}"::double as "{name}"' for name in known)
    release = "coalesce(release_id, '~')" if "release_id" in present else "'~'"
    key = ", ".join(f'"{dim}"' for dim in spec.dims)
    con.execute(
        f"create or replace temp table {numbered(spec).rsplit('.', maxsplit=1)[-1]} as "
        f"select row_number() over (order by {key}) - 1 as rid, {dims}{counts}{amounts}, {release} as of_release "
        f'from {schema}."{spec.name}"'
    )
    nulls = " or ".join(f'"{dim}" is null' for dim in spec.dims)
    bad = con.execute(
        f"select count(*) filter ({nulls}), count(*) - count(distinct ({key})) from {numbered(spec)}"
    ).fetchall()[0]
    if any(bad):
        raise ReleaseError(
            f"table {spec.name}: {bad[0]} rows with a null dimension and {bad[1]} with a repeated key; "
            f"each combination of its dimensions must come once (margins are '{TOTAL}')"
        )
    found = con.execute(f"select * exclude ({key}) from {numbered(spec)} order by rid").fetchnumpy()
    rows = len(found["rid"])
    columns: list[Floats] = [np.ma.filled(np.ma.asarray(found[name], float), np.nan) for name in spec.count_names]
    values = np.column_stack(columns).ravel() if columns else np.empty(0)
    builder.blocks[spec.name] = TableBlock(spec, builder.size, rows, np.asarray(found["of_release"], object))
    none = np.full(len(values), -1, np.int64)
    builder.variables(Kind.COUNT, none, none, True, values)


def _number_amounts(builder: _Builder, spec: PublishedTable) -> None:
    """Register the amounts of one table, in units of the last digit that is shown."""
    if not spec.amounts:
        return
    counts = builder.blocks[spec.name]
    found = builder.con.execute(f"select * from {numbered(spec)} order by rid").fetchnumpy()
    columns: list[Floats] = [
        np.ma.filled(np.ma.asarray(found[amount.name], float), np.nan) * 10.0**amount.digits for amount in spec.amounts
    ]
    values = np.column_stack(columns).ravel()
    if (values < 0).any():
        raise ReleaseError(f"table {spec.name} holds a negative amount; amounts are 0 or more")
    builder.amounts[spec.name] = TableBlock(spec, builder.size, counts.rows, counts.release, amounts=True)
    none = np.full(len(values), -1, np.int64)
    builder.variables(Kind.AMOUNT, none, none, False, values)


def _check_counts(builder: _Builder) -> None:
    """Raise when a count that is known is no count: negative or fractional."""
    values = np.concatenate([*builder.values, np.empty(0)])
    known = values[~np.isnan(values)]
    if (known < 0).any() or (known != np.floor(known)).any():
        raise ReleaseError("an outcome table holds a negative or fractional count; counts are whole children")


def _complements(builder: _Builder, spec: PublishedTable) -> None:
    """Add denominator - numerator for every pair of nested counts of a table."""
    row = np.arange(builder.blocks[spec.name].rows)
    for number, count in enumerate(spec.counts):
        if count.within is not None:
            upper = builder.cells(spec.name, spec.count_names.index(count.within), row)
            lower = builder.cells(spec.name, number, row)
            builder.differences(Kind.COMPLEMENT, f"{spec.name}: complement", upper, lower, count.complement_sensitive)


def _margins(builder: _Builder, catalogue: Catalogue, spec: PublishedTable, part: Additive) -> None:
    """Add the margins of one dimension, inner values of its hierarchy included, for every count they hold for."""
    total, parts = builder.pairs(directly(catalogue.by_name, spec, part))
    for number, name in enumerate(spec.count_names):
        if part.counts is not None and name not in part.counts:
            continue
        upper, lower = builder.cells(spec.name, number, total), builder.cells(spec.name, number, parts)
        if part.kind == "sum":
            builder.sums(f"{spec.name}: {part.dim}", upper, lower)
        else:
            builder.differences(Kind.NESTED, f"{spec.name}: {part.dim}", upper, lower)
    for name in spec.amount_names if part.kind == "sum" else ():
        if part.counts is None or name in part.counts:
            upper, lower = builder.cells(spec.name, name, total), builder.cells(spec.name, name, parts)
            builder.sums(f"{spec.name}: {part.dim} ({name})", upper, lower)


def _relate(builder: _Builder, relation: Relation) -> None:
    """Add one relation between tables."""
    left, right = builder.blocks[relation.total.table].spec, builder.blocks[relation.parts.table].spec
    total, parts = builder.pairs(
        "select l.rid as a, r.rid as b "
        f"from (select * from {numbered(left)} where {relation.where or 'true'}) l, {numbered(right)} r "
        f"where {relation.on}"
    )
    upper = builder.cells(left.name, relation.total.count, total)
    lower = builder.cells(right.name, relation.parts.count, parts)
    if relation.kind == "sum":
        builder.sums(f"relation {relation.name}", upper, lower)
    else:
        builder.differences(Kind.NESTED, f"relation {relation.name}", upper, lower)


def _changes(builder: _Builder, spec: PublishedTable) -> None:
    """Add new - old for counts of a closed period that two versions of a definition give."""
    if not (spec.period and spec.version):
        return
    same = " and ".join(f'n."{dim}" = o."{dim}"' for dim in spec.dims if dim != spec.version)
    new, old = builder.pairs(
        f"select n.rid as a, o.rid as b from {numbered(spec)} n join {numbered(spec)} o on {same or 'true'} "
        f'where n."{spec.version}" <> o."{spec.version}" and n.of_release <> o.of_release and n.rid > o.rid'
    )
    for number in range(len(spec.counts)):
        builder.differences(
            Kind.CHANGE,
            f"{spec.name}: version",
            builder.cells(spec.name, number, new),
            builder.cells(spec.name, number, old),
        )


def _finish(builder: _Builder, drifting: Sequence[int] | None) -> System:
    """Assemble the arrays; give equations between releases that no longer agree a variable of their own."""
    m = len(builder.labels)
    row = np.concatenate([*builder.rows, np.empty(0, np.int64)])
    col = np.concatenate([*builder.cols, np.empty(0, np.int64)])
    coef = np.concatenate([*builder.coefs, np.empty(0)])
    values = np.concatenate([*builder.values, np.empty(0)])
    matrix = sparse.csr_matrix((coef, (row, col)), shape=(m, builder.size))
    marked = np.zeros(m, bool)
    residual = matrix @ values
    if drifting is None:
        marked = np.abs(residual) > 0.5
        _only_between_releases(builder, matrix, marked)
    elif len(drifting):
        marked[np.asarray(drifting, np.int64)] = True
    where = np.flatnonzero(marked)
    total = np.array([matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]].max() for i in where], np.int64)
    none = np.full(len(where), -1, np.int64)
    extra = builder.variables(Kind.DRIFT, total, none, True, -residual[where])
    if len(extra):
        row, col = np.concatenate([row, where]), np.concatenate([col, extra])
        coef = np.concatenate([coef, np.ones(len(extra))])
        matrix = sparse.csr_matrix((coef, (row, col)), shape=(m, builder.size))
    matrix.sort_indices()
    values = np.concatenate([*builder.values, np.empty(0)])
    labels = np.array(builder.labels, object)
    system = System(
        blocks=tuple(builder.blocks.values()),
        kind=np.concatenate(builder.kinds),
        minuend=np.concatenate(builder.minuends),
        subtrahend=np.concatenate(builder.subtrahends),
        sensitive=np.concatenate(builder.sensitives),
        values=values,
        matrix=matrix,
        labels=labels,
        drifting=marked,
        amounts=tuple(builder.amounts.values()),
        _con=builder.con,
    )
    negative = np.flatnonzero((values < 0) & ~system.signed)
    if drifting is None and len(negative):
        raise ReleaseError(
            f"{system.coordinates(int(negative[0]))} is below zero; a part cannot exceed what contains it"
        )
    return system


def _only_between_releases(builder: _Builder, matrix: sparse.csr_matrix, marked: Bools) -> None:
    """Raise when an equation whose counts all belong to one release does not hold."""
    release = np.full(builder.size, "", object)
    for block in (*builder.blocks.values(), *builder.amounts.values()):
        release[block.span] = np.repeat(block.release, len(block.names))
    for number in np.flatnonzero(marked):
        members = matrix.indices[matrix.indptr[number] : matrix.indptr[number + 1]]
        if len(set(release[members]) - {""}) <= 1:
            raise ReleaseError(
                f"{builder.labels[number]}: parts do not add up to their total; "
                "correct the outcome table, or do not call this dimension additive in the catalogue"
            )
