"""Which agreements are in force on a date, and why the others are not: term, signatures, parents, lint.

An agreement that is not in force is a `Refusal` and stops its own sources only. What those in force grant together is
worked out in `enforce`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from mou_policies import amendments, lint
from mou_policies.agreement import Agreement, Party, Refusal
from mou_policies.errors import AgreementError
from mou_policies.findings import Finding, finding, of_error
from mou_policies.language import agreement_files, read_agreement
from mou_policies.malformed import is_licence, sources_named
from mou_policies.provisions import DSA, DUL, EMOU
from mou_policies.sidecar import sidecar_of
from mou_policies.signatures import CHANGED, INCOMPLETE, SIGNED, SignatureStatus, assumed, status_of
from mou_policies.trust import TrustStore, load_trust

OUT_OF_TERM, UNSIGNED = "AGR-004", "AGR-005"
NOT_IN_FORCE = frozenset({OUT_OF_TERM, UNSIGNED, "AGR-014"})
"""Findings of an agreement that binds nobody: out of its term, unsigned, an amendment of what is not there to amend."""


@dataclass(frozen=True)
class InForce:
    """The agreements in force by id, the refusals of the others, and who may sign.

    `superseded` says of each agreement whose place an amendment has taken which one that is (ids): it neither grants
    nor is refused, and what stands under it stands under the amendment. `findings` are all that was found.
    `bound` are those refused though they are signed and in their term: they grant nothing, and what they take away
    holds, so that no fault found in one makes another wider.
    """

    agreements: Mapping[str, Agreement]
    refusals: tuple[Refusal, ...]
    trust: TrustStore
    licensed: bool
    superseded: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    bound: tuple[Agreement, ...] = ()

    def of_kind(self, kind: str) -> list[Agreement]:
        """Return the agreements in force of one kind, by id."""
        return [a for _, a in sorted(self.agreements.items()) if a.kind == kind]


def in_force(folder: Path, on: date, failed: Mapping[str, Finding] | None = None) -> InForce:
    """Read every agreement of a folder and say which are in force on a date.

    `failed` are agreements (by id) that grant more than somebody expects: they are refused. Never raises for one bad
    agreement, and stops no other source for it. A malformed trust store refuses all.
    """
    readings = [read_agreement(file) for file in agreement_files(folder)]
    licensed = any(is_licence(reading) for reading in readings)
    try:
        trust = load_trust(folder)
    except AgreementError as error:
        refusals = [_refused(r.file, error, f"signers.yaml:{error.line}: ") for r in readings]
        findings = (of_error(error), *(f for r in readings for f in r.findings))
        return InForce({}, tuple(refusals), TrustStore(folder, {}), licensed, findings=findings)
    statuses = [(r.agreement, status_of(r.agreement, sidecar_of(r.file), trust)) for r in readings if r.agreement]
    found = _Sorting(on, statuses)
    for reading in (r for r in readings if r.agreement is None):
        found.findings += reading.findings
        found.refusals.append(_refused(reading.file, reading.errors[0], more=len(reading.errors) - 1))
    return found.sorted(trust, licensed, failed or {})


def assumed_in_force(agreements: Iterable[Agreement], on: date) -> InForce:
    """Say which agreements would be in force on a date if every party had signed each as its term began."""
    held = [(agreement, assumed(agreement)) for agreement in agreements]
    return _Sorting(on, held).sorted(TrustStore(Path(), {}), any(a.kind == DUL for a, _ in held))


def takes_effect(agreement: Agreement, status: SignatureStatus, on: date) -> bool:
    """Say whether an agreement has been in effect by a date, as signed: what it amends then stays superseded.

    That it has ended, or was changed after signing in anything but what it amends, does not bring the old one back.
    """
    as_signed = is_signed(agreement, status) or (status.state == CHANGED and "amends" not in status.changed)
    days = [status.given.get(party.agency) for party in _needed(agreement)]
    return as_signed and agreement.starts <= on and all(day is not None and day <= on for day in days)


def is_signed(agreement: Agreement, status: SignatureStatus) -> bool:
    """Say whether an agreement is signed as it stands by those without whom it is not in force: of an EMOU, the hub."""
    stands = status.state in {SIGNED, INCOMPLETE}
    return stands and all(party.agency in status.given for party in _needed(agreement))


def _needed(agreement: Agreement) -> Sequence[Party]:
    return [agreement.hub] if agreement.kind == EMOU else agreement.parties


class _Sorting:
    """Sorts agreements into those kept, those superseded and those refused, one test after the other."""

    def __init__(self, on: date, statuses: Sequence[tuple[Agreement, SignatureStatus]]) -> None:
        self.on = on
        self.statuses = statuses
        self.all = [agreement for agreement, _ in statuses]
        links = amendments.links((a for a, status in statuses if takes_effect(a, status, on)), self.all)
        self.contested = _contested(a for a, status in statuses if is_signed(a, status))
        self.superseded = {older.agreement_id: newer.agreement_id for newer, older in links}
        self.gone = {older.sha256: older for _, older in links}
        self.kept: list[Agreement] = []
        self.refusals: list[Refusal] = []
        self.findings: list[Finding] = []
        self.bound: list[Agreement] = []
        self.signed_by: dict[str, set[str]] = {}

    def sorted(self, trust: TrustStore, licensed: bool, failed: Mapping[str, Finding] | None = None) -> InForce:
        """Apply every test, and return what is left."""
        self.take()
        self.without_shared_ids()
        self.without_failed(failed or {})
        self.without_lost_parents()
        held = {a.agreement_id: a for a in self.kept}
        return InForce(
            held, tuple(self.refusals), trust, licensed, self.superseded, tuple(self.findings), tuple(self.bound)
        )

    def take(self) -> None:
        """Keep the agreements in which nothing is wrong that stops them; refuse any other with what was found first.

        Each is judged beside all others; what is signed is not judged by amendments that are not.
        """
        live = [(amendments.under_heirs(a, self.superseded), s) for a, s in self.statuses if a.sha256 not in self.gone]
        found = [(agreement, self._term_and_signatures(agreement, status)) for agreement, status in live]
        signed = {a.agreement_id: a for a, said in found if not any(f.rule == UNSIGNED for f in said)}
        older = {a.agreement_id: a for a in self.gone.values()}
        known = {a.agreement_id: a for a in (*self.all, *(a for a, _ in live))} | signed | older
        known = {name: a for name, a in known.items() if name not in self.contested}
        firm = {n: a for n, a in known.items() if n in signed or a.sha256 in self.gone or a.provisions.amends is None}
        for agreement, said in found:
            beside = firm if signed.get(agreement.agreement_id) is agreement else known
            self._judge(agreement, [*said, *lint.check(agreement, beside, self.on)])

    def _judge(self, agreement: Agreement, found: Sequence[Finding]) -> None:
        self.findings += found
        errors = [f for f in found if f.stops]
        if not errors:
            self.kept.append(agreement)
            return
        self.refusals.append(refusal_of(agreement, *errors))
        if not any(f.rule in NOT_IN_FORCE for f in errors):
            self.bound.append(agreement)

    def _term_and_signatures(self, agreement: Agreement, status: SignatureStatus) -> list[Finding]:
        return [*self._out_of_term(agreement), *self._unsigned(agreement, status)]

    def _out_of_term(self, agreement: Agreement) -> Iterator[Finding]:
        place = agreement.place("term")
        if self.on > agreement.ends:
            says = f"the agreement ended on {agreement.ends}"
            yield finding(OUT_OF_TERM, agreement.file, place, says, "agree on a new term and sign it")
        elif self.on < agreement.starts:
            says = f"the agreement begins on {agreement.starts}"
            remedy = "wait until then, or agree on an earlier term and sign it"
            yield finding(OUT_OF_TERM, agreement.file, place, says, remedy)

    def _unsigned(self, agreement: Agreement, status: SignatureStatus) -> Iterator[Finding]:
        self.signed_by[agreement.file] = {p.agency for p in agreement.parties if status.binds(p.agency, self.on)}
        if agreement.kind == EMOU and status.binds(agreement.hub.agency, self.on):
            return
        if status.state != SIGNED:
            yield finding(UNSIGNED, agreement.file, (status.line, 1), status.reason, status.remedy)
        elif status.signed_on is not None and status.signed_on > self.on:
            says = f"the last signature is of {status.signed_on}, after this night"
            remedy = "it is in force from the day of the last signature"
            yield finding(UNSIGNED, agreement.file, agreement.place("term"), says, remedy)

    def without_shared_ids(self) -> None:
        """Refuse every agreement that shares its id with another one, in force or superseded."""
        claims = [*self.kept, *self.gone.values()]
        ids = Counter(a.agreement_id for a in claims)
        doubtful = [a for a in self.kept if ids[a.agreement_id] > 1 or a.agreement_id in self.contested]
        for agreement in doubtful:
            others_too = self.all if agreement.agreement_id in self.contested else claims
            same = [a for a in others_too if a.agreement_id == agreement.agreement_id and a.file != agreement.file]
            others = ", ".join(sorted(a.file for a in same))
            says = f"the id {agreement.agreement_id} is claimed by another agreement too: {others}"
            remedy = "leave it in one of them, and end or amend the other"
            self._refuse(agreement, finding("AGR-013", agreement.file, agreement.place("agreement"), says, remedy))

    def without_failed(self, failed: Mapping[str, Finding]) -> None:
        """Refuse every agreement that grants more than one in force expects."""
        for agreement in [a for a in self.kept if a.agreement_id in failed]:
            found = failed[agreement.agreement_id]
            if found.file != agreement.file:
                says = f"{found.file}:{found.line}: {found.says}"
                found = finding(found.rule, agreement.file, (1, 1), says, found.remedy, found.about)
            self._refuse(agreement, found)

    def without_lost_parents(self) -> None:
        """Refuse every child whose parent is not in force, or in whose parent its owner has not signed."""
        for kind in (DSA, DUL):
            known = {a.agreement_id: a for a in self.kept}
            for agreement in [a for a in self.kept if a.kind == kind]:
                says = self._lost(agreement, known)
                if says is not None:
                    remedy = "bring the parent into force, or name another one under `under` and sign again"
                    self._refuse(agreement, finding("AGR-009", agreement.file, agreement.place("under"), says, remedy))

    def _lost(self, agreement: Agreement, known: Mapping[str, Agreement]) -> str | None:
        parents = [known.get(name) for name in agreement.under]
        ceilings = {a.agreement_id for a in self.all if a.kind == EMOU}
        lost = next((name for name in agreement.under if name in ceilings and name not in known), None)
        if lost is None and agreement.kind == DUL and any(p is not None and p.kind == DSA for p in parents):
            return None
        for name, parent in zip(agreement.under, parents, strict=True):
            if parent is None:
                return f"its parent {name} is not in force"
            if agreement.kind == DSA and agreement.owner not in self.signed_by[parent.file]:
                return f"{agreement.owner} has not signed its parent {name}"
        return None if agreement.kind == DSA else "none of its parents is in force"

    def _refuse(self, agreement: Agreement, found: Finding) -> None:
        self.kept = [a for a in self.kept if a is not agreement]
        self.bound.append(agreement)
        self.findings.append(found)
        self.refusals.append(refusal_of(agreement, found))


def _contested(agreements: Iterable[Agreement]) -> frozenset[str]:
    """Return the ids that signed agreements of different kinds or owners claim: they name nobody."""
    claims: dict[str, set[tuple[str, str | None]]] = {}
    for agreement in agreements:
        claims.setdefault(agreement.agreement_id, set()).add((agreement.kind, agreement.owner))
    return frozenset(name for name, claimants in claims.items() if len(claimants) > 1)


def refusal_of(agreement: Agreement, first: Finding, *others: Finding, sources: Sequence[str] = ()) -> Refusal:
    """Return the refusal of an agreement by its first finding; `sources` are those stopped, else all of them."""
    reason = f"{first.says} ({first.rule}){_and_more(len(others))}"
    return Refusal(agreement.file, tuple(sources) or tuple(agreement.sources), reason, first.line, first.remedy)


def _and_more(count: int) -> str:
    return f" and {count} more; `cradlepath mou lint` lists them" if count else ""


def _refused(file: Path, error: AgreementError, where: str = "", more: int = 0) -> Refusal:
    rule = f" ({error.rule})" if error.rule else ""
    line = 1 if where else error.line
    return Refusal(file.name, sources_named(file), f"{where}{error.what}{rule}{_and_more(more)}", line, error.remedy)
