"""A folder's agreements on trial: what they expect asked of them, signed or not, and what stands against signing one.

An agreement that is signed is asked as the folder stands on each day; a draft as if every draft of the folder were
signed. The questions and what failing them means are in `expectations`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from mou_policies.agreement import Agreement
from mou_policies.expectations import AS_IF_SIGNED, AS_SIGNED, Judged, judge
from mou_policies.inforce import InForce, assumed_in_force, in_force, is_signed
from mou_policies.language import Reading, agreement_files, read_agreement
from mou_policies.policy import Policy, policy_about
from mou_policies.sidecar import sidecar_of
from mou_policies.signatures import status_of
from mou_policies.trust import load_trust


@dataclass(frozen=True)
class Trial:
    """What came of a folder's expectations: the agreements asked, each answer, and the files that cannot be read."""

    agreements: tuple[Agreement, ...]
    judged: tuple[Judged, ...]
    unreadable: tuple[Reading, ...]


def trial(folder: Path, files: tuple[str, ...] = ()) -> Trial:
    """Ask what the agreements of a folder expect (of those `files`, if any are named).

    Raises AgreementError for a malformed trust store.
    """
    readings = [read_agreement(file) for file in agreement_files(folder)]
    asked = [reading for reading in readings if not files or reading.file.name in files]
    trust = load_trust(folder)
    held = [reading.agreement for reading in readings if reading.agreement]
    on = {
        AS_SIGNED: _policies(held, lambda day: in_force(folder, day)),
        AS_IF_SIGNED: _policies(held, lambda day: assumed_in_force(held, day)),
    }
    judged: list[Judged] = []
    for reading in asked:
        if reading.agreement is not None:
            signed = is_signed(reading.agreement, status_of(reading.agreement, sidecar_of(reading.file), trust))
            basis = AS_SIGNED if signed else AS_IF_SIGNED
            judged += judge(reading.agreement, on[basis], basis)
    return Trial(
        tuple(reading.agreement for reading in asked if reading.agreement),
        tuple(judged),
        tuple(reading for reading in asked if reading.agreement is None),
    )


def _policies(asking: Sequence[Agreement], held_on: Callable[[date], InForce]) -> Callable[[date], Policy]:
    """Return the policy of a day, as far as what some agreements expect is about it; each day is compiled once."""
    refs = {asked.ref for agreement in asking for asked in agreement.provisions.expects}
    return cache(lambda day: policy_about(held_on(day), day, refs))


def against_signing(file: Path, on: date) -> list[str]:
    """Return what would keep an agreement from being in force if it and all drafts beside it were signed on a day.

    The day is its first, where that is later. An expectation counts if more is possible than it expects. Raises
    AgreementError if the file does not load.
    """
    readings = [read_agreement(one) for one in agreement_files(file.parent)]
    held = [reading.agreement for reading in readings if reading.agreement]
    agreement = next(reading.agreement for reading in readings if reading.file.name == file.name)
    if agreement is None:
        raise read_agreement(file).errors[0]
    day = max(on, agreement.starts)
    refused = [str(r) for r in assumed_in_force(held, day).refusals if r.agreement_file == agreement.file]
    policy_on = _policies([agreement], lambda at: assumed_in_force(held, at))
    wider = [one.finding() for one in judge(agreement, policy_on) if one.is_wider]
    return [*refused, *(str(found) for found in wider)]
