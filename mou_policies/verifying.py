"""Whether agreements are what was signed, and what each amends: link by link back to the first of its chain.

For people who question a signature. What decides on a night is in `inforce`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mou_policies.agreement import Agreement
from mou_policies.amendments import chain, faults
from mou_policies.errors import AgreementError
from mou_policies.language import Reading, agreement_files, load_agreement, read_agreement
from mou_policies.sidecar import sidecar_of
from mou_policies.signatures import SIGNED, SignatureStatus, status_of
from mou_policies.trust import TrustStore, load_trust


@dataclass(frozen=True)
class Link:
    """One agreement of a chain, and what its signatures amount to."""

    agreement: Agreement
    status: SignatureStatus


@dataclass(frozen=True)
class Verified:
    """One file: the agreement and its signatures, what it amends back to the first, and why the chain goes no further.

    `error` is what is wrong with a file that cannot be read; it then has no links.
    """

    file: str
    links: tuple[Link, ...] = ()
    broken: tuple[str, ...] = ()
    error: AgreementError | None = None

    @property
    def holds(self) -> bool:
        """Whether the file is signed as it stands, and every link of its chain holds."""
        return bool(self.links) and self.links[0].status.state == SIGNED and not self.broken

    @property
    def since(self) -> date | None:
        """The first day on which the agreement is in force by its term and signatures."""
        if not self.links or self.links[0].status.signed_on is None:
            return None
        return max(self.links[0].agreement.starts, self.links[0].status.signed_on)


def verify_file(file: Path) -> Verified:
    """Verify one agreement and its chain. Raises AgreementError if it or the trust store does not load."""
    load_agreement(file)
    return next(found for found in verify_folder(file.parent) if found.file == file.name)


def verify_folder(folder: Path) -> list[Verified]:
    """Verify every agreement of a folder. Raises AgreementError for a malformed trust store."""
    readings = [read_agreement(file) for file in agreement_files(folder)]
    trust = load_trust(folder)
    return [_verified(reading, readings, trust) for reading in readings]


def _verified(reading: Reading, readings: Sequence[Reading], trust: TrustStore) -> Verified:
    if reading.agreement is None:
        return Verified(reading.file.name, error=reading.errors[0])
    files = {one.agreement.sha256: one.file for one in readings if one.agreement is not None}
    among = [one.agreement for one in readings if one.agreement is not None]
    found = chain(reading.agreement, among)
    statuses = [status_of(one, sidecar_of(files[one.sha256]), trust) for one in found[1:]]
    first = Link(reading.agreement, status_of(reading.agreement, sidecar_of(reading.file), trust))
    links = (first, *(Link(one, status) for one, status in zip(found[1:], statuses, strict=True)))
    broken = tuple(f"{found[-1].file}: {says}; {remedy}" for says, remedy in faults(found[-1], among))
    return Verified(reading.file.name, links, broken)
