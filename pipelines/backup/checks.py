"""What is verified of a restored workspace before anybody sees it: the chain, the child IDs, the releases.

Each check returns one line that says what holds, or raises BackupError. What the files are was verified before
(`archive`): these checks say that the workspace which was backed up was itself in order, and is the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, select

from assets.night import StatePaths
from assets.release.folder import releases
from assets.release.manifest import check_signature, file_digest
from assets.release.policy import ReleaseError
from consent.tables import audit_checkpoint, audit_erasure, audit_event, audit_payload
from consent.trail import FIRST, commitment, digest_of, fingerprint, statement
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
    """Compute the whole chain anew, and compare its end with what was recorded and with its checkpoints."""
    erased = set(connection.scalars(select(audit_erasure.c.sequence)))
    query = (
        select(audit_event, audit_payload.c.salt, audit_payload.c.payload)
        .outerjoin(audit_payload, audit_payload.c.sequence == audit_event.c.sequence)
        .order_by(audit_event.c.sequence)
    )
    digests, previous = [FIRST], FIRST
    for row in connection.execute(query, execution_options={"yield_per": 10_000}).mappings():
        number = len(digests)
        public = {c.name: row[c] for c in audit_event.columns if c.name != "digest"}
        held = row["payload"] is not None
        kept = commitment(row["salt"], row["payload"].encode()) == row["commitment"] if held else number in erased
        if row["sequence"] != number or row["previous"] != previous or digest_of(public) != row["digest"] or not kept:
            raise BackupError(f"the audit chain does not hold at event {number}; {_REMEDY}")
        previous = row["digest"]
        digests.append(previous)
    if recorded != {"events": len(digests) - 1, "digest": previous}:
        raise BackupError(f"the audit chain does not end where the backup says it did; {_REMEDY}")
    signed = _signed(connection, digests, trusted)
    return f"audit chain: {len(digests) - 1:,} events hold, proven by signature up to event {signed:,}"


def _signed(connection: Connection, digests: list[str], trusted: Ed25519PublicKey) -> int:
    """Return the last event that a checkpoint of the trusted key covers; 0 without one."""
    last, name = 0, fingerprint(trusted)
    for point in connection.execute(select(audit_checkpoint).order_by(audit_checkpoint.c.sequence)):
        good = point.sequence < len(digests) and digests[point.sequence] == point.digest
        if good and point.key == name:
            try:
                trusted.verify(point.signature, statement(point.sequence, point.digest, point.signed_at, point.key))
            except InvalidSignature:
                good = False
            last = point.sequence
        if not good:
            raise BackupError(f"the checkpoint of event {point.sequence} is not of this chain; {_REMEDY}")
    return last


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
