"""What a data use licence lets into a release: the owner's grant alone is not enough where a licence is asked for.

A release needs a licence where any licence was ever written for the city, or where an EMOU asks for one. Licences of
one release unite. Nothing here knows how a release is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from mou_policies.agreement import Agreement
from mou_policies.coarseness import as_coarse
from mou_policies.model import FieldPolicy
from mou_policies.provisions import BY_LICENCE, DSA, EMOU, FieldRef, Prohibition, class_covered

RELEASE = "outcomes"


@dataclass(frozen=True)
class Unlicensed:
    """Why a field may not enter a release, and the clause that says so."""

    because: str
    clause: str


@dataclass(frozen=True)
class Licence:
    """The licences in force for one release, and the agreements over the data they use.

    `needed_by` are the sources whose fields need a licence (None: every source). `bound` are agreements that grant
    nothing and whose prohibitions on joined rows hold all the same.
    """

    release: str = RELEASE
    licences: tuple[Agreement, ...] = ()
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    needed_by: frozenset[str] | None = frozenset()
    bound: tuple[Agreement, ...] = ()

    def needs(self, source: str) -> bool:
        """Say whether a source's fields need a licence to enter the release."""
        return self.needed_by is None or source in self.needed_by

    def refuses(self, ref: FieldRef, granted: FieldPolicy, purpose: str | None = None) -> str | None:
        """Return why a granted field may not enter the release for a purpose (None: for any), None when it may."""
        refusal = self.refusal(ref, granted, purpose)
        return refusal.because if refusal else None

    def refusal(self, ref: FieldRef, granted: FieldPolicy, purpose: str | None = None) -> Unlicensed | None:
        """Return why a granted field may not enter the release, with the clause that says so; None when it may."""
        if not self.needs(ref[0]):
            return None
        found = [_refused_by(licence_, ref, granted, purpose, self.agreements) for licence_ in self.licences]
        if None in found:
            return None
        return found[0] if found else Unlicensed(f"no licence in force for the release {self.release}", granted.clause)

    def together(self, columns: Mapping[FieldRef, str]) -> dict[FieldRef, Prohibition]:
        """Return the columns (by field, with their classes) that may not be used beside others of them."""
        found: dict[FieldRef, Prohibition] = {}
        for rule, sources in self._joint({ref[0] for ref in columns}):
            for ref, cls in columns.items():
                governed = (sources is None or ref[0] in sources) and rule.scope.covers(ref, cls)
                beside = (other for at, other in columns.items() if at != ref)
                if governed and any(class_covered(other, rule.together) for other in beside):
                    found.setdefault(ref, rule)
        return found

    def _joint(self, sources: AbstractSet[str]) -> list[tuple[Prohibition, frozenset[str] | None]]:
        """Return the prohibitions on joined rows, each with the sources whose fields it is about (None: all).

        Those of the owners of some sources are about what they own, those of an EMOU about what is shared under it,
        and those of a licence about whatever is in its release.
        """
        binding = {a.agreement_id: a for a in self.bound} | dict(self.agreements)
        owners = {a.owner for a in binding.values() if sources & a.sources.keys()}
        shares = [a for a in binding.values() if a.kind == DSA and a.owner in owners]
        found: list[tuple[Prohibition, frozenset[str] | None]] = []
        names = dict.fromkeys([*(a.agreement_id for a in shares), *(up for a in shares for up in a.under)])
        for name in (name for name in names if name in binding):
            acting = binding[name]
            of = [a for a in shares if name in a.under or (a.owner == acting.owner)]
            found += [(rule, frozenset(s for a in of for s in a.sources)) for rule in _on_rows(acting)]
        return found + [(rule, None) for licence_ in self.licences for rule in _on_rows(licence_)]


def _on_rows(agreement: Agreement) -> list[Prohibition]:
    return [rule for rule in agreement.provisions.prohibits if rule.together]


def licence_of(
    release: str,
    licences: Sequence[Agreement],
    agreements: Mapping[str, Agreement],
    bound: Sequence[Agreement] = (),
    *,
    always: bool,
) -> Licence:
    """Return the licence of a release. `always`: a licence exists, so that no source does without one.

    `bound` are agreements that grant nothing; a licence that one of them asks for is asked for all the same.
    """
    held = tuple(a for a in licences if a.provisions.release is not None and a.provisions.release.name == release)
    binding = [*agreements.values(), *bound]
    asked = None if always else frozenset(s for a in binding if _asks(a, binding) for s in a.sources)
    return Licence(release, held, agreements, asked, tuple(bound))


def _asks(agreement: Agreement, binding: Sequence[Agreement]) -> bool:
    permits = [parent.provisions.permits for parent in binding if parent.agreement_id in agreement.under]
    return any(p is not None and p.publication == BY_LICENCE for p in permits)


def _refused_by(
    licence: Agreement, ref: FieldRef, granted: FieldPolicy, purpose: str | None, agreements: Mapping[str, Agreement]
) -> Unlicensed | None:
    """Return why one licence does not let a field in, None when it does."""
    if ref not in licence.provisions.licensed:
        clause = _clause(licence, "fields")
        return Unlicensed(f"{clause} does not name it", clause)
    parents = [agreements[name] for name in licence.under if name in agreements]
    if not any(ref[0] in p.sources for p in parents):
        because = f"{licence.agreement_id} stands under no agreement in force on {ref[0]}"
        return Unlicensed(because, _clause(licence, "under"))
    purposes = {p for of, p in granted.published_by if of in licence.under and p in licence.purposes}
    purposes &= purposes if purpose is None else {purpose}
    if not purposes:
        because = f"{licence.agreement_id} has no purpose for which an agreement it stands under grants the use publish"
        return Unlicensed(because, _clause(licence, "purposes"))
    ceilings = [parent for parent in parents if parent.kind == EMOU]
    for acting in (licence, *ceilings):
        for rule in acting.provisions.prohibits:
            stops = bool({"publish", "content"} & set(rule.scope.uses))
            if stops and not rule.together and rule.scope.covers(ref, granted.cls):
                purposes -= set(rule.scope.purposes) or purposes
                if not purposes:
                    return Unlicensed(f"{rule.clause} forbids it: {rule.because} ({rule.cite})", rule.clause)
        for limit in acting.provisions.limits:
            if limit.scope.covers(ref, granted.cls) and not as_coarse(granted.treatment, limit.treatment):
                because = f"{limit.clause} asks for {limit.treatment}, and it is stored {granted.treatment}"
                return Unlicensed(because, limit.clause)
    return _above(ceilings, granted.cls, purposes)


def _above(ceilings: Iterable[Agreement], cls: str, purposes: AbstractSet[str]) -> Unlicensed | None:
    """Return which EMOU over a licence does not permit what it lets in, None where all do."""
    for parent in ceilings:
        permits = parent.provisions.permits
        clause = permits.clause if permits else _clause(parent, "permits")
        if permits is None or not all(class_covered(cls, permits.classes[use]) for use in ("publish", "content")):
            return Unlicensed(f"{clause} does not permit it for {cls}", clause)
        purposes = purposes & set(parent.purposes)
        if not purposes:
            because = f"{parent.agreement_id} names no purpose for which it would be published"
            return Unlicensed(because, _clause(parent, "purposes"))
    return None


def _clause(licence: Agreement, key: str) -> str:
    return f"{licence.file}:{licence.lines.get(key, 1)} {licence.agreement_id} {key}"
