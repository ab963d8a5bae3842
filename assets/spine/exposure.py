"""Show one SQL file exactly what it declares and what the agreements in force let be published.

What belongs here: the decision about each declared column, and the schema of views that a statement runs in.
What does not: parsing (`declared`), what is done with a file that cannot run (`build`,
`assets.outcomes.run`).
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Protocol

import duckdb

from assets.spine.declared import ALWAYS, ColumnRef, DeclarationError, SqlFile, check_statement, quoted
from mou_policies.policy import FieldPolicy, Policy, SourcePolicy

CONTENT_PREFIX = "c_"
"""The spine's tables of content are `c_<source>__<table>`; a statement sees them without the prefix."""


class Place(Protocol):
    """Where relations live, as an SQL prefix such as `spine.main`, by the kind of relation."""

    @property
    def content(self) -> str: ...  # noqa: D102
    @property
    def models(self) -> str: ...  # noqa: D102
    @property
    def night(self) -> str: ...  # noqa: D102
    @property
    def lookups(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Denied:
    """A declared column that a file does not get: why, by which clause, and whether it can do without."""

    ref: ColumnRef
    reason: str
    clause: str
    needed: bool


@dataclass(frozen=True)
class Exposure:
    """What a file got: its schema, `denied` columns, `available` sources (all of whose columns it got)."""

    schema: str
    denied: tuple[Denied, ...]
    available: tuple[str, ...]

    @property
    def stops(self) -> tuple[Denied, ...]:
        """The denied columns without which the file cannot run."""
        return tuple(item for item in self.denied if item.needed)


@dataclass(frozen=True)
class Columns:
    """What each file may see tonight of what it declares.

    `present` maps each content table of the spine (`source__table`) to its columns; `files` are the models and measures
    that a file may use, by name: what they read is in its rows too.
    """

    policy: Policy
    present: Mapping[str, Collection[str]]
    files: Mapping[str, SqlFile] = field(default_factory=dict)
    _known: dict[Path, tuple[Denied, ...]] = field(default_factory=dict, repr=False, compare=False)

    def denied(self, file: SqlFile) -> tuple[Denied, ...]:
        """Return the columns that `file` must not or cannot see tonight.

        A column of a file that it uses, which may not be in one row with another, cannot be taken out of that file's
        rows: it counts as needed.
        """
        if file.path not in self._known:
            alone = tuple(self._alone(file))
            left = set(file.columns) - {item.ref for item in alone}
            joined = self.joined(left | self.behind(file), needed=file.needed | self.behind(file))
            self._known[file.path] = (*alone, *joined)
        return self._known[file.path]

    def row(self, file: SqlFile) -> frozenset[ColumnRef]:
        """Return every column of which a row of `file` holds something: its own and those of the files it uses."""
        return frozenset(file.columns) - {item.ref for item in self.denied(file)} | self.behind(file)

    def behind(self, file: SqlFile) -> frozenset[ColumnRef]:
        """Return the columns in the rows of the files that `file` uses."""
        return frozenset().union(*(self.row(self.files[name]) for name in file.uses if name in self.files))

    def joined(self, row: Collection[ColumnRef], needed: Collection[ColumnRef]) -> tuple[Denied, ...]:
        """Return the columns of one row that may not be in it with the others, by prohibitions on joined rows."""
        granted = {
            ref: item
            for ref in sorted(row)
            if (item := self.policy.kept(ref.source, ref.table, ref.column)) is not None
        }
        classes = {(ref.source, ref.table, item.field): item.cls for ref, item in granted.items()}
        refused = self.policy.licence.together(classes)
        return tuple(
            Denied(ref, f"not in one row with {', '.join(rule.together)}: {rule.because}", rule.clause, ref in needed)
            for ref, item in granted.items()
            if (rule := refused.get((ref.source, ref.table, item.field))) is not None
        )

    def gives(self, ref: ColumnRef) -> bool:
        """Say whether a column is there and may be published."""
        return _refusal(self.policy, ref) is None and ref.column in self.present.get(ref.view, ())

    def _alone(self, file: SqlFile) -> Iterator[Denied]:
        """Yield the declared columns that are denied or absent whatever stands beside them."""
        needed = file.needed
        joins = set(file.joins_by)
        for ref in file.columns:
            refusal = None if ref in joins and _is_join_key(self.policy, ref) else _refusal(self.policy, ref)
            if refusal is not None:
                yield Denied(ref, *refusal, ref in needed)
            elif ref.column not in self.present.get(ref.view, ()):
                absent = ref.view not in self.present
                reason = "no file of this source has been loaded" if absent else "column not loaded"
                yield Denied(ref, reason, _clause(self.policy, ref), ref in needed)


def _refusal(policy: Policy, ref: ColumnRef) -> tuple[str, str] | None:
    """Return (reason, clause) when no agreement in force lets the column into published aggregates."""
    granted = policy.granted(ref.source, ref.table, ref.column)
    if granted is not None:
        unlicensed = policy.licence.refusal((ref.source, ref.table, granted.field), granted)
        if unlicensed is None:
            return None
        return f"the agreement grants the use publish; {unlicensed.because}", unlicensed.clause
    source = policy.sources.get(ref.source)
    if source is None:
        stopped = next((item for item in policy.refusals if ref.source in item.sources), None)
        if stopped is None:
            return "no agreement names this source", ""
        return f"no agreement in force: {stopped.reason}", f"{stopped.agreement_file}:{stopped.line}"
    named = _named(source, ref)
    if not named:
        return "no agreement in force names this column", f"{source.agreement_file} {source.agreement_id}"
    uses = ", ".join(sorted({item.use for item in named}))
    return f"the agreement grants the use {uses}; a published measure needs publish", named[0].clause


def _is_join_key(policy: Policy, ref: ColumnRef) -> bool:
    """Say whether an agreement in force keeps the column as a keyed pseudonym."""
    kept = policy.kept(ref.source, ref.table, ref.column)
    return kept is not None and kept.treatment.kind == "pseudonymise"


def _named(source: SourcePolicy, ref: ColumnRef) -> list[FieldPolicy]:
    table = source.tables.get(ref.table)
    fields = table.fields if table else ()
    return [item for item in fields if ref.column in {item.name, f"{item.name}_year"}]


def _clause(policy: Policy, ref: ColumnRef) -> str:
    granted = policy.publishable(ref.source, ref.table, ref.column)
    return granted.clause if granted else ""


def expose(connection: duckdb.DuckDBPyConnection, file: SqlFile, columns: Columns, place: Place) -> Exposure:
    """Make the schema a file runs in, with one view for each declared relation, and return what it lacks.

    A column the file may do without is null where it is denied; a table that is absent is empty.
    Raises DeclarationError when the statement names anything that its header does not.
    """
    check_statement(connection, file)
    denied = columns.denied(file)
    lacking = {item.ref for item in denied}
    sources = {ref.source for ref in file.columns} - {ref.source for ref in lacking}
    schema = f"see_{file.path.stem}"
    connection.execute(f"create schema {schema}")
    for view, group in groupby(file.columns, key=lambda ref: ref.view):
        target = f"{schema}.{view}"
        _content_view(connection, target, list(group), lacking, columns.present.get(view), place=place.content)
    for name in (*file.uses, *file.lookups):
        prefix = place.lookups if name in file.lookups else place.models
        connection.execute(f"create view {schema}.{name} as select * from {prefix}.{name}")
    for name in ALWAYS:
        if name != "available":
            connection.execute(f"create view {schema}.{name} as select * from {place.night}.{name}")
    listed = ", ".join(f"('{source}')" for source in sorted(sources)) or "(null)"
    connection.execute(
        f"create view {schema}.available as select * from (values {listed}) as t(source) where source is not null"
    )
    return Exposure(schema, denied, tuple(sorted(sources)))


def _content_view(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    refs: list[ColumnRef],
    lacking: Collection[ColumnRef],
    held: Collection[str] | None,
    *,
    place: str,
) -> None:
    """Create the view of one content table: child_id where it has one, and the declared columns.

    `held` are the columns of the table in the spine (None: no such table), `place` the prefix of its name.
    """
    table = refs[0].view
    columns = [
        f"null as {quoted(ref.column)}" if ref in lacking else quoted(ref.column)
        for ref in refs
        if ref.column != "child_id"
    ]
    if held is None or all(ref in lacking for ref in refs):
        nulls = ", ".join(f"null as {quoted(ref.column)}" for ref in refs)
        connection.execute(f"create view {view} as select null::varchar as child_id, {nulls} where false")
        return
    child = ["child_id"] if "child_id" in held else []
    connection.execute(
        f"create view {view} as select {', '.join([*child, *columns])} from {place}.{CONTENT_PREFIX}{table}"
    )


def run_into(
    connection: duckdb.DuckDBPyConnection, file: SqlFile, exposure: Exposure, target: str, order: str = ""
) -> int:
    """Run the statement in its schema into the new table `target`; return its number of rows.

    Raises DeclarationError when it reads a column that its header does not declare. `order` is an SQL order
    by.
    """
    connection.execute(f"set search_path = '{exposure.schema}'")
    try:
        connection.execute(f"create table {target} as select * from ({file.sql}\n) {order}")
    except duckdb.BinderException as error:
        # A binder's message names columns and types of the statement, never a value of a record.
        what = str(error).splitlines()[0]
        raise DeclarationError(f"{file.path.name}: {what}; declare the column or correct the statement") from None
    except duckdb.Error as error:
        raise DeclarationError(f"{file.path.name}: stopped with {type(error).__name__}") from None
    finally:
        connection.execute("reset search_path")
    return int(connection.execute(f"select count(*) from {target}").fetchall()[0][0])
