"""What every export of an agreement shows: one data sharing agreement, and what its parents leave of its grants.

In which form it is shown is in `odcs` and `odrl`. Other agreements of the same owner, licences and signatures are not
looked at here: what holds on a night is in `policy`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from mou_policies.agreement import Agreement
from mou_policies.errors import AgreementError
from mou_policies.grants import STOPS, Grant, Rules, united_fields
from mou_policies.model import FieldPolicy, SourcePolicy, TablePolicy, Treatment
from mou_policies.provisions import DSA, DUL, FieldRef, Limit, Prohibition

USES = ("link", "content", "publish")


@dataclass(frozen=True)
class Shared:
    """A data sharing agreement with the parents it stands under. Made by `shared`."""

    agreement: Agreement
    parents: tuple[Agreement, ...]

    @property
    def term(self) -> tuple[date, date]:
        """The first and the last day on which the agreement and all its parents run."""
        all_of_them = (self.agreement, *self.parents)
        return max(a.starts for a in all_of_them), min(a.ends for a in all_of_them)

    @property
    def rules(self) -> Rules:
        """What takes away from the agreement's grants here."""
        return Rules([self.agreement], self.parents)

    def tables(self) -> Iterator[tuple[SourcePolicy, TablePolicy]]:
        """Yield every table with its source, with what is left of its grants."""
        for name in self.agreement.sources:
            source = self.source(name)
            for table in source.tables.values():
                yield source, table

    def source(self, name: str) -> SourcePolicy:
        """Return a source with what is left of its grants; a field of which nothing is left is denied, and says why.

        Raises KeyError.
        """
        source = self.agreement.sources[name]
        return replace(source, tables={table.table: self._left(name, table) for table in source.tables.values()})

    def _left(self, source: str, table: TablePolicy) -> TablePolicy:
        refused = {field.field: field for field in table.fields if field.use == "none"}
        left, denials = united_fields(self._grants(source, table), refused, self.rules)
        because: dict[str, list[str]] = defaultdict(list)
        for denial in denials:
            because[denial.ref[-1]].append(denial.because)
        fields: list[FieldPolicy] = []
        for name, written in {field.field: field for field in table.fields}.items():
            kept = [field for field in left if field.field == name]
            fields += kept or [refused[name] if name in refused else _denied(written, because[name])]
        return replace(table, fields=tuple(fields))

    def _grants(self, source: str, table: TablePolicy) -> list[Grant]:
        fields = [field for field in table.fields if field.use != "none"]
        return [Grant((source, table.table, field.field), field, self.agreement, silent=False) for field in fields]

    def prohibitions(self) -> Iterator[Prohibition]:
        """Yield the prohibitions of the agreement and of its parents."""
        for agreement in (self.agreement, *self.parents):
            yield from agreement.provisions.prohibits

    def prohibited(self, ref: FieldRef, cls: str) -> list[Prohibition]:
        """Return the prohibitions that are about a field."""
        return [rule for rule in self.prohibitions() if rule.scope.covers(ref, cls)]

    def limits(self, ref: FieldRef, left: FieldPolicy) -> list[Limit]:
        """Return the limits that what is left of a grant keeps to."""
        output = Grant(ref, left, self.agreement, silent=False).output
        written = self._grants(ref[0], self.agreement.sources[ref[0]].tables[ref[1]])
        same = [grant for grant in written if grant.output == output]
        return list(dict.fromkeys(limit for grant in same for limit in self.rules.limits(grant)))


def _denied(field: FieldPolicy, because: Iterable[str]) -> FieldPolicy:
    reason = "; ".join(dict.fromkeys(because))
    return replace(field, use="none", treatment=Treatment("drop"), reason=reason, pairs=frozenset())


def shared(agreement: Agreement, parents: Iterable[Agreement] = ()) -> Shared:
    """Return a data sharing agreement with those of `parents` that it names.

    Raises AgreementError for another kind, which shares nothing, and where a parent is not among `parents`: without it
    the export would say too much.
    """
    if agreement.kind != DSA:
        what = f"{agreement.agreement_id} is of the kind {agreement.kind}, and shares no data to export"
        remedy = "export a data sharing agreement " + (
            f"it is under: {', '.join(agreement.under)}" if agreement.kind == DUL else f"under {agreement.agreement_id}"
        )
        raise AgreementError(agreement.file, *agreement.place("kind"), what, remedy)
    known = {parent.agreement_id: parent for parent in parents}
    for name in agreement.under:
        if name not in known:
            what = f"its parent {name} is not here, and may take from what {agreement.agreement_id} grants"
            raise AgreementError(agreement.file, *agreement.place("under"), what, "put its file beside this one")
    return Shared(agreement, tuple(known[name] for name in agreement.under))


def uses(field: FieldPolicy) -> dict[str, list[str]]:
    """Return the purposes of each use that a grant has."""
    found = {use: sorted(purpose for had, purpose in field.pairs if had == use) for use in USES}
    return {use: purposes for use, purposes in found.items() if purposes}


def stopped(rule: Prohibition) -> list[str]:
    """Return the uses that a prohibition stops: what may not be kept may not be published either."""
    return [use for use in USES if any(use in STOPS[named] for named in rule.scope.uses)]
