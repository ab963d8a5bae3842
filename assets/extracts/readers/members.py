"""The files of a delivery as named streams of bytes, whether they lie in the folder or inside a zip archive.

What belongs here: which files may be opened at all (no links, no oversize, no unsafe archive). What does
not: what the bytes mean. An archive is judged from its directory before anything is unpacked, and nothing
is ever unpacked to disk; while a member is read, its true size is counted, since a directory can lie.
"""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from assets.extracts.delivery import DeliveryError, FileSeen, Limits

_SUFFIX = ".zip"
_RESEND = "ask the agency to send it again"
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})


@dataclass(frozen=True)
class Member:
    """One readable file: `name` is its own name without folders, `size` its bytes when unpacked.

    `inside` is the position of the member in the archive at `path`, None for a plain file.
    """

    name: str
    size: int
    path: Path
    inside: int | None = None

    @property
    def shown(self) -> str:
        """The name to show to people: `archive.zip/member.csv`, or the file's own."""
        return self.name if self.inside is None else f"{self.path.name}/{self.name}"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open for reading from the start. Raises DeliveryError when the archive turns out to be damaged."""
        if self.inside is None:
            with self.path.open("rb") as plain:
                yield plain
            return
        try:
            with (
                zipfile.ZipFile(self.path) as archive,
                archive.open(archive.infolist()[self.inside]) as stream,
            ):
                yield cast(BinaryIO, stream)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError):
            raise _damaged(self.shown) from None


def seen(files: Sequence[Path]) -> list[FileSeen]:
    """Return what to record of the files of a delivery as they landed."""
    return [FileSeen(path.name, path.stat().st_size, path) for path in files]


def members_of(files: Sequence[Path], limits: Limits) -> list[Member]:
    """Return every readable file among `files`, archives replaced by their members, folders by their files.

    Raises DeliveryError for links, oversize files and archives that are damaged, locked, nested or unsafe.
    """
    return [member for path in files for member in _members(path, limits)]


def _members(path: Path, limits: Limits) -> list[Member]:
    if path.is_symlink():
        raise DeliveryError(path.name, "a link, not a file", "deliver the file itself")
    if path.is_dir():
        return [m for inner in sorted(path.iterdir()) if not inner.is_dir() for m in _members(inner, limits)]
    if not path.is_file():
        raise DeliveryError(path.name, "not a regular file", "deliver a regular file")
    size = path.stat().st_size
    if size > limits.max_file_bytes:
        raise DeliveryError(path.name, f"{size} bytes, more than {limits.max_file_bytes}", "deliver smaller files")
    if path.suffix.lower() == _SUFFIX:
        return _members_inside(path, limits)
    return [Member(path.name, size, path)]


def _members_inside(path: Path, limits: Limits) -> list[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise _damaged(path.name) from None
    if len(entries) > limits.max_archive_members:
        raise DeliveryError(
            path.name,
            f"an archive of more than {limits.max_archive_members} members",
            "deliver only the export",
        )
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_uncompressed_bytes:
        raise DeliveryError(
            path.name,
            f"unpacks to more than {limits.max_uncompressed_bytes} bytes",
            "deliver smaller archives",
        )
    found = []
    for place, entry in enumerate(entries):
        _judge(path.name, place, entry, limits)
        if not entry.is_dir() and not _is_by_product(entry.filename):
            found.append(Member(PurePosixPath(entry.filename).name, entry.file_size, path, place))
    names = [member.name.lower() for member in found]
    if len(set(names)) < len(names):
        raise DeliveryError(path.name, "two members have the same name", "deliver one export in one archive")
    return found


def _is_by_product(name: str) -> bool:
    """Say whether an archiver of a desktop system left this beside the files."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")


def _judge(archive: str, place: int, entry: zipfile.ZipInfo, limits: Limits) -> None:
    which = f"member {place + 1} of the archive"  # a member's name can be anything at all, so it is not told
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name.split("/")[0]:
        raise DeliveryError(archive, f"{which} points outside of it", "deliver an archive of plain file names")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DeliveryError(archive, f"{which} is a link", "deliver the files themselves")
    if entry.flag_bits & _ENCRYPTED:
        raise DeliveryError(archive, f"{which} is locked by a password", "deliver it without, over a safe channel")
    if entry.compress_type not in _METHODS:
        raise DeliveryError(archive, f"{which} is packed by an unknown method", "pack it as an ordinary zip")
    if name.lower().endswith(_SUFFIX):
        raise DeliveryError(archive, f"{which} is itself an archive", "deliver one archive without others inside")
    if entry.file_size > limits.ratio_from and entry.file_size > limits.max_ratio * max(entry.compress_size, 1):
        what = f"{which} unpacks to more than {limits.max_ratio} times its size"
        raise DeliveryError(archive, what, "deliver it unpacked if it is genuine")


def _damaged(name: str) -> DeliveryError:
    return DeliveryError(name, "not a complete zip archive (cut short or damaged)", _RESEND)


def counted(stream: BinaryIO, member: Member, piece: int = 1 << 20) -> Iterator[bytes]:
    """Yield the bytes of a member in pieces. Raises DeliveryError when there are more than it declared."""
    total = 0
    while data := stream.read(piece):
        total += len(data)
        if total > member.size:
            raise DeliveryError(member.shown, "larger than its archive declares", _RESEND)
        yield data
