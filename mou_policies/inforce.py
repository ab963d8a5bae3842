"""Which agreements are in force on a date, and why the others are not: term, signatures, parents, lint.

An agreement that is not in force is a `Refusal` and stops its own sources only. What those in force grant together is
worked out in `enforce`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mou_policies import lint
from mou_policies.agreement import Agreement, Refusal
from mou_policies.errors import AgreementError
from mou_policies.findings import Finding
from mou_policies.language import Reading, agreement_files, read_agreement
from mou_policies.provisions import DSA, DUL, EMOU
from mou_policies.signing import SIGNED, Signature, SignatureStatus, assumed, load_trust, sidecar_of, status_of
from mou_policies.trust import TrustStore


@dataclass(frozen=True)
class InForce:
    """The agreements in force by id, the refusals of the others, and who may sign."""

    agreements: Mapping[str, Agreement]
    refusals: tuple[Refusal, ...]
    trust: TrustStore
    licensed: bool

    def of_kind(self, kind: str) -> list[Agreement]:
        """Return the agreements in force of one kind, by id."""
        return [a for _, a in sorted(self.agreements.items()) if a.kind == kind]


def in_force(folder: Path, on: date) -> InForce:
    """Read every agreement of a folder and say which are in force on a date.

    Never raises for one bad agreement, and stops no other source for it. A malformed trust store refuses all.
    """
    readings = [read_agreement(file) for file in agreement_files(folder)]
    licensed = any(_licenses(reading) for reading in readings)
    try:
        trust = load_trust(folder)
    except AgreementError as error:
        refusals = [_refused(r.file, error, f"signers.yaml:{error.line}: ") for r in readings]
        return InForce({}, tuple(refusals), TrustStore(folder, {}), licensed)
    found = _Sorting(on)
    for reading in readings:
        if reading.agreement is None:
            found.refusals.append(_refused(reading.file, reading.errors[0], more=len(reading.errors) - 1))
        else:
            found.take(reading.agreement, status_of(reading.agreement, sidecar_of(reading.file), trust))
    return found.sorted(trust, licensed)


def assumed_in_force(agreements: Iterable[Agreement], on: date) -> InForce:
    """Say which agreements would be in force on a date if every party had signed each as its term began."""
    held = list(agreements)
    found = _Sorting(on)
    for agreement in held:
        found.take(agreement, assumed(agreement))
    return found.sorted(TrustStore(Path(), {}), any(a.kind == DUL for a in held))


class _Sorting:
    """Sorts agreements into those kept and those refused, one test after the other."""

    def __init__(self, on: date) -> None:
        self.on = on
        self.kept: list[Agreement] = []
        self.refusals: list[Refusal] = []
        self.signatures: dict[str, tuple[Signature, ...]] = {}

    def sorted(self, trust: TrustStore, licensed: bool) -> InForce:
        """Apply the tests that look at several agreements, and return what is left."""
        self.without_shared_ids()
        self.without_findings()
        self.without_lost_parents()
        return InForce({a.agreement_id: a for a in self.kept}, tuple(self.refusals), trust, licensed)

    def take(self, agreement: Agreement, status: SignatureStatus) -> None:
        """Keep an agreement that is in its term and signed as it stands."""
        refusal = self._out_of_term(agreement) or self._unsigned(agreement, status)
        if refusal is None:
            self.kept.append(agreement)
        else:
            self.refusals.append(refusal)

    def _out_of_term(self, agreement: Agreement) -> Refusal | None:
        line = agreement.lines["term"]
        if self.on > agreement.ends:
            reason = f"the agreement ended on {agreement.ends} (AGR-004)"
            return _refusal(agreement, reason, line, "agree on a new term and sign it")
        if self.on < agreement.starts:
            reason = f"the agreement begins on {agreement.starts}"
            return _refusal(agreement, reason, line, "wait until then, or agree on an earlier term and sign it")
        return None

    def _unsigned(self, agreement: Agreement, status: SignatureStatus) -> Refusal | None:
        self.signatures[agreement.agreement_id] = tuple(s for s in status.signatures if s.signed_on <= self.on)
        if agreement.kind == EMOU and status.holds_for_hub(agreement, self.on):
            return None
        if status.state != SIGNED:
            return _refusal(agreement, f"{status.reason} (AGR-005)", status.line, status.remedy)
        if status.signed_on is not None and status.signed_on > self.on:
            reason = f"the last signature is of {status.signed_on}, after this night"
            remedy = "it is in force from the day of the last signature"
            return _refusal(agreement, reason, agreement.lines["term"], remedy)
        return None

    def without_shared_ids(self) -> None:
        """Refuse every agreement that shares its id with another one in force."""
        ids = Counter(a.agreement_id for a in self.kept)
        for agreement in [a for a in self.kept if ids[a.agreement_id] > 1]:
            others = sorted(
                a.file for a in self.kept if a is not agreement and a.agreement_id == agreement.agreement_id
            )
            reason = (
                f"the id {agreement.agreement_id} is claimed by another agreement in force too: {', '.join(others)}"
            )
            remedy = "leave it in one of them, and end or amend the other"
            self.refusals.append(_refusal(agreement, f"{reason} (AGR-013)", agreement.lines["agreement"], remedy))
        self.kept = [a for a in self.kept if ids[a.agreement_id] == 1]

    def without_findings(self) -> None:
        """Refuse every agreement in which lint finds an error, with what it found first."""
        known = {a.agreement_id: a for a in self.kept}
        for agreement in list(self.kept):
            errors = [f for f in lint.check(agreement, known, self.on) if f.stops]
            if errors:
                self._refuse(agreement, _of_findings(agreement, errors))

    def without_lost_parents(self) -> None:
        """Refuse every child whose parent is not in force, or in whose parent its owner has not signed."""
        for kind in (DSA, DUL):
            known = {a.agreement_id: a for a in self.kept}
            for agreement in [a for a in self.kept if a.kind == kind]:
                reason = self._lost(agreement, known)
                if reason is not None:
                    line = agreement.lines.get("under", 1)
                    remedy = "bring the parent into force, or name another one under `under` and sign again"
                    self._refuse(agreement, _refusal(agreement, f"{reason} (AGR-009)", line, remedy))

    def _lost(self, agreement: Agreement, known: Mapping[str, Agreement]) -> str | None:
        parents = [known.get(name) for name in agreement.under]
        if agreement.kind == DUL and any(p is not None and p.kind == DSA for p in parents):
            return None
        for name, parent in zip(agreement.under, parents, strict=True):
            if parent is None:
                return f"its parent {name} is not in force"
            if agreement.kind == DSA and agreement.owner not in {s.agency for s in self.signatures[name]}:
                return f"{agreement.owner} has not signed its parent {name}"
        return None if agreement.kind == DSA else "none of its parents is in force"

    def _refuse(self, agreement: Agreement, refusal: Refusal) -> None:
        self.kept = [a for a in self.kept if a is not agreement]
        self.refusals.append(refusal)


def _licenses(reading: Reading) -> bool:
    """Say whether a file is a licence, in force or not; of one that cannot be read, as well as its text can tell."""
    if reading.agreement is not None:
        return reading.agreement.kind == DUL
    return bool(re.search(rf"^kind:\s*[\"']?{DUL}\b", _text_of(reading.file), re.MULTILINE))


def _of_findings(agreement: Agreement, errors: Sequence[Finding]) -> Refusal:
    first = errors[0]
    return _refusal(agreement, f"{first.says} ({first.rule}){_and_more(len(errors) - 1)}", first.line, first.remedy)


def _and_more(count: int) -> str:
    return f" and {count} more; `cradlepath mou lint` lists them" if count else ""


def _refusal(agreement: Agreement, reason: str, line: int, remedy: str) -> Refusal:
    return Refusal(agreement.file, tuple(agreement.sources), reason, line, remedy)


def _refused(file: Path, error: AgreementError, where: str = "", more: int = 0) -> Refusal:
    rule = f" ({error.rule})" if error.rule else ""
    line = 1 if where else error.line
    return Refusal(file.name, sources_named(file), f"{where}{error.what}{rule}{_and_more(more)}", line, error.remedy)


def sources_named(file: Path) -> tuple[str, ...]:
    """Return the sources a malformed file seems to name: the keys one level below ``sources:``.

    A best effort, for the steward's list of what is stopped; nothing is granted by it.
    """
    lines = _text_of(file).splitlines()
    start = next((i for i, line in enumerate(lines) if re.match(r"sources\s*:", line)), len(lines))
    return tuple(dict.fromkeys(_keys_below(lines[start + 1 :])))


def _keys_below(lines: Iterable[str]) -> Iterable[str]:
    depth = 0
    for line in lines:
        match = re.match(r"(\s*)([\w.-]+)\s*:", line)
        if match is None:
            continue
        indent = len(match[1])
        if indent == 0:
            return
        depth = depth or indent
        if indent == depth:
            yield match[2]


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes()[:2_000_000].decode("utf-8", "replace")
    except OSError:
        return ""
