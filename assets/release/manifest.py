"""The manifest of a release: what it was made from, what its audit found, and the signature over both.

What belongs here: the manifest's content and canonical form, digests of files and tables, signing and
checking the signature. What does not: anything that tells a hidden number, or which hidden cells are
sensitive by themselves: that is in the sealed annex.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from assets.release import folder as places
from assets.release.audit import AuditReport
from assets.release.certificate import certificate
from assets.release.governance import Governance
from assets.release.governed import to_json
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.rows.form import ENTRY as ROW_ENTRIES
from assets.release.tables import Catalogue
from assets.release.writing import LOG, table_digest

AUDITOR_KEY = "release.auditor"
"""The use under which the key of annexes is derived; an auditor is handed this one key and no other."""

FORMAT = 1


@dataclass(frozen=True)
class Evidence:
    """What a release was made from. `inputs`: source and keyed digest of each file; `agreements`: id, kind, SHA-256.

    `model`: the linkage model's card. `about`: further facts (mode of tokenisation, fingerprint of the key
    ring).
    """

    inputs: Sequence[Mapping[str, str]] = ()
    agreements: Sequence[Mapping[str, str]] = ()
    model: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)


def canonical(value: Any) -> str:
    """Return JSON with sorted keys, for people and for digests."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def table_entries(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, schema: str) -> dict[str, dict[str, Any]]:
    """Return for each released table its number of rows and the digest of its sorted rows."""
    names = [*(spec.name for spec in catalogue.tables), LOG]
    return {
        name: {
            "rows": con.table(f"{schema}.{name}").count("*").fetchall()[0][0],
            "sha256": table_digest(con, schema, name),
        }
        for name in names
    }


def draft(
    *,
    log: Mapping[str, Any],
    catalogue: Catalogue,
    policy: ReleasePolicy,
    mode: Mapping[str, Any],
    evidence: Evidence,
    governance: Governance,
    report: AuditReport,
    tables: Mapping[str, Any],
    earlier: Sequence[places.StoredRelease],
    files: Mapping[str, Path],
    rows: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the text of a manifest; `rows` are its entries on files of rows, one for each licence that asks."""
    return canonical(
        {
            **({ROW_ENTRIES: [dict(entry) for entry in rows]} if rows else {}),
            "format": FORMAT,
            "release_id": log["release_id"],
            "sequence": log["sequence"],
            "night": log["night"],
            "log": dict(log),
            "policy": policy.to_json(),
            "mode": dict(mode),
            "catalogue": catalogue.to_json(),
            "tables": dict(tables),
            "files": {name: file_digest(path) for name, path in files.items()},
            "earlier": [
                {"release_id": release.id, "manifest_sha256": file_digest(release.path / places.MANIFEST)}
                for release in earlier
            ],
            "inputs": [dict(item) for item in evidence.inputs],
            "agreements": [dict(item) for item in evidence.agreements],
            "model": {
                "card": dict(evidence.model),
                "sha256": hashlib.sha256(canonical(dict(evidence.model)).encode()).hexdigest(),
            },
            "about": dict(evidence.about),
            "governance": to_json(governance, policy),
            "audit": {
                **certificate(report, policy, [release.id for release in earlier]),
                "claims": {f"{one.licence}: {one.claim.name}": one.outcome for one in governance.verdicts},
            },
        }
    )


def sign(place: Path, key: Ed25519PrivateKey) -> None:
    """Write the signature over the manifest's bytes beside it."""
    signature = key.sign((place / places.MANIFEST).read_bytes())
    (place / places.SIGNATURE).write_text(base64.b64encode(signature).decode() + "\n", encoding="ascii")


def check_signature(release: places.StoredRelease, trusted: Ed25519PublicKey) -> None:
    """Raise ReleaseError unless the manifest carries a signature of the trusted key."""
    try:
        signature = base64.b64decode((release.path / places.SIGNATURE).read_text(encoding="ascii"), validate=False)
        trusted.verify(signature, (release.path / places.MANIFEST).read_bytes())
    except (OSError, ValueError, binascii.Error, InvalidSignature):
        raise ReleaseError(
            f"{release.id}: its manifest is not signed by the trusted key; restore the release from a backup"
        ) from None
