"""What the signatures of an agreement amount to: who must sign, who has, since when, and what changed afterwards.

An agreement needs a trusted signer of every party, or one for every office that its `signatories` name. How a signature
is written and read is in `sidecar`, who is trusted in `trust`, signing itself in `signing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mou_policies.agreement import MEMBER, PROVIDER, RECIPIENT, Agreement, Party
from mou_policies.errors import AgreementError
from mou_policies.sidecar import clauses_hold, read_sidecar, verifies
from mou_policies.trust import Signer, TrustStore

SIGNED, UNSIGNED, INCOMPLETE, CHANGED, INVALID = "signed", "unsigned", "incomplete", "changed", "invalid"


@dataclass(frozen=True)
class Signature:
    """One verified signature; `office` is the one it was given in, if the trust store says so too."""

    signer: str
    name: str
    role: str
    agency: str
    signed_on: date
    office: str | None = None

    def __str__(self) -> str:
        office = f", {self.office}," if self.office else ""
        return f"{self.signed_on}  {self.name}{office} for {self.agency} ({self.role})"


@dataclass(frozen=True)
class Need:
    """One signature that an agreement needs: of a party, by anyone trusted (None) or by the holder of an office."""

    party: Party
    office: str | None = None

    def __str__(self) -> str:
        office = f" ({self.office})" if self.office else ""
        return f"the {self.party.role}, {self.party.name}{office}"

    def given_on(self, signatures: Iterable[Signature]) -> date | None:
        """Return the first day on which one of the signatures meets the need, if one does."""
        return min((s.signed_on for s in signatures if self._is_met_by(s)), default=None)

    def _is_met_by(self, signature: Signature) -> bool:
        ours = signature.agency == self.party.agency and signs_for(signature.role, self.party)
        return ours and self.office in {None, signature.office}


@dataclass(frozen=True)
class SignatureStatus:
    """Whether an agreement is signed as it stands.

    `state` is signed, unsigned, incomplete (`missing` says whose signatures), changed (after signing) or invalid (the
    sidecar is not what was signed). `line` is where to look in the agreement; `changed` are clause paths; `given` is
    the day on which each agency had given all signatures needed of it. `not_counted` says of each other signature why.
    """

    state: str
    reason: str
    remedy: str
    line: int
    signatures: tuple[Signature, ...] = ()
    changed: tuple[str, ...] = ()
    missing: tuple[Need, ...] = ()
    given: Mapping[str, date] = field(default_factory=dict)
    not_counted: tuple[str, ...] = ()

    def binds(self, agency: str, on: date) -> bool:
        """Whether an agency has signed the wording as it stands by a date, in every office that must."""
        return self.state in {SIGNED, INCOMPLETE} and agency in self.given and self.given[agency] <= on

    @property
    def signed_on(self) -> date | None:
        """The day on which the last needed signature was given; None while one is missing."""
        return max(self.given.values()) if self.state == SIGNED else None


def needs(agreement: Agreement) -> tuple[Need, ...]:
    """Return every signature an agreement needs, party by party."""
    offices = agreement.provisions.signatories
    return tuple(Need(party, office) for party in agreement.parties for office in offices.get(party.role, (None,)))


def signs_for(role: str, party: Party) -> bool:
    """Say whether a signer of an agency, in this role, can sign for the part it has in an agreement."""
    return role == party.role or (role == PROVIDER and party.role in {MEMBER, RECIPIENT})


def assumed(agreement: Agreement) -> SignatureStatus:
    """Return the status an agreement would have if each party had signed it on the day its term begins."""
    return SignatureStatus(SIGNED, "", "", 1, given={p.agency: agreement.starts for p in agreement.parties})


def status_of(agreement: Agreement, sidecar: Path, trust: TrustStore) -> SignatureStatus:
    """Say whether a loaded agreement is signed as it stands, by trusted signers of each party."""
    name = sidecar.name.removesuffix(".sig.json")
    if not sidecar.exists():
        remedy = f"have every party sign it: cradlepath mou sign {name} --key ..."
        return SignatureStatus(UNSIGNED, "the agreement is not signed", remedy, 1, missing=needs(agreement))
    try:
        held = read_sidecar(sidecar)
    except AgreementError as error:
        return SignatureStatus(INVALID, f"{sidecar.name}: {error.what}", error.remedy, 1)
    found = _Found.among(held, trust)
    if found.wrong:
        remedy = "restore the signature file, or have every party sign again"
        return SignatureStatus(INVALID, f"{sidecar.name}: {found.wrong}", remedy, 1)
    if held["sha256"] != agreement.sha256 or held["agreement"] != agreement.agreement_id:
        return _changed(agreement, held["clauses"], found)
    missing = tuple(need for need in needs(agreement) if need.given_on(found.good) is None)
    given = _given(agreement, found.good)
    if missing:
        return _incomplete(agreement, name, found, missing, given)
    reason = "signed by every party"
    return SignatureStatus(SIGNED, reason, "", 1, found.good, given=given, not_counted=found.not_counted)


def _incomplete(
    agreement: Agreement, name: str, found: _Found, missing: tuple[Need, ...], given: Mapping[str, date]
) -> SignatureStatus:
    first = missing[0]
    reason = f"no trusted signer has signed for {' or for '.join(map(str, missing))}"
    office = f" with office: {first.office}" if first.office else ""
    remedy = f"a signer of {first.party.agency}{office} in signers.yaml must sign: cradlepath mou sign {name} --key ..."
    line = agreement.lines.get("signatories" if first.office else "parties", 1)
    return SignatureStatus(INCOMPLETE, reason, remedy, line, found.good, (), missing, given, found.not_counted)


def _given(agreement: Agreement, signatures: Sequence[Signature]) -> dict[str, date]:
    """Return, by agency, the day on which the last signature needed of it was given, where all of them were."""
    days: dict[str, list[date | None]] = {}
    for need in needs(agreement):
        days.setdefault(need.party.agency, []).append(need.given_on(signatures))
    return {agency: max(d for d in found if d) for agency, found in days.items() if None not in found}


def _changed(agreement: Agreement, signed: Mapping[str, str], found: _Found) -> SignatureStatus:
    paths = sorted(
        set(signed.items()) ^ set(agreement.clauses.items()), key=lambda item: agreement.lines.get(item[0], 0)
    )
    changed = tuple(dict.fromkeys(path for path, _ in paths))
    words = [_change(path, signed, agreement) for path in changed]
    shown = ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
    line = min((agreement.lines[p] for p in changed if p in agreement.lines), default=1)
    reason = f"changed after signing: {shown}" if words else "the signatures are of another agreement"
    remedy = "undo the change, or have every party sign the new wording"
    given = _given(agreement, found.good)
    return SignatureStatus(
        CHANGED, reason, remedy, line, found.good, changed, needs(agreement), given, found.not_counted
    )


def _change(path: str, signed: Mapping[str, str], agreement: Agreement) -> str:
    if path not in agreement.clauses:
        return f"{path} removed"
    word = "changed" if path in signed else "added"
    return f"{path} {word} (line {agreement.lines[path]})"


@dataclass(frozen=True)
class _Found:
    """The signatures of a file that count, why each other does not, and what spoils the file, if anything."""

    good: tuple[Signature, ...] = ()
    not_counted: tuple[str, ...] = ()
    wrong: str = ""

    @classmethod
    def among(cls, held: Mapping[str, Any], trust: TrustStore) -> _Found:
        """Sort the signatures of a file.

        One by someone the trust store does not list counts for nothing, and so does one dated after a signer's `until`.
        A listed one that does not verify, or a clause list that is not what was signed, spoils the file.
        """
        if not clauses_hold(held):
            return cls(wrong="its list of clauses is not the one that was signed")
        good, not_counted = [], []
        for entry in held["signatures"]:
            signer = trust.signers.get(entry["signer"])
            if signer is None or signer.public_key != entry["public_key"]:
                not_counted.append(f"{entry['signer']} is not in signers.yaml with the key that signed")
                continue
            signature = _signature(held, entry, signer)
            if isinstance(signature, str):
                return cls(wrong=signature)
            if signer.until is not None and signature.signed_on > signer.until:
                not_counted.append(f"{signer.name} signed on {signature.signed_on}, and could until {signer.until}")
            else:
                good.append(signature)
        return cls(tuple(good), tuple(not_counted))


def _signature(held: Mapping[str, Any], entry: Mapping[str, str], signer: Signer) -> Signature | str:
    """Return a listed signer's signature, or what is wrong with it."""
    unreadable = f"the signature of {signer.id} does not verify"
    if not verifies(held, entry, signer):
        return unreadable
    try:
        signed_on = date.fromisoformat(entry["signed_on"])
    except ValueError:
        return unreadable
    if (entry["role"], entry["agency"]) != (signer.role, signer.agency):
        return f"{signer.id} signed in a role the trust store does not give them"
    office = signer.office if signer.office == entry.get("office") else None
    return Signature(signer.id, signer.name, signer.role, signer.agency, signed_on, office)
