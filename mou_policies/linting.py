"""Lint of a whole folder of agreements: every finding of every file, alone and beside the others.

What a file cannot say is found where it is read, what a well-formed agreement lacks in `lint`, what stops it on a date
in `inforce`, what agreements say against each other in `disagreements`, what they expect and do not find in `trials`.
Here all of it is one list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mou_policies.agreement import Refusal
from mou_policies.disagreements import DISAGREEMENTS
from mou_policies.errors import AgreementError
from mou_policies.findings import Finding
from mou_policies.inforce import UNSIGNED
from mou_policies.language import agreement_files, read_agreement
from mou_policies.nodes import without_collection
from mou_policies.policy import Policy, assumed_policy, compile_policy
from mou_policies.trials import trial


@dataclass(frozen=True)
class Report:
    """What lint says of a folder on a date: the agreements in force, the refusals of the others, every finding.

    `files` is how many agreement files there are; `loaded` are the sources in force, `named` all that are named.
    """

    in_force: tuple[Standing, ...]
    refusals: tuple[Refusal, ...]
    findings: tuple[Finding, ...]
    files: int
    loaded: frozenset[str]
    named: frozenset[str]


@dataclass(frozen=True)
class Standing:
    """One agreement in force: its file, its kind, its last day and the sources it shares."""

    file: str
    kind: str
    until: date
    sources: tuple[str, ...]


@without_collection()
def lint_report(folder: Path, on: date) -> Report:
    """Return what lint says of a folder of agreements on a date."""
    policy = compile_policy(folder, on)
    return Report(
        in_force=tuple(Standing(a.file, a.kind, a.ends, tuple(a.sources)) for a in policy.agreements.values()),
        refusals=policy.refusals,
        findings=tuple(lint_folder(folder, on, policy)),
        files=len(agreement_files(folder)),
        loaded=frozenset(policy.sources),
        named=frozenset([*policy.agreed, *(name for refusal in policy.refusals for name in refusal.sources)]),
    )


def lint_folder(folder: Path, on: date, policy: Policy | None = None) -> list[Finding]:
    """Return every finding of a folder of agreements on a date, by file and place, each once.

    Agreements that lack nothing but signatures are judged as they will stand once signed, so that nobody signs to learn
    of a disagreement afterwards. `policy` is the compiled policy of that folder and date, where it is at hand.
    """
    held = policy or compile_policy(folder, on)
    return in_order([*held.findings, *_once_signed(folder, held), *_unexpected(folder)])


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings by file and place, each once."""
    return sorted(dict.fromkeys(findings), key=lambda f: (f.file, f.line, f.column, f.rule, f.says))


def _once_signed(folder: Path, policy: Policy) -> list[Finding]:
    """Return what agreements would say against each other if those that lack only signatures had them."""
    stopped = {f.file for f in policy.findings if f.stops and f.rule != UNSIGNED}
    read = (read_agreement(file).agreement for file in agreement_files(folder))
    drafts = [a for a in read if a and a.file not in stopped and a.agreement_id not in policy.agreements]
    if not drafts:
        return []
    amended = {draft.provisions.amends.agreement for draft in drafts if draft.provisions.amends is not None}
    standing = [a for name, a in policy.agreements.items() if name not in amended]
    assumed = assumed_policy([*standing, *drafts], policy.on)
    return [found for found in assumed.findings if found.rule in DISAGREEMENTS]


def _unexpected(folder: Path) -> list[Finding]:
    """Return the expectations that do not hold; without a trust store that can be read, none can be asked."""
    try:
        judged = trial(folder).judged
    except AgreementError:
        return []
    return [found for one in judged if (found := one.finding()) is not None]
