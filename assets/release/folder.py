"""The folder of releases: where each lies, which one is current, and how one becomes so at a stroke.

What belongs here: names of files, reading manifests, and the moves that either happen whole or not at all.
What does not: what is in a release (`publish`), whether it can be trusted (`verify`).

    releases/current                 the id of the release that `query` reads
    releases/<id>/release.duckdb     the tables
    releases/<id>/manifest.json      what it was made from, and the certificate of its audit
    releases/<id>/manifest.sig       Ed25519 signature of the manifest
    releases/<id>/annex.sealed       what is hidden, for the auditor
    releases/<id>/draw.sealed        the noisy counts as drawn, for the auditor (differential privacy only)
    releases/.publishing             the id whose pointer is about to move (only while it does)
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from assets.release.policy import ReleaseError

POINTER, PENDING = "current", ".publishing"
DATABASE, MANIFEST, SIGNATURE, ANNEX = "release.duckdb", "manifest.json", "manifest.sig", "annex.sealed"
DRAW = "draw.sealed"
BUILDING = ".building-"
READ_ONLY = 0o444


@dataclass(frozen=True)
class StoredRelease:
    """One release on disk, not yet verified."""

    path: Path
    manifest: dict[str, Any]

    @property
    def id(self) -> str:
        """Its id, which is the name of its folder."""
        return self.path.name

    @property
    def night(self) -> date:
        """The night it describes."""
        return date.fromisoformat(self.manifest["night"])

    @property
    def sequence(self) -> int:
        """Its place in the series, from 1."""
        return int(self.manifest["sequence"])

    @property
    def database(self) -> Path:
        """Its DuckDB file."""
        return self.path / DATABASE


def read_release(path: Path) -> StoredRelease:
    """Read the manifest of the release in `path`. Raises ReleaseError when there is none."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        release = StoredRelease(path, manifest)
        _ = release.night, release.sequence
    except (OSError, ValueError, KeyError, TypeError):
        raise ReleaseError(
            f"{path.name}: found no readable manifest.json, expected a release; restore it from a backup"
        ) from None
    return release


def releases(folder: Path) -> list[StoredRelease]:
    """Return all releases of a folder in the order of their publication."""
    if not folder.is_dir():
        return []
    found = [read_release(path) for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return sorted(found, key=lambda release: (release.sequence, release.id))


def current(folder: Path) -> StoredRelease:
    """Return the release that the pointer names. Raises ReleaseError when nothing has been published."""
    try:
        name = (folder / POINTER).read_text(encoding="utf-8").strip()
    except OSError:
        raise ReleaseError(
            f"nothing has been published in {folder.name}; run the night on which a release is due"
        ) from None
    if not name or "/" in name or name.startswith(".") or not (folder / name).is_dir():
        raise ReleaseError(f"{folder.name}/{POINTER} names no release; point it to one with `release rollback`")
    return read_release(folder / name)


def building_place(folder: Path, night: date) -> Path:
    """Return a new, empty folder beside the releases in which tonight's is built."""
    place = folder / f"{BUILDING}{night.isoformat()}"
    clear(place)
    place.mkdir(parents=True, mode=0o700)
    return place


def clear(place: Path) -> None:
    """Remove a folder that was being built."""
    if place.exists():
        shutil.rmtree(place)


def sync(path: Path) -> None:
    """Make sure that what was written to a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put_in_place(building: Path, release_id: str) -> Path:
    """Turn a finished building folder into a release and move the pointer, the pointer last.

    A crash in between is mended by `recover`.
    """
    folder = building.parent
    for file in sorted(building.iterdir()):
        file.chmod(READ_ONLY)
        sync(file)
    sync(building)
    _write(folder / PENDING, release_id)
    building.chmod(0o755)
    building.rename(folder / release_id)
    sync(folder)
    point_to(folder, release_id)
    (folder / PENDING).unlink()
    sync(folder)
    return folder / release_id


def point_to(folder: Path, release_id: str) -> None:
    """Make a release the current one."""
    if not (folder / release_id / MANIFEST).is_file():
        raise ReleaseError(f"{release_id} is no release of {folder.name}; `release list` names them")
    aside = folder / f".{POINTER}"
    _write(aside, release_id)
    aside.replace(folder / POINTER)
    sync(folder)


def recover(folder: Path) -> None:
    """Finish or forget what a crash left behind: a release without its pointer, folders half built."""
    if not folder.is_dir():
        return
    pending = folder / PENDING
    if pending.is_file():
        release_id = pending.read_text(encoding="utf-8").strip()
        if release_id and (folder / release_id / MANIFEST).is_file():
            point_to(folder, release_id)
        pending.unlink()
    for place in folder.glob(f"{BUILDING}*"):
        clear(place)


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")
    sync(path)
