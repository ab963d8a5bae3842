"""What becomes of landing files when a night commits.

A file that was dealt with is deleted or sealed, as the workspace says. A file of a refused source stays where it
is, and one that no agreement claims is named to the steward and never touched. The content store is put in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from assets.extracts.landing import MARKER, claims, digest_of, files_in, landing_folders
from assets.extracts.nights import open_nights
from assets.extracts.seal import SUFFIX, seal
from assets.extracts.store import put_in_order
from assets.guard import no_values_in_errors
from assets.night import Night
from mou_policies.model import SourcePolicy


@dataclass(frozen=True)
class Disposed:
    """What a commit did: files disposed of, files that stay to be loaded, names of files that nobody claims."""

    disposed: int
    kept: int
    unclaimed: tuple[str, ...]


def commit_landing(night: Night) -> Disposed:
    """Dispose of every delivery up to this night that was dealt with whole; running it again does no harm."""
    with no_values_in_errors("the commit of the landing folder"), open_nights(night.paths.nights) as book:
        states = {source: frozenset(book.states(source)) for source in night.policy.sources}
        disposed = kept = 0
        unclaimed: list[tuple[str, str]] = []
        for agency, folder, delivered_for in _landed(night):
            done, needed = _sorted_out(night, agency, folder, states)
            for path in files_in(folder):
                if path in done - needed:
                    _dispose(night, path, Path(agency) / delivered_for.isoformat())
                    disposed += 1
                elif path in needed or not _in_force(night, agency):
                    kept += 1
                else:
                    unclaimed.append((agency, path.name))
        _remove_empty_folders(night)
        put_in_order(night.paths.content)
        book.note_commit(night.date, unclaimed, disposed, night.settings.disposal)
    return Disposed(disposed, kept, tuple(name for _, name in unclaimed))


def _landed(night: Night) -> Iterator[tuple[str, Path, date]]:
    """Yield (agency, folder, date it was delivered for) of every landing folder up to the night."""
    for home in sorted(night.landing.glob("*")):
        if home.is_dir():
            for folder, delivered_for in list(landing_folders(home, night.date)):
                yield home.name, folder, delivered_for


def _in_force(night: Night, agency: str) -> list[SourcePolicy]:
    return [source for source in night.policy.sources.values() if source.agency == agency]


def _sorted_out(
    night: Night, agency: str, folder: Path, states: Mapping[str, frozenset[bytes]]
) -> tuple[set[Path], set[Path]]:
    """Return the files of a folder that a source is done with, and those that a source still needs.

    A source needs all files of a delivery until each was dealt with: one that has the bytes of an earlier file is
    part of a refused delivery all the same.
    """
    done: set[Path] = set()
    needed: set[Path] = set()
    for source in _in_force(night, agency):
        own = [path for path in files_in(folder) if claims(source, path.name)]
        finished = all(digest_of(night, path) in states[source.source] for path in own)
        (done if finished else needed).update(own)
    return done, needed


def _dispose(night: Night, path: Path, folder: Path) -> None:
    if night.settings.disposal == "seal":
        key = night.keys.derive("landing-seal")
        seal(path, night.paths.sealed / folder / f"{path.name}{SUFFIX}", key)
    path.unlink()


def _remove_empty_folders(night: Night) -> None:
    """Remove dated folders that hold nothing more than a completion marker."""
    for home in (h for h in night.landing.glob("*") if h.is_dir()):
        for folder, _ in list(landing_folders(home, night.date)):
            left = [path.name for path in folder.iterdir()]
            if folder != home and set(left) <= {MARKER}:
                (folder / MARKER).unlink(missing_ok=True)
                folder.rmdir()
