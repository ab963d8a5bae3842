"""Under which licence an agency gets a return file, and which flags it lets through.

A return is a release of its own name, `return-<agency>`, at the level of records: a data use licence names its fields
and its one purpose, the agency is its recipient, and every owner whose records a flag reads must let the hub pass
identifiable content on (`redisclosure: {allowed: true}`). What belongs here: that reading of the agreements. What does
not: which family allows it (`consented`), running a flag (`made`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from assets.spine.declared import ColumnRef, DeclarationError, SqlFile, parse_sql_file
from assets.spine.exposure import Columns
from mou_policies.agreement import RECIPIENT, Agreement, Party
from mou_policies.licence import licence_of
from mou_policies.model import FieldPolicy
from mou_policies.policy import Policy
from mou_policies.provisions import DUL

FOLDER = Path(__file__).with_name("flags")
RECORDS = "records"


class ReturnError(Exception):
    """A return file that cannot be made: one line saying what was found and what to do; no value of a record."""


@dataclass(frozen=True)
class Grounds:
    """What a return goes out under: its licence, the licence's recipient and purpose, the policy as it licenses."""

    licence: Agreement
    recipient: Party
    purpose: str
    policy: Policy


@dataclass(frozen=True)
class Flag:
    """A flag that may be told. `told`: each column about a child that it reads, with its grant."""

    file: SqlFile
    told: Mapping[ColumnRef, FieldPolicy]

    @property
    def name(self) -> str:
        """The flag's name, a column of the return file."""
        return self.file.name

    @property
    def asked(self) -> frozenset[tuple[str, str]]:
        """Source and class of every column that the family must have agreed to."""
        return frozenset((ref.source, granted.cls) for ref, granted in self.told.items())


@cache
def flags() -> tuple[SqlFile, ...]:
    """Return every flag, by name. Raises DeclarationError for one that reads a model: what is behind it is not told."""
    found = tuple(parse_sql_file(path) for path in sorted(FOLDER.glob("*.sql")))
    for file in found:
        if file.uses or file.lookups:
            raise DeclarationError(f"{file.path.name}: uses {file.uses[0]}; a flag reads columns of agreements only")
    return found


def grounds_of(policy: Policy, agency: str) -> Grounds:
    """Return what a return to an agency goes out under. Raises ReturnError where no licence in force allows one."""
    name = f"return-{agency}"
    duls = [a for a in policy.agreements.values() if a.kind == DUL]
    licence = licence_of(name, duls, policy.agreements, policy.bound, always=True)
    if len(licence.licences) != 1:
        found = ", ".join(a.agreement_id for a in licence.licences) or "none"
        raise ReturnError(
            f"found {found} in force for the release {name}, expected one licence; see docs/returns.md for its wording"
        )
    (held,) = licence.licences
    recipient = next((p for p in held.parties if p.role == RECIPIENT), None)
    if recipient is None or recipient.agency != agency:
        raise ReturnError(f"{held.agreement_id}: its recipient is not {agency}; a return goes to the agency it names")
    if held.provisions.release is None or held.provisions.release.level != RECORDS:
        raise ReturnError(f"{held.agreement_id}: its release is not at the level of records; write `level: records`")
    if len(held.purposes) != 1:
        raise ReturnError(f"{held.agreement_id}: names {len(held.purposes)} purposes, expected one that families know")
    return Grounds(held, recipient, next(iter(held.purposes)), replace(policy, licence=licence))


def allowed(grounds: Grounds, present: Mapping[str, Collection[str]]) -> tuple[list[Flag], dict[str, str]]:
    """Return the flags that may be told, and for each other one why not.

    `present` maps each content table of the spine to its columns. Flags stand in one row, so a prohibition on joined
    rows takes out every flag that it touches.
    """
    columns = Columns(grounds.policy, present)
    told: list[Flag] = []
    withheld: dict[str, str] = {}
    for file in flags():
        reason = next(iter(_objections(grounds, columns, file)), None)
        if reason is None:
            told.append(Flag(file, dict(_about_children(grounds.policy, file))))
        else:
            withheld[file.name] = reason
    row = {ref for flag in told for ref in flag.file.columns}
    apart = {item.ref: item.reason for item in columns.joined(row, ())}
    for flag in list(told):
        if clash := sorted(apart.keys() & set(flag.file.columns)):
            withheld[flag.name] = f"{clash[0]}: {apart[clash[0]]}"
            told.remove(flag)
    return told, withheld


def _objections(grounds: Grounds, columns: Columns, file: SqlFile) -> Iterator[str]:
    """Yield why a flag may not be told."""
    for item in columns.denied(file):
        yield f"{item.ref}: {item.reason}"
    for ref, granted in _about_children(grounds.policy, file):
        refusal = grounds.policy.licence.refusal((ref.source, ref.table, granted.field), granted, grounds.purpose)
        if refusal is not None:
            yield f"{ref}: {refusal.because}"
    for source in sorted({ref.source for ref in file.columns}):
        owner = grounds.policy.agreements[grounds.policy.sources[source].agreement_id]
        if owner.redisclosure is None or not owner.redisclosure.allowed:
            yield f"{owner.agreement_id} does not let the hub pass identifiable content on (redisclosure)"


def _about_children(policy: Policy, file: SqlFile) -> Iterator[tuple[ColumnRef, FieldPolicy]]:
    """Yield what a flag reads about a child, with its grant: not keys that only join, nor reference tables."""
    for ref in sorted({*file.reads, *file.may_read}):
        granted = policy.kept(ref.source, ref.table, ref.column)
        if granted is not None and policy.sources[ref.source].tables[ref.table].record is not None:
            yield ref, granted
