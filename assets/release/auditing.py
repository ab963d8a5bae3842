"""The audit of a release from its files alone: its tables and rows, its annex, and the releases before it.

What belongs here: opening what a folder of releases holds, and handing it to the audit of the release's mode. What does
not: what is audited (`audit`, `audit_private`), the checks around it (`verify`), making a release (`publish`).
"""

# Paths in these statements are our own.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from assets.release import folder as places
from assets.release.annex import Annex, unseal
from assets.release.audit import AuditReport, audit
from assets.release.audit_private import SealedDraw, audit_private
from assets.release.manifest import table_entries
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.rolling import Told
from assets.release.rows.form import RowFile, row_files
from assets.release.tables import Catalogue

RELEASED = "released.main"


def attach(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a database file to read."""
    quoted = str(path).replace("'", "''")
    con.execute(f"attach '{quoted}' as {name} (read_only)")


def rules_before(earlier: Sequence[places.StoredRelease]) -> dict[str, ReleasePolicy]:
    """Return the rules under which earlier releases were made, by release id."""
    return {release.id: ReleasePolicy.from_json(release.manifest["policy"]) for release in earlier}


def open_annex(release: places.StoredRelease, auditor_key: bytes) -> Annex:
    """Open the sealed annex of a release. Raises ReleaseError for a wrong key or altered bytes."""
    try:
        sealed = (release.path / places.ANNEX).read_bytes()
    except OSError:
        raise ReleaseError(f"{release.id}: its annex is missing; restore it from a backup") from None
    return Annex.from_bytes(unseal(sealed, auditor_key))


def attack(
    database: Path,
    catalogue: Catalogue,
    policy: ReleasePolicy,
    annex: Annex | None,
    *,
    release_id: str,
    earlier: Sequence[places.StoredRelease],
    auditor_key: bytes | None = None,
    rows: Sequence[RowFile] = (),
    draw: SealedDraw | None = None,
) -> tuple[AuditReport, Mapping[str, Any]]:
    """Audit a release from its files alone, its `rows` and those of earlier releases too.

    `auditor_key` opens the annex of the release before, if given. `draw`: what it was drawn as, for a release under
    differential privacy, which is audited for that. Returns the report and the digests of its tables.
    """
    known = (*row_files(earlier), *rows)
    with duckdb.connect(":memory:", config={"temp_directory": ""}) as con:
        attach(con, database, "released")
        if draw is not None:
            drifting = () if annex is None else annex.drifting.tolist()
            files = [release.database for release in earlier]
            report = audit_private(
                con, catalogue, policy, draw, release_id=release_id, drifting=drifting, earlier=files, schema=RELEASED
            )
            return report, table_entries(con, catalogue, RELEASED)
        for number, file in enumerate(known):
            attach(con, file.path, f"rows_{number}")
        report = audit(
            con,
            catalogue,
            policy,
            annex,
            release_id=release_id,
            before=rules_before(earlier),
            earlier=[release.database for release in earlier],
            last=_last(earlier, auditor_key),
            schema=RELEASED,
            rows=known,
        )
        return report, table_entries(con, catalogue, RELEASED)


def sealed_draw(place: Path, about: Mapping[str, Any], key: bytes | None) -> SealedDraw | None:
    """Return the draw in the folder of a release and what its manifest says of it; None in other modes."""
    if "privacy" not in about:
        return None
    file = place / places.DRAW
    return SealedDraw(file.read_bytes() if file.is_file() else b"", about["privacy"], key)


def _last(earlier: Sequence[places.StoredRelease], auditor_key: bytes | None) -> Told | None:
    """Return what an auditor knows of the release before; nothing without the key."""
    if not earlier or auditor_key is None:
        return None
    return Told(Catalogue.from_json(earlier[-1].manifest["catalogue"]), open_annex(earlier[-1], auditor_key))
