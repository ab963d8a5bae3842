"""What lies in the landing folder for a source: which files, and of which delivery.

A source's own files are those that its agreement's patterns name, and its token files: `<source>.tokens` or
`<source>.<anything>.tokens`.

Layout: `landing/<agency>/<YYYY-MM-DD>/<files>` (delivered for that night) or `landing/<agency>/<files>`
(tonight). Files still being written (hidden, `.part`, `.tmp`) and the `_COMPLETE` marker are not files of a
delivery. Nothing here opens a file to read rows; that is `assets.extracts.delivery`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from assets.extracts.keyed import file_digest, sha256_of
from assets.night import Night
from linkage.token_file import SUFFIX
from mou_policies.model import SourcePolicy

MARKER = "_COMPLETE"
UNFINISHED = frozenset({".part", ".tmp"})


@dataclass(frozen=True)
class LandingFile:
    """One file of a delivery: where it lies, its size in bytes and the keyed digest (32 bytes) of its content."""

    path: Path
    size: int
    digest: bytes


@dataclass(frozen=True)
class Pending:
    """The files of one source in one landing folder; `delivered_for` is the folder's date (tonight's if undated)."""

    delivered_for: date
    files: tuple[LandingFile, ...]
    dated: bool = True


def claims(source: SourcePolicy, name: str) -> bool:
    """Say whether a file of this name is the source's: its tables' own patterns count, and the name of a token file."""
    if name.endswith(SUFFIX):
        return name.split(".", maxsplit=1)[0] == source.source
    own = (pattern for table in source.tables.values() for pattern in table.files)
    return any(fnmatchcase(name, pattern) for pattern in (*source.files, *own))


def digest_of(night: Night, path: Path) -> bytes:
    """Return the keyed digest (32 bytes) by which the book of nights knows a landing file."""
    return file_digest(sha256_of(path), night.keys.k1_in_use or "", night.keys.derive("landing-file"))


def deliveries_of(night: Night, source: SourcePolicy) -> list[Pending]:
    """Return the deliveries of `source` up to the night, oldest first, the undated one last; files by name."""
    found = []
    home = night.landing / source.agency
    for folder, delivered_for in landing_folders(home, night.date):
        files = tuple(
            LandingFile(path, path.stat().st_size, digest_of(night, path))
            for path in files_in(folder)
            if claims(source, path.name)
        )
        if files:
            found.append(Pending(delivered_for, files, folder != home))
    return found


def files_in(folder: Path) -> list[Path]:
    """Return the finished files directly in `folder`, by name."""
    return sorted(path for path in folder.iterdir() if _is_finished(path))


def _is_finished(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.name == MARKER
    return path.is_file() and not path.is_symlink() and not hidden and path.suffix not in UNFINISHED


def landing_folders(home: Path, night: date) -> Iterator[tuple[Path, date]]:
    """Yield (folder, date it was delivered for): the dated ones up to `night` by date, then the home folder."""
    if not home.is_dir():
        return
    dated = ((day, path) for path in home.iterdir() if path.is_dir() and (day := date_of(path.name)))
    for day, path in sorted(dated):
        if day <= night:
            yield path, day
    yield home, night


def date_of(name: str) -> date | None:
    """Return the date that a folder is named for (`YYYY-MM-DD`), or None for any other name."""
    try:
        return date.fromisoformat(name) if len(name) == len("YYYY-MM-DD") else None
    except ValueError:
        return None
