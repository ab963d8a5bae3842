"""What is verified of a restored workspace before anybody sees it: the chain, the child IDs, the releases.

Each check returns one line that says what holds, or raises BackupError. What the files are was verified before
(`archive`): these checks say that the workspace which was backed up was itself in order, and is the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection

from assets.night import StatePaths
from assets.release.folder import releases
from assets.release.manifest import check_signature, file_digest
from assets.release.policy import ReleaseError
from consent.trail import FIRST, newest
from consent.trail_check import check
from linkage.keys import KeyRing
from linkage.ledger import Ledger
from pipelines.backup.errors import BackupError
from pipelines.backup.registry import counts

_REMEDY = "restore an earlier backup, and show this line to the auditor"


def rows_hold(connection: Connection, recorded: Mapping[str, int]) -> str:
    """Compare the number of rows of every table with what was recorded."""
    found = counts(connection)
    if found != dict(recorded):
        raise BackupError(f"the registry has other numbers of rows than were recorded; {_REMEDY}")
    return f"registry: {sum(found.values()):,} rows in {len(found)} tables, as recorded"


def chain_holds(connection: Connection, recorded: Mapping[str, Any], trusted: Ed25519PublicKey) -> str:
    """Follow the whole chain with its payloads and checkpoints, and compare its end with what was recorded."""
    report = check(connection, [trusted])
    if report.findings:
        raise BackupError(f"the audit chain does not hold: {report.findings[0]} {_REMEDY.capitalize()}")
    last = newest(connection)
    if recorded != {"events": report.events, "digest": last.digest if last else FIRST}:
        raise BackupError(f"the audit chain does not end where the backup says it did; {_REMEDY}")
    return f"audit chain: {report.events:,} events hold, signed up to event {report.signed_to:,}"


def ledger_root(paths: StatePaths, keys: KeyRing) -> str:
    """Return the Merkle root (hex) of the child-ID ledger."""
    return Ledger(paths.ledger, keys).root().hex()


def ledger_holds(paths: StatePaths, keys: KeyRing, recorded: str) -> str:
    """Compute the ledger's Merkle root anew and compare it with what was recorded."""
    ledger = Ledger(paths.ledger, keys)
    if ledger.root().hex() != recorded:
        raise BackupError(f"the child-ID ledger is not the one that was backed up; {_REMEDY}")
    return f"child IDs: {ledger.record_child().num_rows:,} records, Merkle root {recorded[:16]}… as recorded"


def releases_hold(folder: Path, trusted: Ed25519PublicKey) -> str:
    """Check the signature of every release, and that its files are those that were signed."""
    found = releases(folder)
    for release in found:
        try:
            check_signature(release, trusted)
        except ReleaseError as error:
            raise BackupError(str(error)) from None
        for name, digest in release.manifest["files"].items():
            path = release.path / Path(name).name
            if not path.is_file() or file_digest(path) != digest:
                raise BackupError(f"{release.id}: {name} is not the file that was signed; {_REMEDY}")
    return f"releases: {len(found)} are signed by the city's key and whole"
