"""Checking a release from its own files: signature, digests, tables, pointer, and the whole audit once more.

What belongs here: everything that an auditor can do with a release, the releases before it, the public key
that the city announced, and the key of the annexes. Without that last key the audit still looks for numbers
that are exactly recoverable. What does not: making a release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from assets.release import folder as places
from assets.release.audit_private import budget_findings
from assets.release.auditing import attack, open_annex, sealed_draw
from assets.release.certificate import disagreements
from assets.release.folder import StoredRelease
from assets.release.governed import problems
from assets.release.manifest import check_signature, file_digest
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.rows.form import row_files
from assets.release.tables import Catalogue, CatalogueError
from consent.privacy import Spend, shown


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what, whether it holds, and for people what was found."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Verification:
    """All checks of one release, in the order in which they were made."""

    release_id: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)


def verify(
    releases: Path,
    trusted: Ed25519PublicKey,
    release_id: str | None = None,
    auditor_key: bytes | None = None,
    ledger: Sequence[Spend] | None = None,
) -> Verification:
    """Check one release (default: the current one) against the city's public key.

    Later checks are left out when the signature or a file does not hold, since nothing they read could be
    believed. `ledger`: what the registry says was spent of the privacy budget, where it is at hand. Raises
    ReleaseError when there is no such release.
    """
    release = _find(releases, release_id)
    checks = [_signature(release, trusted)]
    if checks[-1].passed:
        checks.append(_files(release))
    if checks[-1].passed:
        earlier, check = _series(releases, release, trusted)
        checks.append(check)
        if check.passed:
            checks += [_governance(release), *_audit(release, earlier, auditor_key), *_budget(release, earlier, ledger)]
    checks.append(_pointer(releases))
    return Verification(release.id, tuple(checks))


def _find(releases: Path, release_id: str | None) -> StoredRelease:
    if release_id is None:
        return places.current(releases)
    if "/" in release_id or release_id.startswith(".") or not (releases / release_id).is_dir():
        raise ReleaseError("there is no release of that id; `release list` names them")
    return places.read_release(releases / release_id)


def _signature(release: StoredRelease, trusted: Ed25519PublicKey) -> Check:
    try:
        check_signature(release, trusted)
    except ReleaseError as error:
        return Check("signature", False, str(error))
    return Check("signature", True, "the manifest is signed by the city's key")


def _files(release: StoredRelease) -> Check:
    named = release.manifest["release_id"]
    if named != release.id:
        return Check("files", False, f"the folder holds the release {named}; restore both from a backup")
    for name, digest in sorted(release.manifest["files"].items()):
        path = release.path / name
        if not path.is_file() or file_digest(path) != digest:
            return Check("files", False, f"{name} is missing or altered; restore it from a backup")
    return Check("files", True, "every file is the one that was signed")


def _series(releases: Path, release: StoredRelease, trusted: Ed25519PublicKey) -> tuple[list[StoredRelease], Check]:
    """Return the releases that were considered, each with its own signature and files checked."""
    earlier = []
    for entry in release.manifest["earlier"]:
        try:
            before = places.read_release(releases / Path(entry["release_id"]).name)
        except ReleaseError:
            return [], Check("series", False, f"{entry['release_id']}, which it builds on, is missing; restore it")
        signed = file_digest(before.path / places.MANIFEST) == entry["manifest_sha256"]
        if not (signed and _signature(before, trusted).passed and _files(before).passed):
            return [], Check("series", False, f"{before.id}, which it builds on, was altered; restore it")
        earlier.append(before)
    return earlier, Check("series", True, f"{len(earlier)} earlier releases are as they were")


def _governance(release: StoredRelease) -> Check:
    """Judge the claims once more from what the manifest says of the fields that leave."""
    if "governance" not in release.manifest:
        return Check("claims", True, "made before releases said under which agreements they go out")
    found = list(problems(release.manifest))
    if found:
        return Check("claims", False, "; ".join(found[:5]))
    claims = release.manifest["governance"]["claims"]
    return Check("claims", True, "; ".join(claim["says"] for claim in claims) or "none is made")


def _audit(release: StoredRelease, earlier: list[StoredRelease], auditor_key: bytes | None) -> list[Check]:
    """Run the audit again from the files, and compare it with the certificate and the intervals in the annex."""
    manifest = release.manifest
    try:
        annex = None if auditor_key is None else open_annex(release, auditor_key)
    except ReleaseError as error:
        return [Check("annex", False, str(error))]
    try:
        report, tables = attack(
            release.database,
            Catalogue.from_json(manifest["catalogue"]),
            ReleasePolicy.from_json(manifest["policy"]),
            annex,
            release_id=release.id,
            earlier=earlier,
            auditor_key=auditor_key,
            rows=row_files([release]),
            draw=sealed_draw(release.path, manifest.get("mode", {}), auditor_key),
        )
    except (ReleaseError, CatalogueError) as error:
        return [Check("audit", False, f"the audit could not be run to its end: {error}")]
    same = tables == manifest["tables"]
    checks = [Check("tables", same, "rows are those of the manifest" if same else "rows are not those signed")]
    what = f"{report.counts} counts, {report.hidden} hidden, {report.programs} linear programs"
    if report.findings:
        what = "; ".join(str(finding) for finding in report.findings[:5])
    scope = "" if report.complete else " (exact recovery only: the annex needs the auditor's key)"
    checks.append(Check("audit", report.passed, what + scope))
    wrong = list(disagreements(manifest, report))
    if annex is not None and report.intervals and not annex.intervals:
        wrong.append("the annex holds no intervals")
    tried = 0 if annex is None else len(annex.intervals)
    borne = f"it is that of this audit, and its {tried} intervals are possible" if tried else "it is that of this audit"
    return [*checks, Check("certificate", not wrong, "; ".join(wrong) or f"{borne} ({report.solver})")]


def _budget(
    release: StoredRelease, earlier: Sequence[StoredRelease], ledger: Sequence[Spend] | None
) -> Iterator[Check]:
    """Add up what the series has spent of its privacy budget, and compare it with the ledger of the registry."""
    manifests = [*(one.manifest for one in earlier), release.manifest]
    spent = [said for one in manifests if (said := one.get("mode", {}).get("privacy")) and said["draw"]]
    if not spent:
        return
    found = [f"{where}: {what}" for what, where in budget_findings(release.manifest, manifests[:-1])]
    held = {one.draw: (shown(one.epsilon), shown(one.cumulative)) for one in ledger or ()}
    if ledger is not None and any(held.get(said["draw"]) != (said["epsilon"], said["cumulative"]) for said in spent):
        found.append("the registry's ledger does not hold a draw that a release carries, at its cost")
    last = spent[-1]
    what = f"an epsilon of {last['cumulative']} of {last['budget']} is spent"
    scope = " (by the manifests alone: the registry was not at hand)" if ledger is None else ""
    yield Check("budget", not found, "; ".join(found[:5]) or what + scope)


def _pointer(releases: Path) -> Check:
    try:
        name = places.current(releases).id
    except ReleaseError as error:
        return Check("pointer", False, str(error))
    return Check("pointer", True, f"current is {name}")
