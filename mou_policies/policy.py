"""The policy of one night: which agreements are in force, and what they grant. Default deny.

An agreement counts when it loads, its term holds the date and both parties have signed it as it stands. One
that does not becomes a `Refusal` and stops its own sources only. What is granted is enforced by the rooms
that read and store.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.canonical import sha256
from mou_policies.errors import AgreementError
from mou_policies.language import agreement_files, load_agreement
from mou_policies.model import (
    Agreement,
    Exclusion,
    FieldPolicy,
    Refusal,
    SourcePolicy,
    TablePolicy,
    Treatment,
)
from mou_policies.signing import SIGNED, load_trust, sidecar_of, status_of
from mou_policies.trust import TrustStore

__all__ = [
    "Exclusion",
    "FieldPolicy",
    "Policy",
    "Refusal",
    "SourcePolicy",
    "TablePolicy",
    "Treatment",
    "compile_policy",
]


@dataclass(frozen=True)
class Policy:
    """What may be done on one date: `sources` by id, and the `refusals` of everything else.

    `digest` is a SHA-256 over the agreements in force (id and signed digest); `trust` the fingerprint of
    the signers.
    """

    on: date
    sources: Mapping[str, SourcePolicy]
    refusals: tuple[Refusal, ...]
    agreements: Mapping[str, Agreement]
    digest: str
    trust: str
    zip3: str = field(default_factory=vocabulary.zip3_label)

    def publishable(self, source: str, table: str, column_name: str) -> FieldPolicy | None:
        """Return the grant under which a stored column may enter published aggregates, or None."""
        held = self.sources.get(source)
        if held is None or table not in held.tables:
            return None
        fields = held.tables[table].fields
        return next((f for f in fields if f.is_publish and column_name in _columns_of(f)), None)

    def explain_line(self, source: str, table: str, field_name: str, use: str) -> str:
        """Say in one line whether a raw field may have a use on this date, and by which clause."""
        what = f"{source}.{table}.{field_name}"
        held = self.sources.get(source)
        if held is None:
            refusal = next((r for r in self.refusals if source in r.sources), None)
            because = str(refusal) if refusal else "no agreement names this source"
            return f"{what}: {use} denied on {self.on}: {because}"
        if table not in held.tables:
            return f"{what}: {use} denied on {self.on}: {held.clause} names no table {table}"
        said = [f for f in held.tables[table].fields if f.field == field_name]
        granted = next((f for f in said if f.use == use or (use == "content" and f.is_publish)), None)
        if granted is not None:
            return f"{what}: {use} allowed on {self.on} with treatment {granted.treatment}: {granted.clause}"
        if said:
            uses = " and ".join(dict.fromkeys(f.use for f in said if f.use != "none"))
            word = f"grants only {uses}" if uses else f"denies it ({said[0].reason})"
            return f"{what}: {use} denied on {self.on}: {said[0].clause} {word}"
        return f"{what}: {use} denied on {self.on}: {held.tables[table].clause} does not name it"


def compile_policy(folder: Path, on: date) -> Policy:
    """Read every agreement of a folder and return what they grant on a date.

    Never raises for one bad agreement, and stops no other source for it. A malformed trust store refuses
    them all.
    """
    files = agreement_files(folder)
    agreements: list[Agreement] = []
    refusals: list[Refusal] = []
    try:
        trust = load_trust(folder)
    except AgreementError as error:
        refusals = [_refused(file, error, f"signers.yaml:{error.line}: ") for file in files]
        files, trust = [], TrustStore(folder, {})
    for file in files:
        try:
            agreement = load_agreement(file)
        except AgreementError as error:
            refusals.append(_refused(file, error))
            continue
        refusal = _not_in_force(agreement, file, trust, on)
        if refusal is None:
            agreements.append(agreement)
        else:
            refusals.append(refusal)
    agreements, disputed = _without_disputes(agreements)
    sources = {name: source for agreement in agreements for name, source in agreement.sources.items()}
    return Policy(
        on=on,
        sources=sources,
        refusals=(*refusals, *disputed),
        agreements={a.agreement_id: a for a in agreements},
        digest=sha256({a.agreement_id: a.sha256 for a in agreements}),
        trust=trust.fingerprint,
    )


def _not_in_force(agreement: Agreement, file: Path, trust: TrustStore, on: date) -> Refusal | None:
    line = agreement.lines["term"]
    if on > agreement.ends:
        reason = f"the agreement ended on {agreement.ends} (AGR-004)"
        return _refusal(agreement, reason, line, "agree on a new term and sign it")
    if on < agreement.starts:
        reason = f"the agreement begins on {agreement.starts}"
        return _refusal(agreement, reason, line, "wait until then, or agree on an earlier term and sign it")
    status = status_of(agreement, sidecar_of(file), trust)
    if status.state != SIGNED:
        return _refusal(agreement, f"{status.reason} (AGR-005)", status.line, status.remedy)
    parties = {("provider", agreement.provider.agency), ("hub", agreement.hub.agency)}
    in_time = {(s.role, s.agency) for s in status.signatures if s.signed_on <= on}
    if not parties <= in_time:
        reason = f"the last signature is of {status.signed_on}, after this night"
        return _refusal(agreement, reason, line, "it is in force from the day of the last signature")
    return None


def _without_disputes(agreements: list[Agreement]) -> tuple[list[Agreement], list[Refusal]]:
    """Refuse every agreement that shares its id or one of its sources with another one in force."""
    claims = Counter(name for a in agreements for name in a.sources)
    kept: list[Agreement] = []
    refused: list[Refusal] = []
    for agreement in agreements:
        twice = [name for name in agreement.sources if claims[name] > 1]
        others = sorted(
            a.file
            for a in agreements
            if a is not agreement and (set(a.sources) & set(twice) or a.agreement_id == agreement.agreement_id)
        )
        if not others:
            kept.append(agreement)
            continue
        subject = f"source {', '.join(twice)}" if twice else f"the id {agreement.agreement_id}"
        path = f"sources.{twice[0]}" if twice else "agreement"
        refused.append(
            _refusal(
                agreement,
                f"{subject} is claimed by another agreement in force too: {', '.join(others)} (REL-001)",
                agreement.lines.get(path, 1),
                "leave it in one of them, and end or amend the other",
            )
        )
    return kept, refused


def _refusal(agreement: Agreement, reason: str, line: int, remedy: str) -> Refusal:
    return Refusal(agreement.file, tuple(agreement.sources), reason, line, remedy)


def _refused(file: Path, error: AgreementError, where: str = "") -> Refusal:
    rule = f" ({error.rule})" if error.rule else ""
    line = 1 if where else error.line
    return Refusal(file.name, _sources_named(file), f"{where}{error.what}{rule}", line, error.remedy)


def _sources_named(file: Path) -> tuple[str, ...]:
    """Return the sources a malformed file seems to name: the keys one level below ``sources:``.

    A best effort, for the steward's list of what is stopped; nothing is granted by it.
    """
    try:
        lines = file.read_bytes()[:2_000_000].decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    start = next((i for i, line in enumerate(lines) if re.match(r"sources\s*:", line)), len(lines))
    found: list[str] = []
    depth = 0
    for line in lines[start + 1 :]:
        match = re.match(r"(\s*)([\w.-]+)\s*:", line)
        if match is None:
            continue
        indent = len(match[1])
        if indent == 0:
            break
        depth = depth or indent
        if indent == depth:
            found.append(match[2])
    return tuple(dict.fromkeys(found))


def _columns_of(field_policy: FieldPolicy) -> tuple[str, ...]:
    name = field_policy.name
    return (name, f"{name}_year") if field_policy.treatment.unit == "school_day" else (name,)
