"""The policy of one night: what the agreements in force grant together. Default deny.

Which agreements are in force is decided in `inforce`, what they grant together in `enforce`, what may enter a release
in `licence`. What is granted is enforced by the rooms that read, store and publish.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.agreement import Agreement, Refusal
from mou_policies.canonical import sha256
from mou_policies.disagreements import conflict, disagreements
from mou_policies.enforce import Denial, Stopped, unite
from mou_policies.expectations import judge
from mou_policies.findings import Finding
from mou_policies.inforce import InForce, assumed_in_force, in_force, refusal_of
from mou_policies.licence import RELEASE, Licence, licence_of
from mou_policies.model import Exclusion, FieldPolicy, SourcePolicy, TablePolicy, Treatment
from mou_policies.narrowing import narrowed
from mou_policies.nodes import without_collection
from mou_policies.provisions import DSA, DUL, EMOU, FieldRef

__all__ = [
    "Denial",
    "Exclusion",
    "FieldPolicy",
    "Policy",
    "Refusal",
    "SourcePolicy",
    "TablePolicy",
    "Treatment",
    "assumed_policy",
    "compile_policy",
    "policy_about",
]


@dataclass(frozen=True)
class Policy:
    """What may be done on one date: `sources` by id, and the `refusals` of everything else.

    `agreed` are the same sources for people to read, with the tables and sources of which everything is denied: in
    `sources` these are not, so that nothing of them is read.
    `bound` are agreements that grant nothing and still take away (`InForce`). `denials` are the uses that one clause
    grants and another takes away; `licence` says what may enter the release; `findings` are all that was found on the
    way, of agreements in force too.
    `digest` is a SHA-256 over the agreements in force (id and signed digest); `trust` the fingerprint of the signers.
    """

    on: date
    sources: Mapping[str, SourcePolicy]
    refusals: tuple[Refusal, ...]
    agreements: Mapping[str, Agreement]
    digest: str
    trust: str
    agreed: Mapping[str, SourcePolicy] = field(default_factory=dict)
    bound: tuple[Agreement, ...] = ()
    denials: tuple[Denial, ...] = ()
    findings: tuple[Finding, ...] = ()
    licence: Licence = field(default_factory=Licence)
    zip3: str = field(default_factory=vocabulary.zip3_label)

    def publishable(self, source: str, table: str, column_name: str) -> FieldPolicy | None:
        """Return the grant under which a stored column may enter published aggregates, or None."""
        granted = self.granted(source, table, column_name)
        if granted is None or self.licence.refuses((source, table, granted.field), granted) is not None:
            return None
        return granted

    def granted(self, source: str, table: str, column_name: str) -> FieldPolicy | None:
        """Return the grant of the use publish for a stored column, licensed or not, or None."""
        kept = self.kept(source, table, column_name)
        return kept if kept is not None and kept.is_publish else None

    def kept(self, source: str, table: str, column_name: str) -> FieldPolicy | None:
        """Return the grant under which the hub keeps a stored column, for whichever use, or None."""
        held = self.sources.get(source)
        if held is None or table not in held.tables:
            return None
        return next((f for f in held.tables[table].fields if f.is_content and column_name in f.columns), None)


@without_collection()
def compile_policy(folder: Path, on: date) -> Policy:
    """Read every agreement of a folder and return what they grant on a date.

    Never raises for one bad agreement, and stops no other source for it. A malformed trust store refuses them all.
    Where more would be possible than an agreement in force expects, on any day it names, whose grant that is stops.
    """
    held = in_force(folder, on)
    failed = _failed(folder, held)
    return _policy(in_force(folder, on, failed) if failed else held, on)


def policy_about(held: InForce, on: date, refs: Collection[FieldRef]) -> Policy:
    """Return as much of a policy as `explain` needs to answer about some fields, before what agreements expect."""
    inforce = narrowed([*held.agreements.values(), *held.bound], refs)
    granting, silent = inforce[: len(held.agreements)], inforce[len(held.agreements) :]
    return _policy(replace(held, agreements={a.agreement_id: a for a in granting}, bound=tuple(silent)), on)


def assumed_policy(agreements: Iterable[Agreement], on: date) -> Policy:
    """Return what agreements would grant on a date if every party had signed each as its term began.

    All other tests hold as in `compile_policy`: term, parents, lint. For drafts and comparisons, never for a night.
    """
    return _policy(assumed_in_force(agreements, on), on)


def _failed(folder: Path, held: InForce) -> dict[str, Finding]:
    """Return the agreements (by id) that grant more than one in force expects, and the expectation that says so."""
    refs = {asked.ref for agreement in held.agreements.values() for asked in agreement.provisions.expects}
    policy_on = cache(lambda day: policy_about(in_force(folder, day), day, refs))
    failed: dict[str, Finding] = {}
    for agreement in held.agreements.values():
        for judged in judge(agreement, policy_on):
            found = judged.finding()
            if found is not None and judged.is_wider:
                failed |= dict.fromkeys(_answerable(agreement, judged.expectation.ref[0], held), found)
    return failed


def _answerable(agreement: Agreement, source: str, held: InForce) -> list[str]:
    """Return which agreements answer for a grant that one of them expects not to be there.

    For what an EMOU expects, those under it that share the source; for what an owner expects, their own that do; else
    the agreement itself. None ever stops another owner's source for what it alone expects.
    """
    sharing = [a for a in held.of_kind(DSA) if source in a.sources]
    if agreement.kind == EMOU:
        return [a.agreement_id for a in sharing if agreement.agreement_id in a.under]
    own = [a.agreement_id for a in sharing if a.owner == agreement.owner]
    return own or [agreement.agreement_id]


@without_collection()
def _policy(held: InForce, on: date) -> Policy:
    parents = {a.agreement_id: a for a in held.of_kind(EMOU)}
    united = unite(held.of_kind(DSA), parents, held.bound)
    return Policy(
        on=on,
        sources={name: source.as_read for name, source in united.sources.items() if source.grants},
        refusals=(*held.refusals, *_stops(united.stopped, held)),
        agreements=held.agreements,
        bound=held.bound,
        digest=sha256({name: a.sha256 for name, a in held.agreements.items()}),
        trust=held.trust.fingerprint,
        agreed=united.sources,
        denials=united.denials,
        findings=(*held.findings, *disagreements(united, held.agreements)),
        licence=licence_of(RELEASE, held.of_kind(DUL), held.agreements, held.bound, always=held.licensed),
    )


def _stops(stopped: Iterable[Stopped], held: InForce) -> list[Refusal]:
    """Return one refusal for each agreement and source that cannot be loaded as the agreements stand together."""
    return [
        refusal_of(held.agreements[name], conflict(stop, held.agreements[name]), sources=(stop.source,))
        for stop in stopped
        for name in stop.agreements
    ]
