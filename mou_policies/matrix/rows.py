"""The answers of the matrix: for each field and use, whether it is allowed, how, and by which clause, or why not.

They are read off the compiled policy, so that they are what the readers, the join and the release enforce. How they are
shown is not decided here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mou_policies import vocabulary
from mou_policies.agreement import Agreement, Refusal
from mou_policies.enforce import Denial
from mou_policies.model import Exclusion, FieldPolicy, SourcePolicy, TablePolicy
from mou_policies.policy import Policy
from mou_policies.provisions import DSA, FieldRef

USES = ("link", "content", "publish", "licensed")
ALLOWED, DENIED, NEVER, SILENT = "allowed", "denied", "never", "not granted"

_CLAUSE = re.compile(r"(?:(\S+:\d+) )?(.*)", re.DOTALL)
"""A clause's file and line, if a text opens with it, and the rest."""


@dataclass(frozen=True)
class Cell:
    """One answer: ALLOWED, DENIED by a clause, NEVER lawful for the class, or SILENT, which denies it as well.

    `lines` say how (the treatment, by output) or why not; `clauses` are the clauses that decide.
    """

    answer: str
    lines: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One field: what it is, its cells by use (USES), and what else is done with it, if anything.

    A row without cells is a column that is read to tell rows apart, or to leave rows out, and that nothing grants.
    """

    ref: FieldRef
    cls: str
    means: str
    safe_harbor: str
    ferpa: str
    ceds: str
    cells: Mapping[str, Cell]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """One source: whose it is, the agreements over it with their parents, and its rows by table."""

    source: SourcePolicy
    agreements: tuple[Agreement, ...]
    tables: Mapping[str, tuple[Row, ...]]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows of the source."""
        return tuple(row for rows in self.tables.values() for row in rows)

    def count(self, use: str) -> int:
        """Return how many fields may have a use."""
        return sum(use in row.cells and row.cells[use].answer == ALLOWED for row in self.rows)

    @property
    def refused(self) -> int:
        """How many fields are named and may have no use at all."""
        return sum(bool(row.cells) and all(c.answer != ALLOWED for c in row.cells.values()) for row in self.rows)


@dataclass(frozen=True)
class Matrix:
    """The whole: the policy it is of, a section for each source in force, and what is refused."""

    policy: Policy
    sections: tuple[Section, ...]
    refusals: tuple[Refusal, ...]


def matrix(policy: Policy) -> Matrix:
    """Return the matrix of a policy."""
    denials: dict[tuple[FieldRef, str], list[Denial]] = defaultdict(list)
    for denial in policy.denials:
        denials[denial.ref, denial.use].append(denial)
    shares = [a for _, a in sorted(policy.agreements.items()) if a.kind == DSA]
    sections = [_section(policy, source, shares, denials) for source in policy.agreed.values()]
    return Matrix(policy, tuple(sections), policy.refusals)


Denials = Mapping[tuple[FieldRef, str], Sequence[Denial]]


def _section(policy: Policy, source: SourcePolicy, shares: Sequence[Agreement], denials: Denials) -> Section:
    over = [agreement for agreement in shares if source.source in agreement.sources]
    tables = {}
    for name, table in source.tables.items():
        own = _by_name(f for agreement in over for f in agreement.sources[source.source].tables[name].fields)
        united = _by_name(f for f in table.fields if f.use != "none")
        rows = [_row(policy, (source.source, name, f), own[f], united.get(f, ()), denials, table) for f in own]
        tables[name] = (*rows, *_others(source.source, table, own))
    return Section(source, tuple(over), tables)


def _by_name(fields: Iterable[FieldPolicy]) -> dict[str, list[FieldPolicy]]:
    found: dict[str, list[FieldPolicy]] = {}
    for field in fields:
        found.setdefault(field.field, []).append(field)
    return found


def _row(
    policy: Policy,
    ref: FieldRef,
    own: Sequence[FieldPolicy],
    united: Sequence[FieldPolicy],
    denials: Denials,
    table: TablePolicy,
) -> Row:
    cells = {use: _cell(use, own, united, denials.get((ref, use), ())) for use in USES[:3]}
    cells["licensed"] = _licensed(policy, ref, [f for f in united if f.may("publish")])
    return _described(ref, own[0].cls, cells, "; ".join(map(_left_out, _acting(table, ref[2]))))


def _described(ref: FieldRef, name: str, cells: Mapping[str, Cell], note: str) -> Row:
    cls = vocabulary.field_classes()[name]
    letters = (cls.safe_harbor or "", cls.ferpa or "", cls.ceds or "")
    return Row(ref, name, cls.means, *letters, cells, note)


def _cell(use: str, own: Sequence[FieldPolicy], united: Sequence[FieldPolicy], denials: Sequence[Denial]) -> Cell:
    """Return the answer for one use: a grant that holds, else what denies it, the weightiest first."""
    grants = [f for f in united if f.may(use)]
    if grants:
        clauses = dict.fromkeys(clause for f in grants for clause in (f.clause, *f.bounds))
        return Cell(ALLOWED, tuple(dict.fromkeys(_how(f) for f in grants)), tuple(clauses))
    if denials:
        clauses = dict.fromkeys(clause for denial in denials for clause in denial.by or (denial.granted_by,))
        return Cell(DENIED, tuple(dict.fromkeys(denial.because for denial in denials)), tuple(clauses))
    refused = [f for f in own if f.use == "none"]
    if refused:
        return Cell(DENIED, tuple(f.reason for f in refused), tuple(f.clause for f in refused))
    cls = vocabulary.field_classes()[own[0].cls]
    if use not in cls.uses:
        return Cell(NEVER, (cls.cite,))
    return Cell(SILENT)


def _how(field: FieldPolicy) -> str:
    return f"{field.name}: {field.treatment}" if field.is_content else str(field.treatment)


def _licensed(policy: Policy, ref: FieldRef, grants: Sequence[FieldPolicy]) -> Cell:
    """Return whether the release may take what is granted for publication."""
    if not grants:
        return Cell(SILENT)
    if not policy.licence.needs(ref[0]):
        return Cell(ALLOWED, ("no licence is asked for",))
    refused = [why for f in grants if (why := policy.licence.refuses(ref, f)) is not None]
    held = [a.provisions.licensed[ref] for a in policy.licence.licences if ref in a.provisions.licensed]
    if len(refused) == len(grants):
        said = [_CLAUSE.match(why) for why in dict.fromkeys(refused)]
        lines = tuple(found[2] for found in said if found)
        return Cell(DENIED, lines, tuple(found[1] for found in said if found and found[1]))
    return Cell(ALLOWED, tuple(licensed.reason for licensed in held), tuple(licensed.clause for licensed in held))


def _others(source: str, table: TablePolicy, own: Mapping[str, object]) -> Iterator[Row]:
    """Yield the columns that are read and that nothing grants: keys, and fields of exclusions."""
    for name in table.key:
        if name not in own:
            yield _described(
                (source, table.table, name), "id.event", {}, "read to tell rows apart, kept as a keyed digest"
            )
    for name in dict.fromkeys(rule.field for rule in table.excludes):
        if name not in own:
            rules = _acting(table, name)
            note = "; ".join(map(_left_out, rules))
            yield _described((source, table.table, name), rules[0].cls, {}, note)


def _acting(table: TablePolicy, field: str) -> list[Exclusion]:
    return [rule for rule in table.excludes if rule.field == field]


def _left_out(rule: Exclusion) -> str:
    unless = f", or anything but {', '.join(rule.safe)}" if rule.protective else ""
    return f"rows where it is {', '.join(rule.equals)}{unless} are never loaded: {rule.because} ({rule.cite})"
