"""Minimum necessary: what agreements allow and nothing needs, and what is delivered and no agreement names.

Pure comparison of a policy with what reads its columns (`Reads`) and with what came (`Seen`); where these are known
from is not decided here. Names of columns only, never a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from mou_policies.findings import Finding, finding
from mou_policies.lint import taken
from mou_policies.model import FieldPolicy, TablePolicy
from mou_policies.policy import Policy
from mou_policies.provisions import FieldRef

SHOWN = 8
"""How many columns that nobody named a finding lists; `mou unused` lists all of them."""

NOT_READ = "nothing reads it"
NOT_LINKED = "no rule of linking uses its class"
NOT_PUBLISHED = "no table of the release holds it"
NOT_THERE = "the file that came last does not have it"


@dataclass(frozen=True)
class Reads:
    """What reads the columns that agreements grant.

    `kept` are stored columns (source, table, name at the hub) that a model, a measure or the consent ledger reads,
    `published` those of them that reach a published table, `linked` the field classes that a rule of linking uses,
    `loaded` columns of the file by which the load follows a reference from one table to another.
    """

    kept: frozenset[FieldRef]
    published: frozenset[FieldRef]
    linked: frozenset[str]
    loaded: frozenset[FieldRef] = frozenset()


@dataclass(frozen=True)
class Seen:
    """Columns (source, table, name in the file) when each table came last: not asked for, and asked for but absent."""

    unnamed: frozenset[FieldRef] = frozenset()
    absent: frozenset[FieldRef] = frozenset()


@dataclass(frozen=True)
class Unneeded:
    """Something an agreement allows and nothing needs: a field with its use and treatment, or a field of a licence."""

    ref: FieldRef
    use: str
    treatment: str
    reason: str
    clause: str
    why: str
    place: tuple[int, int]


def unused(policy: Policy, reads: Reads) -> list[Unneeded]:
    """Return the grants in force that no rule of linking, model, measure or ledger uses, in the order of the policy."""
    return [_unneeded(ref, f, NOT_LINKED if f.is_link else NOT_READ) for ref, f in _idle(policy, reads)]


def absent(policy: Policy, seen: Seen) -> list[Unneeded]:
    """Return the grants in force whose column was not in the file that came last."""
    return [_unneeded(ref, f, NOT_THERE) for ref, _, f in _granted(policy) if ref in seen.absent]


def unpublished(policy: Policy, reads: Reads) -> list[Unneeded]:
    """Return the fields that a licence in force lets into its release and that no published table holds."""
    published = {ref for ref, _, f in _granted(policy) if set(_stored(ref, f)) & reads.published}
    return [
        Unneeded(ref, "publish", "-", licensed.reason, licensed.clause, NOT_PUBLISHED, (_line(licensed.clause), 1))
        for licence in policy.licence.licences
        for ref, licensed in licence.provisions.licensed.items()
        if ref not in published
    ]


def unnamed(policy: Policy, seen: Seen) -> list[FieldRef]:
    """Return the delivered columns that no agreement in force names, by source, table and column."""
    known = {(name, table.table): _named(table) for name, s in policy.agreed.items() for table in s.tables.values()}
    return sorted(ref for ref in seen.unnamed if _plain(ref[2]) not in known.get(ref[:2], {_plain(ref[2])}))


def findings(policy: Policy, reads: Reads, seen: Seen) -> list[Finding]:
    """Return RUN-001 for the columns of each table that no agreement names, RUN-002 for each grant nothing needs."""
    files = {agreement.file: agreement for agreement in policy.agreements.values()}
    found = [taken(files[f.file], f, policy.on) for f in _not_named(policy, seen)]
    for item in (*unused(policy, reads), *absent(policy, seen), *unpublished(policy, reads)):
        says = f"{item.ref[2]} is granted the use {item.use}, and {item.why}"
        one = finding("RUN-002", _file(item.clause), item.place, says, about=".".join(item.ref))
        found.append(taken(files[one.file], one, policy.on))
    return found


def _not_named(policy: Policy, seen: Seen) -> Iterator[Finding]:
    """Yield RUN-001 for each table; about the column where it is one, else about all of the table."""
    for (source, name), refs in groupby(unnamed(policy, seen), key=itemgetter(0, 1)):
        columns = [ref[2] for ref in refs]
        clause = policy.agreed[source].tables[name].clause
        shown = ", ".join(columns[:SHOWN]) + (f" and {len(columns) - SHOWN} more" if columns[SHOWN:] else "")
        says = f"delivered, in no agreement and not read: {shown}"
        about = f"{source}.{name}.{columns[0] if len(columns) == 1 else '*'}"
        yield finding("RUN-001", _file(clause), (_line(clause), 1), says, about=about)


def _granted(policy: Policy) -> Iterator[tuple[FieldRef, TablePolicy, FieldPolicy]]:
    for name, source in policy.sources.items():
        for table in source.tables.values():
            for field in table.fields:
                if field.use != "none":
                    yield (name, table.table, field.field), table, field


def _idle(policy: Policy, reads: Reads) -> Iterator[tuple[FieldRef, FieldPolicy]]:
    """Yield the grants that nothing uses.

    The load uses a record id, the column that names its source, and a reference; a key it reads without a grant too.
    """
    for ref, table, field in _granted(policy):
        by_load = field.is_record or any(f.treatment.namespace_column == field.field for f in table.fields)
        by_load = by_load or (ref in reads.loaded and field.field not in table.key)
        by_linking = field.is_link and field.cls in reads.linked
        if not (by_load or by_linking or set(_stored(ref, field)) & reads.kept):
            yield ref, field


def _stored(ref: FieldRef, field: FieldPolicy) -> list[FieldRef]:
    """Return the stored columns of a grant; an identifier that is linked has none."""
    return [(ref[0], ref[1], column) for column in field.columns] if field.is_content else []


def _unneeded(ref: FieldRef, field: FieldPolicy, why: str) -> Unneeded:
    return Unneeded(ref, field.use, str(field.treatment), field.reason, field.clause, why, field.place)


def _named(table: TablePolicy) -> set[str]:
    names = [*(f.field for f in table.fields), *table.key, *(rule.field for rule in table.excludes)]
    return {_plain(name) for name in names}


def _plain(name: str) -> str:
    """Return a column's name as the readers compare it."""
    return name.strip().casefold()


def _file(clause: str) -> str:
    return clause.partition(":")[0]


def _line(clause: str) -> int:
    return int(clause.partition(":")[2].partition(" ")[0])
