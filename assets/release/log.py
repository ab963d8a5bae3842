"""The series of releases for people: a list, one in detail, and pointing back to an earlier one.

What belongs here: what a data lead asks about releases without opening one. What does not: whether they can
be trusted (`verify`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from assets.release import folder as places
from assets.release.held_counts import in_words
from assets.release.manifest import check_signature
from assets.release.marks import FEW, shown
from assets.release.policy import ReleaseError

FEWER = in_words(None, FEW)


@dataclass(frozen=True)
class Entry:
    """One line of the list: `hidden` of `counts` counts are not shown.

    `refused_since`: of how many children in it a family's decision has taken out the hub's tables since: rounded, once
    a month, and told only when it has moved (`held_counts`).
    """

    release_id: str
    night: str
    tables: int
    counts: int
    hidden: int
    current: bool
    refused_since: str = FEWER


def entries(releases: Path, nights: Path | None = None) -> list[Entry]:
    """Return all releases, oldest first; with the marks of the book of nights, if given."""
    marked = shown(nights) if nights else {}
    try:
        now = places.current(releases).id
    except ReleaseError:
        now = ""
    return [
        Entry(
            release.id,
            release.manifest["night"],
            release.manifest["log"]["tables"],
            release.manifest["log"]["counts"],
            release.manifest["log"]["hidden"],
            release.id == now,
            marked.get(release.id, FEWER),
        )
        for release in places.releases(releases)
    ]


def details(releases: Path, release_id: str | None = None) -> dict[str, Any]:
    """Return the manifest of a release (default: the current one), without its catalogue."""
    return {key: value for key, value in named(releases, release_id).manifest.items() if key != "catalogue"}


def named(releases: Path, release_id: str | None = None) -> places.StoredRelease:
    """Return a release by its id (default: the current one). Raises ReleaseError when there is none of that id."""
    return places.current(releases) if release_id is None else _named(releases, release_id)


def rollback(releases: Path, release_id: str, trusted: Ed25519PublicKey) -> None:
    """Make an earlier release current again, if its signature holds. What was published stays published."""
    check_signature(_named(releases, release_id), trusted)
    places.point_to(releases, release_id)


def _named(releases: Path, release_id: str) -> places.StoredRelease:
    for release in places.releases(releases):
        if release.id == release_id:
            return release
    raise ReleaseError("there is no release of that id; `release list` names them")
