"""What a night leaves in the audit trail: one event for each act, as counts, digests and names of files.

What belongs here: turning what a step reports into the payload of an event. What does not: the chain (`consent.trail`),
what a step did (its own room), whether a person may read it (`pipelines`).

An event is appended when its act is done. A night that died between act and event is run again, and the event then
says what the book of nights holds of both runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assets.release.manifest import file_digest
from consent.anchor_file import append_anchor
from consent.anchors import read_anchors
from consent.reading import open_to_read
from consent.registry import open_registry
from consent.trail import AuditTrail, Kind
from consent.trail_check import check
from consent.trail_errors import AnchorError, TrailError
from mou_policies.canonical import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assets.extracts.disposal import Disposed
    from assets.extracts.load import LoadReport
    from assets.night import Night
    from assets.spine.gate import Gate
    from linkage.run import LinkReport


@contextmanager
def trail_of(night: Night) -> Iterator[AuditTrail]:
    """Open the trail of a night's registry."""
    engine = open_registry(night.paths.registry_url)
    try:
        yield AuditTrail(engine)
    finally:
        engine.dispose()


def note(night: Night, kind: Kind, subject: str, payload: Mapping[str, Any]) -> None:
    """Append one event of a night; `subject` begins with the night's date."""
    with trail_of(night) as trail:
        trail.append(kind, f"{night.date} {subject}".strip(), payload, actor=night.actor)


def note_load(night: Night, report: LoadReport) -> None:
    """Say what became of a source's rows tonight and under which agreement; of a refused one, why and what mends it."""
    source = night.policy.sources.get(report.source)
    agreement = next((a for a in night.policy.agreements.values() if report.source in a.sources), None)
    payload: dict[str, Any] = {
        "status": report.status,
        "agency": source.agency if source else None,
        "agreement": agreement.agreement_id if agreement else None,
        "agreement_sha256": agreement.sha256 if agreement else None,
        "policy": night.policy.digest,
        "files": [asdict(count) for count in report.counts],
        "records": report.records,
        "rows_removed_for_opt_outs": report.purged,
        "checks_failed": sorted(check.name for check in report.checks if not check.passed),
    }
    if report.refusal:
        note(night, "refusal", report.source, payload | {"reason": report.refusal, "remedy": report.remedy})
    else:
        note(night, "load", report.source, payload)


def note_link(night: Night, report: LinkReport) -> None:
    """Say how many records are how many children tonight, with the Merkle root of the child-ID ledger."""
    from linkage.ledger import Ledger  # noqa: PLC0415

    payload = {
        "records": report.records,
        "children": report.children,
        "changes": asdict(report.changes),
        "ledger_root": Ledger(night.paths.ledger, night.keys).root().hex(),
        "model": report.model_card["version"],
        "model_card_sha256": sha256(report.model_card),
    }
    note(night, "link", "child IDs", payload)


def note_gate(night: Night, gate: Gate, marked: Mapping[str, int]) -> None:
    """Say how many rows consent took out tonight, by scope and source, and how many forms reach no child yet.

    `marked`: the earlier releases that held children whom it takes out since tonight, with how many.
    """
    payload = {
        "dropped": [asdict(drop) for drop in gate.drops],
        "tables": [asdict(table) for table in gate.tables],
        "forms_pending": [asdict(one) for one in gate.pending],
        "revoked": [asdict(one) for one in gate.revoked],
        "earlier_releases_that_held_them": dict(marked),
    }
    note(night, "decision", "consent gate", payload)


def note_release(night: Night, status: Mapping[str, Any], refused: str | None) -> None:
    """Say that a release was published tonight, or why it was refused; a night without one says nothing."""
    if refused:
        note(night, "refusal", "release", {"reason": refused})
    elif release := status.get("release"):
        manifest = night.paths.releases / str(release) / "manifest.json"
        payload = {"release": release, "manifest_sha256": file_digest(manifest), **_plain(status)}
        note(night, "release", str(release), payload)


def end_night(night: Night, disposed: Disposed) -> str | None:
    """Close a night in the trail: what it ran under, a checkpoint, and the anchor that the settings ask for.

    The whole trail is followed first. Returns what is wrong with it, and then nothing is signed; else None.
    """
    payload = {
        "policy": night.policy.digest,
        "trust": night.policy.trust,
        "agreements": {name: a.sha256 for name, a in sorted(night.policy.agreements.items())},
        "refused_agreements": [refusal.agreement_file for refusal in night.policy.refusals],
        "keys": night.keys.fingerprint,
        "mode": night.keys.mode,
        "files_disposed": disposed.disposed,
        "files_kept": disposed.kept,
        "files_unclaimed": len(disposed.unclaimed),
    }
    wrong = trail_problem(night)
    with trail_of(night) as trail:
        trail.append("night", str(night.date), payload | {"trail_whole": wrong is None}, actor=night.actor)
        made = trail.checkpoint(night.keys.signing_key) if wrong is None else None
    if night.anchor is None or made is None:
        return wrong
    try:
        append_anchor(night.anchor, made, night.keys.signing_key.public_key(), state=night.paths.root)
    except AnchorError as error:
        return str(error)
    return None


def trail_problem(night: Night) -> str | None:
    """Follow the whole trail, and compare it with its checkpoints and the file of anchors; return what is wrong."""
    kept = night.anchor if night.anchor is not None and night.anchor.is_file() else None
    engine = open_to_read(night.paths.registry_url)
    try:
        anchors = read_anchors(str(kept)) if kept else []
        report = check(engine, [night.keys.signing_key.public_key()], anchors)
    except (AnchorError, TrailError) as error:
        return str(error)
    finally:
        engine.dispose()
    if report.whole:
        return None
    return f"{report.findings[0]} ({len(report.findings)} findings in all; see `cradlepath audit verify`)"


def _plain(status: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("dagster/", ""): value for name, value in status.items() if name not in {"release", "status"}}
