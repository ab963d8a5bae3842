"""What may be published: tables, their counts, and every linear fact an attacker may use about those counts.

What belongs here: the plain description of a release's tables (`PublishedTable`), of the relations between
them (`Relation`) and of both together (`Catalogue`), their validation, and their form as JSON, which a
release carries so that it can be audited again from its own files. What does not: SQL that computes a measure
(`assets.outcomes`), any decision about what to hide (`suppress`), any number.

A table of unsuppressed outcomes has one row for each combination of its `dims` (text, never null; the literal
`All` is the margin), and its counts are integers >= 0, never null. Rates are not read from it: a release
computes them from the counts that it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

TOTAL = "All"
"""The value of a dimension that means "all of its values together"."""

TREE = ("part", "whole")
"""The two dimensions of a table that is a tree: `part` lies directly within `whole`."""

HIDDEN_SENTENCE = "Hidden so that no child can be singled out."
"""The one sentence shown for every hidden number, whatever the cause."""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_RESERVED = frozenset({"suppressed", "suppressed_because", "release_id"})


class CatalogueError(Exception):
    """A description of published tables that contradicts itself; one line: which table, what, what to do."""


@dataclass(frozen=True)
class Count:
    """A count of children (or of records about children).

    `within`: the count that contains this one (a numerator within its denominator). The difference of the two
    is then a count that can be derived, and is protected like one, unless `complement_sensitive` is False,
    which is for differences that say nothing about a child.
    """

    name: str
    within: str | None = None
    complement_sensitive: bool = True


@dataclass(frozen=True)
class Rate:
    """A rate shown as `per * numerator / denominator`, rounded half up to `digits` decimals (percent)."""

    name: str
    numerator: str
    denominator: str
    per: int = 100
    digits: int = 1


@dataclass(frozen=True)
class Amount:
    """A sum over the children (or cases) that the count `of` counts: money paid, days stayed; never negative.

    `digits`: decimals shown, the last one rounded (-2: hundreds). Beside `name` the unsuppressed table has the
    contributions that decide whether the sum is sensitive and never leave: `<name>__largest`, that of the child who
    contributes most, and, where a rule asks for them, `<name>__second` and `<name>__top` (the rule's number of largest
    ones together); 0 where there is no such child.
    """

    name: str
    of: str
    digits: int = 0


@dataclass(frozen=True)
class Additive:
    """A dimension whose values partition its `All` row: where both exist, the parts sum to the `All` row.

    Parts are the rows that are equal in every other dimension. A value with no row counts zero. `where` is an
    SQL condition over the table's dimensions that narrows the rows for which this holds (None: all of them).
    `kind='within'` is for values that overlap (programs): each part is a subset of the `All` row but they do
    not sum. `hierarchy` names the table that says which value lies within which (`assets.release.trees`): then
    every inner value, and `All`, is the sum of the values directly within it.
    """

    dim: str
    where: str | None = None
    kind: Literal["sum", "within"] = "sum"
    counts: tuple[str, ...] | None = None
    hierarchy: str | None = None


@dataclass(frozen=True)
class Column:
    """A column that is neither a dimension nor a count: text, a date's year, a target, a model's estimate.

    `hidden_with_counts`: becomes null in rows where a count is hidden, because it was computed from the
    counts.
    `digits`: decimals shown (None: as it is). `least`: null in rows that show a count below this one, because
    the number tells small counts (the end of an interval, which depends on how many there are).
    `held`: in a held table it stays with the counts of its row, because it was computed from records too.
    """

    name: str
    hidden_with_counts: bool = False
    digits: int | None = None
    least: int | None = None
    held: bool = False


@dataclass(frozen=True)
class Borrowed:
    """A column that shows a published rate or count of another table, so that it is hidden when that is.

    `on` is an SQL condition with `l` (a row of this table) and `r` (a row of `table`); it must select at most
    one row.
    `hides`: further columns of this table that become null with it (an "on track" computed from it).
    """

    name: str
    table: str
    column: str
    on: str
    hides: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedTable:
    """One table of a release. `dims` together are its key.

    `comments`: what each column means, by name; every column needs one.
    `period`: the dimension that holds the period ('2025-26', '2025'); rows of a period that is still open are
    not published, and rows of a closed one keep their first published form for ever. None: the table
    describes the night itself.
    `definition`: the dimensions that name a definition (`measure`, `version`); with `period` they are what
    freezes together. `version`: the one of them that changes when a definition does.
    `rounding`: counts are shown rounded to this even base (for tables that change with every release).
    `held`: a row keeps the form in which it was shown last until one of its counts has moved by at least the
    threshold since (for tables that change with every release; needs `rounding`).
    `certain_shown`: a rate of exactly 0 or 100 % may be shown (the attribute is none of a child).
    `weight`: how much a data lead minds losing a cell of this table; 2 is twice as much as 1.
    """

    name: str
    description: str
    dims: tuple[str, ...]
    counts: tuple[Count, ...]
    comments: Mapping[str, str]
    amounts: tuple[Amount, ...] = ()
    rates: tuple[Rate, ...] = ()
    additive: tuple[Additive | str, ...] = ()
    columns: tuple[Column | str, ...] = ()
    borrowed: tuple[Borrowed, ...] = ()
    period: str | None = None
    definition: tuple[str, ...] = ()
    version: str | None = None
    rounding: int | None = None
    held: bool = False
    certain_shown: bool = False
    weight: float = 1.0

    @property
    def count_names(self) -> tuple[str, ...]:
        """Names of the counts, in order."""
        return tuple(count.name for count in self.counts)

    @property
    def amount_names(self) -> tuple[str, ...]:
        """Names of the amounts, in order."""
        return tuple(amount.name for amount in self.amounts)

    @property
    def partitions(self) -> tuple[Additive, ...]:
        """The additive dimensions, a bare name standing for `Additive(name)`."""
        return tuple(Additive(part) if isinstance(part, str) else part for part in self.additive)

    @property
    def plain_columns(self) -> tuple[Column, ...]:
        """The columns that are not counts, a bare name standing for `Column(name)`."""
        return tuple(Column(column) if isinstance(column, str) else column for column in self.columns)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Every column that a catalogue names, in the order of publication."""
        return (
            *self.dims,
            *self.count_names,
            *self.amount_names,
            *(rate.name for rate in self.rates),
            *(column.name for column in self.plain_columns),
            *(borrowed.name for borrowed in self.borrowed),
        )

    @property
    def coded_rates(self) -> tuple[Rate, ...]:
        """The percentages of children, which a policy may code by the size of their group.

        Not those of rounded tables, nor of attributes that are none of a child (`certain_shown`).
        """
        within = {(count.name, count.within) for count in self.counts if count.complement_sensitive}
        plain = self.rounding is None and not self.certain_shown
        return tuple(r for r in self.rates if plain and r.per == 100 and (r.numerator, r.denominator) in within)

    @property
    def frozen_by(self) -> tuple[str, ...]:
        """The dimensions that freeze together at first publication; empty for a table of the night."""
        return (*self.definition, self.period) if self.period else ()


@dataclass(frozen=True)
class CellRef:
    """A count or an amount of a table: the left or right side of a relation."""

    table: str
    count: str


@dataclass(frozen=True)
class Relation:
    """A linear fact about counts of one or two tables, which an attacker may use too.

    For each row `l` of `total.table` that meets `where`, and the rows `r` of `parts.table` for which `on` (SQL
    over `l` and `r`) is true: `sum`: the parts' counts sum to the total's count; `within`: each part is a subset
    of it. A shared cell is a `sum` with one part. A condition may look at the rows of any table of the catalogue
    as `temp.main.numbered_<table>`, which have `of_release` beside their dimensions. Example: the overlap of two
    programs is the sum of the distinct sets that hold both: Relation("overlap", CellRef("program_overlap",
    "children"), CellRef("distinct_served", "children"), on="l.period = r.period and contains(r.program_set,
    l.program_a) and contains(r.program_set, l.program_b)").
    """

    name: str
    total: CellRef
    parts: CellRef
    on: str
    where: str | None = None
    kind: Literal["sum", "within"] = "sum"


@dataclass(frozen=True)
class Catalogue:
    """All tables of a release and their relations. Raises CatalogueError when they contradict themselves."""

    tables: tuple[PublishedTable, ...]
    relations: tuple[Relation, ...] = ()
    by_name: Mapping[str, PublishedTable] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {table.name: table for table in self.tables})
        problems = list(self._problems())
        if problems:
            raise CatalogueError("; ".join(problems))

    def _problems(self) -> Iterator[str]:
        if len(self.by_name) != len(self.tables):
            yield "two published tables share a name; give each its own"
        for table in self.tables:
            yield from _table_problems(table, self.by_name)
            yield from _hierarchy_problems(table, self.by_name)
        for relation in self.relations:
            for ref in (relation.total, relation.parts):
                known = self.by_name.get(ref.table)
                if known is None or ref.count not in (*known.count_names, *known.amount_names):
                    yield f"relation {relation.name}: no count {ref.table}.{ref.count}; name a listed one"
            yield from _amount_relation_problems(relation, self.by_name)

    def to_json(self) -> dict[str, Any]:
        """Return the catalogue as plain JSON values, the inverse of `from_json`."""
        return {
            "tables": [_table_to_json(table) for table in self.tables],
            "relations": [_plain(relation) for relation in self.relations],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Catalogue:
        """Read a catalogue that a release carries. Raises CatalogueError when a part is missing."""
        try:
            tables = tuple(_table_from_json(item) for item in data["tables"])
            relations = tuple(
                Relation(**{**item, "total": CellRef(**item["total"]), "parts": CellRef(**item["parts"])})
                for item in data["relations"]
            )
        except (KeyError, TypeError) as error:
            raise CatalogueError(
                f"a release's catalogue cannot be read ({error}); was it written by a newer version?"
            ) from None
        return cls(tables, relations)


def _amount_relation_problems(relation: Relation, tables: Mapping[str, PublishedTable]) -> Iterator[str]:
    """Yield where a relation is about amounts in a way that the rules for them do not cover."""
    sides = [ref for ref in (relation.total, relation.parts) if ref.table in tables]
    amounts = [ref for ref in sides if ref.count in tables[ref.table].amount_names]
    if amounts and (len(amounts) == 1 or relation.kind != "sum"):
        yield f"relation {relation.name}: an amount is a sum of amounts, and of nothing else"


def _amount_problems(table: PublishedTable) -> Iterator[str]:
    """Yield what is wrong with the amounts of a table."""
    where = f"table {table.name}"
    for amount in table.amounts:
        if amount.of not in table.count_names:
            yield f"{where}: amount {amount.name} is of {amount.of}, which is no count of it"
    overlapping = any(part.kind == "within" for part in table.partitions)
    if table.amounts and (table.version or table.rounding or overlapping):
        yield (
            f"{where}: a table with amounts has no version, no rounded counts and no overlapping parts; "
            "give the amounts a table of their own"
        )


def contributions(amount: Amount) -> tuple[str, str, str]:
    """Name the columns of contributions beside an unsuppressed amount: the largest, the second, the largest few."""
    return f"{amount.name}__largest", f"{amount.name}__second", f"{amount.name}__top"


def shown_as(rate: Rate) -> str:
    """Name the text column beside a rate: the number, or only its bound where a policy codes it."""
    return f"{rate.name}_shown"


def _table_problems(table: PublishedTable, tables: Mapping[str, PublishedTable]) -> Iterator[str]:
    """Yield what is wrong with one table."""
    where = f"table {table.name}"
    names = table.column_names
    for name in (table.name, *names):
        if not _NAME.match(name):
            yield f"{where}: {name!r} is not a lower-case name; rename it"
        if name in _RESERVED:
            yield f"{where}: column {name} is written by the release itself; rename it"
    coded = [shown_as(rate) for rate in table.coded_rates]
    numerators = [rate.numerator for rate in table.coded_rates]
    if len(set(numerators)) != len(numerators):
        yield f"{where}: two percentages have the same numerator; move one to a table of its own"
    if len({*names, *coded}) != len(names) + len(coded):
        yield f"{where}: two columns share a name; give each its own"
    for name in names:
        if not table.comments.get(name):
            yield f"{where}: column {name} has no comment; say what it means"
    yield from _reference_problems(table, tables)
    yield from _amount_problems(table)


def _reference_problems(table: PublishedTable, tables: Mapping[str, PublishedTable]) -> Iterator[str]:
    """Yield where a table names a dimension, a count or another table that does not exist."""
    where = f"table {table.name}"
    for count in table.counts:
        if count.within is not None and count.within not in table.count_names:
            yield f"{where}: count {count.name} is within {count.within}, which is no count of it"
    for rate in table.rates:
        if not {rate.numerator, rate.denominator} <= set(table.count_names):
            yield f"{where}: rate {rate.name} divides columns that are no counts of it"
    version = (table.version,) if table.version else ()
    for dim in (*(part.dim for part in table.partitions), *table.frozen_by, *version):
        if dim not in table.dims:
            yield f"{where}: {dim} is named as a dimension but is none"
    if table.version and table.version not in table.definition:
        yield f"{where}: version {table.version} must be one of its definition dimensions"
    if table.rounding is not None and (table.rounding < 2 or table.rounding % 2):
        yield f"{where}: rounding base {table.rounding} must be even and at least 2"
    if table.rounding is not None and table.period is not None:
        yield f"{where}: a table with periods freezes, so it is not rounded; drop one of the two"
    if table.held and table.rounding is None:
        yield f"{where}: a held table shows rounded counts; give it a rounding base"
    for borrowed in table.borrowed:
        source = tables.get(borrowed.table)
        shown = () if source is None else (*source.count_names, *(rate.name for rate in source.rates))
        if borrowed.column not in shown:
            yield f"{where}: {borrowed.name} borrows {borrowed.table}.{borrowed.column}, which is none"


def _hierarchy_problems(table: PublishedTable, tables: Mapping[str, PublishedTable]) -> Iterator[str]:
    """Yield where an additive dimension names a tree that is none, or one that could change under frozen rows."""
    for part in table.partitions:
        if part.hierarchy is None:
            continue
        where, tree = f"table {table.name}: {part.dim} has the hierarchy {part.hierarchy}", tables.get(part.hierarchy)
        if tree is None or tree.counts or not set(TREE) <= set(tree.dims):
            yield f"{where}, which is no table of {' and '.join(TREE)} without counts; publish one"
            continue
        beside = set(tree.dims) - set(TREE)
        if part.kind != "sum":
            yield f"{where}, but values that overlap sum to nothing; take kind 'sum'"
        if not beside <= set(table.dims) - {part.dim}:
            yield f"{where}, whose other dimensions must be dimensions of the table; name them alike"
        if tree.period and not set(tree.frozen_by) <= set(table.frozen_by):
            yield f"{where}, which must freeze with the table; give both the same period and definition"


def _plain(item: Any) -> dict[str, Any]:
    """Return a flat dataclass as a dict of JSON values (tuples as lists, nested dataclasses as dicts)."""
    out: dict[str, Any] = {}
    for name in item.__dataclass_fields__:
        value = getattr(item, name)
        if hasattr(value, "__dataclass_fields__"):
            value = _plain(value)
        elif isinstance(value, tuple):
            value = list(value)
        out[name] = value
    return out


def _table_to_json(table: PublishedTable) -> dict[str, Any]:
    return {
        **{
            name: getattr(table, name)
            for name in ("name", "description", "period", "version", "rounding", "held", "certain_shown", "weight")
        },
        "dims": list(table.dims),
        "definition": list(table.definition),
        "comments": dict(table.comments),
        "counts": [_plain(count) for count in table.counts],
        "rates": [_plain(rate) for rate in table.rates],
        "additive": [_plain(part) for part in table.partitions],
        "columns": [_plain(column) for column in table.plain_columns],
        "borrowed": [_plain(borrowed) for borrowed in table.borrowed],
        **({"amounts": [_plain(amount) for amount in table.amounts]} if table.amounts else {}),
    }


def _table_from_json(item: Mapping[str, Any]) -> PublishedTable:
    def tuples(part: Mapping[str, Any]) -> dict[str, Any]:
        return {key: tuple(value) if isinstance(value, list) else value for key, value in part.items()}

    return PublishedTable(
        **{
            **item,
            "dims": tuple(item["dims"]),
            "definition": tuple(item["definition"]),
            "counts": tuple(Count(**part) for part in item["counts"]),
            "amounts": tuple(Amount(**part) for part in item.get("amounts", [])),
            "rates": tuple(Rate(**part) for part in item["rates"]),
            "additive": tuple(Additive(**tuples(part)) for part in item["additive"]),
            "columns": tuple(Column(**part) for part in item["columns"]),
            "borrowed": tuple(Borrowed(**tuples(part)) for part in item["borrowed"]),
        }
    )
