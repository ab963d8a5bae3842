"""What a data use licence lets into a release: the owner's grant alone is not enough where a licence is asked for.

A release needs a licence where any licence was ever written for the city, or where an EMOU asks for one. Licences of
one release unite. Nothing here knows how a release is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mou_policies.agreement import Agreement
from mou_policies.coarseness import as_coarse
from mou_policies.model import FieldPolicy
from mou_policies.provisions import BY_LICENCE, FieldRef, Prohibition, class_covered

RELEASE = "outcomes"


@dataclass(frozen=True)
class Licence:
    """The licences in force for one release, and the agreements over the data they use.

    `needed_by` are the sources whose fields need a licence (None: every source).
    """

    release: str = RELEASE
    licences: tuple[Agreement, ...] = ()
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    needed_by: frozenset[str] | None = frozenset()

    def needs(self, source: str) -> bool:
        """Say whether a source's fields need a licence to enter the release."""
        return self.needed_by is None or source in self.needed_by

    def refuses(self, ref: FieldRef, granted: FieldPolicy) -> str | None:
        """Return why a granted field may not enter the release, None when it may."""
        if not self.needs(ref[0]):
            return None
        whys = [_refused_by(licence_, ref, granted, self.agreements) for licence_ in self.licences]
        if None in whys:
            return None
        return whys[0] if whys else f"no licence in force for the release {self.release}"

    def together(self, columns: Mapping[FieldRef, str]) -> dict[FieldRef, Prohibition]:
        """Return the columns (by field, with their classes) that may not be used beside others of them."""
        found: dict[FieldRef, Prohibition] = {}
        for rule in self._joint(columns):
            for ref, cls in columns.items():
                others = [other for at, other in columns.items() if at != ref]
                if rule.scope.covers(ref, cls) and any(class_covered(other, rule.together) for other in others):
                    found.setdefault(ref, rule)
        return found

    def _joint(self, columns: Iterable[FieldRef]) -> list[Prohibition]:
        """Return the prohibitions on joined rows by any owner of the columns, their parents, and the licences."""
        sources = {ref[0] for ref in columns}
        owners = {a.owner for a in self.agreements.values() if sources & set(a.sources)}
        shares = [a for a in self.agreements.values() if a.owner in owners]
        parents = {name for a in shares for name in a.under}
        acting = [*shares, *(self.agreements[name] for name in sorted(parents)), *self.licences]
        return [rule for a in acting for rule in a.provisions.prohibits if rule.together]


def licence_of(
    release: str, licences: Sequence[Agreement], agreements: Mapping[str, Agreement], *, always: bool
) -> Licence:
    """Return the licence of a release. `always`: a licence exists, so that no source does without one."""
    held = tuple(a for a in licences if a.provisions.release is not None and a.provisions.release.name == release)
    asked = None if always else frozenset(s for a in agreements.values() if _asks(a, agreements) for s in a.sources)
    return Licence(release, held, agreements, asked)


def _asks(agreement: Agreement, agreements: Mapping[str, Agreement]) -> bool:
    permits = [agreements[name].provisions.permits for name in agreement.under]
    return any(p is not None and p.publication == BY_LICENCE for p in permits)


def _refused_by(
    licence: Agreement, ref: FieldRef, granted: FieldPolicy, agreements: Mapping[str, Agreement]
) -> str | None:
    """Return why one licence does not let a field in, None when it does."""
    if ref not in licence.provisions.licensed:
        return f"{licence.file}:{licence.lines.get('fields', 1)} {licence.agreement_id} does not name it"
    parents = [agreements[name] for name in licence.under if name in agreements]
    if not any(ref[0] in p.sources for p in parents):
        return f"{licence.agreement_id} stands under no agreement in force on {ref[0]}"
    purposes = {purpose for purpose in licence.purposes if granted.may("publish", purpose)}
    if not purposes:
        return f"{licence.agreement_id} has no purpose for which its owner grants the use publish"
    for rule in licence.provisions.prohibits:
        stops = bool({"publish", "content"} & set(rule.scope.uses))
        if stops and not rule.together and rule.scope.covers(ref, granted.cls):
            purposes -= set(rule.scope.purposes) or purposes
            if not purposes:
                return f"{rule.clause} forbids it: {rule.because} ({rule.cite})"
    for limit in licence.provisions.limits:
        fits = as_coarse(granted.treatment, limit.treatment)
        if "publish" in limit.scope.uses and limit.scope.covers(ref, granted.cls) and not fits:
            return f"{limit.clause} asks for {limit.treatment}, and it is stored {granted.treatment}"
    return None
