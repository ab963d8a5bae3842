"""What licences ask of a file of rows, and what of it may leave: column by column, by the licence alone.

What belongs here: reading `release.records` of the licences in force, and what stands behind each column, so that the
licence, the prohibitions on joined rows and the claims are judged on it. In a row an outcome tells something of
everything its measure reads, so all of that counts as leaving. What does not: the rows (`source`), how coarse they
become (`classes`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assets.outcomes.cells import OF_THE_CHILD
from assets.outcomes.definitions import Definition, lineage, measures, usable
from assets.release.rows.classes import Rule
from assets.release.rows.form import column_of
from assets.release.rows.hierarchies import Quasi, quasi_identifiers
from assets.spine.declared import ColumnRef, ModelColumn, SqlFile
from mou_policies.agreement import Agreement
from mou_policies.policy import Policy
from mou_policies.provisions import field_covered

Place = tuple[str, str, str]
"""A stored column: source, table, column."""

ONE_ONLY = "two licences in force ask for rows, and two files of the same children can be joined; keep one"


@dataclass(frozen=True)
class RowRequest:
    """What one licence asks for. `refused` says why there can be no file at all; `left_out` are lines on columns.

    `declared` are outcomes that show a declared quasi-identifier: they are generalised like one. `behind` holds for
    each column the stored columns that it tells something of.
    """

    licence: str
    clause: str
    rule: Rule
    quasi: tuple[Quasi, ...] = ()
    outcomes: tuple[Definition, ...] = ()
    declared: frozenset[str] = frozenset()
    behind: Mapping[str, frozenset[Place]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    refused: str | None = None

    @property
    def table(self) -> str:
        """Name of the table of rows."""
        return table_of(self.licence)

    def shows(self) -> Iterator[tuple[Place, str]]:
        """Yield each stored column that leaves by the rows, and where it is seen."""
        for column, places in self.behind.items():
            yield from ((place, f"{self.table}.{column}") for place in sorted(places))


def table_of(licence: str) -> str:
    """Return the name of the table of rows of a licence."""
    return f"rows_{licence.replace('-', '_')}"


def requests(policy: Policy, given: Collection[Place]) -> tuple[RowRequest, ...]:
    """Return what each licence of the level records asks for; `given` are the stored columns that outcomes got to see.

    A licence of another level, or one that names no columns, asks for nothing: then there is no file.
    """
    asking = [
        licence
        for licence in policy.licence.licences
        if (terms := licence.provisions.release) is not None and terms.level == "records" and terms.records is not None
    ]
    found = tuple(_request(policy, licence, frozenset(given)) for licence in asking)
    return tuple(replace(one, refused=ONE_ONLY, behind={}) for one in found) if len(found) > 1 else found


def _request(policy: Policy, licence: Agreement, given: frozenset[Place]) -> RowRequest:
    release = licence.provisions.release
    if release is None or release.records is None:
        raise ValueError(f"{licence.agreement_id} asks for no rows")
    terms = release.records
    rule = Rule(max(terms.k, release.minimum_cell or 0), terms.l, terms.t, terms.suppress)
    quasi = [quasi_identifiers()[name] for name in terms.keep if name in quasi_identifiers()]
    wanted = [item for item in measures() if item.name in terms.keep]
    behind = {
        **{one.name: _of_quasi(one) & given for one in quasi},
        **{column_of(item.name, item.version): _places(lineage(item.file)) & given for item in wanted},
    }
    refusals = {name: refusal for name, places in behind.items() if (refusal := _refusal(policy, licence, places))}
    for item in wanted:
        never = sorted(set(item.text("never by").split()) & {one.name for one in quasi})
        if never:
            refusals[column_of(item.name, item.version)] = f"the measure is never broken down by {', '.join(never)}"
    strange = set(terms.keep) - set(quasi_identifiers()) - {item.name for item in measures()}
    outcomes = tuple(item for item in wanted if column_of(item.name, item.version) not in refusals)
    kept = {name: places for name, places in behind.items() if name not in refusals}
    refused = next(_refused(policy, licence, kept, outcomes, release.quasi_identifiers), None)
    return RowRequest(
        licence=licence.agreement_id,
        clause=terms.clause,
        rule=rule,
        quasi=tuple(one for one in quasi if one.name not in refusals),
        outcomes=outcomes,
        declared=frozenset(i.key for i in outcomes if _declared(policy, i.file, release.quasi_identifiers)),
        behind={} if refused else kept,
        left_out=(
            *(f"{name}: neither a quasi-identifier nor a measure" for name in sorted(strange)),
            *(f"{name}: {why}" for name, why in refusals.items()),
        ),
        refused=refused,
    )


def _refused(
    policy: Policy,
    licence: Agreement,
    kept: Mapping[str, frozenset[Place]],
    outcomes: Sequence[Definition],
    patterns: Sequence[str],
) -> Iterator[str]:
    """Yield why there can be no file at all."""
    if not patterns:
        yield "the licence names no quasi_identifiers"
    if not outcomes:
        yield "no measure that it keeps may leave in rows"
    columns = {}
    for source, table, column in sorted(frozenset().union(*kept.values())):
        granted = policy.kept(source, table, column)
        if granted is not None:
            columns[source, table, granted.field] = granted.cls
    for ref, rule in replace(policy.licence, licences=(licence,)).together(columns).items():
        yield f"{'.'.join(ref)} may not be in one row with {', '.join(rule.together)}: {rule.because} ({rule.clause})"


def _refusal(policy: Policy, licence: Agreement, places: Collection[Place]) -> str | None:
    """Return why one column may not be in the rows of a licence: this licence does not license what is behind it."""
    alone = replace(policy.licence, licences=(licence,), needed_by=None)
    for source, table, column in sorted(places):
        granted = policy.kept(source, table, column)
        if granted is None:
            return f"{source}.{table}.{column} is kept under no agreement in force"
        unlicensed = alone.refusal((source, table, granted.field), granted)
        if unlicensed is not None and granted.treatment.kind != "pseudonymise":
            return f"{source}.{table}.{column}: {unlicensed.because}"
    return None


def _declared(policy: Policy, file: SqlFile, patterns: Sequence[str]) -> bool:
    """Say whether an outcome is made of a field that the licence calls a quasi-identifier.

    Fields that only say in which period or group a child is do not count: those columns are quasi-identifiers anyway.
    """
    grouping = {origin for origins in file.shows.values() for origin in origins}
    for ref in set(file.columns) - grouping:
        granted = policy.kept(ref.source, ref.table, ref.column)
        if granted is not None and field_covered((ref.source, ref.table, granted.field), tuple(patterns)):
            return True
    return False


def _of_quasi(one: Quasi) -> frozenset[Place]:
    """Return the stored columns behind a quasi-identifier: those it shows, or where it shows words all it reads."""
    file = usable()[one.model]
    return _places(_origins(file, one.column) or lineage(file))


def _origins(file: SqlFile, column: str) -> set[ColumnRef]:
    found: set[ColumnRef] = set()
    for origin in file.shows[column]:
        if isinstance(origin, ModelColumn):
            found |= _origins(usable()[origin.model], origin.column)
        else:
            found.add(origin)
    return found


def _places(refs: Collection[ColumnRef]) -> frozenset[Place]:
    return frozenset((ref.source, ref.table, ref.column) for ref in refs)


def dimensions_of(definition: Definition, quasi: Sequence[Quasi]) -> dict[str, str]:
    """Return for each breakdown of a measure the quasi-identifier that has the same values, where rows carry one."""
    of_model = {ModelColumn(one.model, one.column): one.name for one in quasi}
    found = {dim: of_model[column] for dim, column in OF_THE_CHILD.items() if column in of_model}
    for dim in definition.by:
        name = next((of_model[o] for o in definition.file.shows[dim] if o in of_model), None)
        if name is not None:
            found[dim] = name
    return found
