"""What an agreement means once it is read: the immutable objects that every other room works with.

Here are the shapes only. How they come from YAML is in `language`, which of them hold on a night in `policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

DATE_UNITS = (
    "year",
    "month",
    "school_year",
    "school_day",
    "age_days",
    "age_months",
    "age_years",
    "age_band",
)

Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Treatment:
    """What is done to a field's values before anything is stored.

    `kind` is one of `vocabulary/treatments.yaml`. The others belong to one kind each: `unit` and `bands`
    (lower bounds in whole years) to `date`; `limit` to `top_code`; `edges` (ascending) to `band`; `recode`
    and `otherwise` to `recode`; `namespace_column` to `record`: the column that names the source whose
    records the values are (None: the values are this source's own record ids).
    """

    kind: str
    unit: str | None = None
    bands: tuple[int, ...] = ()
    limit: float | None = None
    edges: tuple[float, ...] = ()
    recode: tuple[tuple[str, str], ...] = ()
    otherwise: str | None = None
    namespace_column: str | None = None

    @property
    def token(self) -> str:
        """Short name used by the vocabulary: the kind, and for dates the unit (`date.year`)."""
        return f"{self.kind}.{self.unit}" if self.unit else self.kind

    def __str__(self) -> str:
        if self.kind == "top_code":
            return f"top-coded at {self.limit:g}"
        if self.kind == "band":
            return "banded at " + ", ".join(f"{edge:g}" for edge in self.edges)
        if self.namespace_column:
            return f"record of {self.namespace_column}"
        return self.token.replace(".", ": ")


@dataclass(frozen=True)
class FieldPolicy:
    """One grant (or explicit refusal) for one field of one table.

    A field with two uses has two of these. `name` is the output column, `clause` tells an auditor where the
    grant stands: ``file.yaml:LINE agreement-id source.table.field``. `pairs` are the uses with their purposes, `doors`
    the exceptions it rests on, `bounds` the clauses that took something from what this one alone would grant.
    `published_by` are the ids of the agreements in force that let it be published, with the purposes of each.
    """

    field: str
    cls: str
    use: str
    treatment: Treatment
    name: str
    reason: str
    required: bool
    clause: str
    date_format: str | None = None
    pairs: Pairs = frozenset()
    doors: tuple[str, ...] = ()
    place: tuple[int, int] = (1, 1)
    bounds: tuple[str, ...] = ()
    published_by: Pairs = frozenset()

    def may(self, use: str, purpose: str | None = None) -> bool:
        """Whether the values may have a use (for a purpose, or for any)."""
        return any(u == use and purpose in {None, p} for u, p in self.pairs)

    @property
    def is_link(self) -> bool:
        """Whether the values go into tokens, and nowhere else."""
        return self.use == "link" and self.treatment.kind == "tokenise"

    @property
    def is_record(self) -> bool:
        """Whether the field is the source's own record id, which becomes the record key."""
        return self.treatment.kind == "record" and self.treatment.namespace_column is None

    @property
    def is_content(self) -> bool:
        """Whether treated values are kept at the hub (restricted or publishable)."""
        return self.use in {"content", "publish"}

    @property
    def is_publish(self) -> bool:
        """Whether treated values may enter published aggregates."""
        return self.use == "publish"

    @property
    def columns(self) -> tuple[str, ...]:
        """The stored columns: a school day has its school year beside it."""
        return (self.name, f"{self.name}_year") if self.treatment.unit == "school_day" else (self.name,)


@dataclass(frozen=True)
class Exclusion:
    """Rows that are never loaded: where `field` is one of `equals`.

    `name` is the policy's id in every count of drops. With `cascade`, rows that refer to an excluded row
    (or to a person left with no other row) are dropped by the same policy. `cls` is the class of the field. `safe` are
    the values with which a row may be loaded; where there are any, every other value, and none, is excluded too.
    """

    field: str
    equals: tuple[str, ...]
    because: str
    cite: str
    name: str
    cascade: bool
    cls: str = ""
    safe: tuple[str, ...] = ()

    @property
    def protective(self) -> bool:
        """Whether the rule protects: what its field cannot be read to say counts as excluded."""
        return bool(self.safe)


@dataclass(frozen=True)
class TablePolicy:
    """One table of a source.

    `key` are the raw columns that tell rows apart, `record` the raw column that names the person's record
    (None: a reference table). `files` are the globs of this table's own files (csv and parquet).
    """

    table: str
    key: tuple[str, ...]
    record: str | None
    files: tuple[str, ...]
    fields: tuple[FieldPolicy, ...]
    excludes: tuple[Exclusion, ...]
    optional: bool
    clause: str = ""

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """The only columns a reader may hand on: granted fields, key, record and exclusion columns."""
        names = [f.field for f in self.fields if f.use != "none"]
        names += [f.treatment.namespace_column for f in self.fields if f.treatment.namespace_column]
        names += [*self.key, *([self.record] if self.record else []), *(e.field for e in self.excludes)]
        return tuple(dict.fromkeys(names))

    @property
    def grants(self) -> bool:
        """Whether any field is granted a use."""
        return any(f.use != "none" for f in self.fields)

    @property
    def is_read(self) -> bool:
        """Whether the table must be read: for what it grants, or for rows of other tables that it excludes."""
        return self.grants or any(e.cascade for e in self.excludes)

    @property
    def link_fields(self) -> tuple[FieldPolicy, ...]:
        """Fields that go into tokens."""
        return tuple(f for f in self.fields if f.is_link)

    @property
    def content_fields(self) -> tuple[FieldPolicy, ...]:
        """Fields kept at the hub after treatment."""
        return tuple(f for f in self.fields if f.is_content)


@dataclass(frozen=True)
class SourcePolicy:
    """One source as its agreement grants it.

    `agreement_sha256` is the digest that the signatures cover (layout and comments do not count).
    `expects_days` is how old the newest delivery may be. `kind` is `records` or `consent`; `records_of` names
    the source whose record ids this one uses; `delivery` is `full`, `delta` or `standard` (the files say).
    """

    source: str
    title: str
    agency: str
    owner_contact: str
    agreement_id: str
    agreement_file: str
    agreement_sha256: str
    standard: str
    files: tuple[str, ...]
    options: Mapping[str, str | int | tuple[str, ...]]
    kind: str
    records_of: str | None
    one_record_a_child: bool
    delivery: str
    expects_days: int
    tables: Mapping[str, TablePolicy]
    clause: str = ""

    @property
    def grants(self) -> bool:
        """Whether any field of any table is granted a use."""
        return any(table.grants for table in self.tables.values())

    @property
    def as_read(self) -> SourcePolicy:
        """The source without the tables that nobody needs to read."""
        return replace(self, tables={name: table for name, table in self.tables.items() if table.is_read})

    @property
    def namespace(self) -> str:
        """The source whose record ids these are: keyed record ids of one namespace are one set."""
        return self.records_of or self.source

    @property
    def date_format(self) -> str | None:
        """The date form the agency writes, if the agreement states one."""
        value = self.options.get("date_format")
        return value if isinstance(value, str) else None
